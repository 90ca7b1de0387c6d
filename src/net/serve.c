// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/serve.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/base.h"
#include "base/port.h"

struct endpoint {
	enum { LISTENER, DATAGRAM, CONNECTION, WATCH } kind;
	int fd;
	/* of a connection: what came in and has not gone back yet */
	size_t length, sent;
	char pending[4096];
};

struct service {
	int epoll;
	char *greeting; /* the pod's name and a newline */
	char *interface;
	unsigned int ifindex;
};

static struct endpoint *endpoint_add(struct service *service, int kind, int fd)
{
	struct endpoint *endpoint = xalloc(sizeof(*endpoint));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = endpoint};

	endpoint->kind = kind;
	endpoint->fd = fd;
	if (!epoll_ctl(service->epoll, EPOLL_CTL_ADD, fd, &event))
		return endpoint;
	close(fd);
	free(endpoint);
	return NULL;
}

static void endpoint_drop(struct endpoint *endpoint)
{
	close(endpoint->fd);
	free(endpoint);
}

/* A listening socket of one family. -errno, so that a missing family can be told. */
static int listen_on(int family, const struct port *port)
{
	struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port->number)};
	struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port->number)};
	bool stream = port->protocol != IPPROTO_UDP;
	int type = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd = socket(family, type, port->protocol), one = 1, error;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (family == AF_INET6)
		error = bind(fd, (struct sockaddr *)&any6, sizeof(any6));
	else
		error = bind(fd, (struct sockaddr *)&any4, sizeof(any4));
	if (!error && stream)
		error = listen(fd, SOMAXCONN);
	if (!error)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int add_port(struct service *service, const char *text)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct port port;

	if (port_parse(text, &port))
		return fail("%s is not a port", text);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int fd = listen_on(families[i], &port);

		if (fd == -EAFNOSUPPORT || fd == -EPROTONOSUPPORT)
			continue;
		if (fd < 0)
			return fail("listen on %s: %s", text, strerror(-fd));
		if (!endpoint_add(service, port.protocol == IPPROTO_UDP ? DATAGRAM : LISTENER, fd))
			return fail("listen on %s: %s", text, strerror(errno));
	}
	return 0;
}

static int add_watch(struct service *service)
{
	struct sockaddr_nl links = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&links, sizeof(links)) ||
	    !endpoint_add(service, WATCH, fd))
		return fail("watch interface %s: %s", service->interface, strerror(errno));
	return 0;
}

int service_open(const char *pod, const char *interface, const json_t *ports,
		 struct service **service)
{
	struct service *new = xalloc(sizeof(*new));
	json_t *port;
	size_t i;

	*service = new;
	new->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (new->epoll < 0)
		return fail("make an epoll: %s", strerror(errno));
	new->greeting = xprintf("%s\n", pod);
	new->interface = xstrdup(interface);
	json_array_foreach (ports, i, port)
		if (add_port(new, json_string_value(port)))
			return FAILED;
	if (add_watch(new))
		return FAILED;
	new->ifindex = if_nametoindex(interface);
	if (!new->ifindex)
		return fail("interface %s is gone", interface);
	return 0;
}

static void accept_connection(struct service *service, const struct endpoint *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		/* out of descriptors: let some connections end */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			usleep(10000);
		return;
	}
	if (send(fd, service->greeting, strlen(service->greeting), MSG_NOSIGNAL) < 0)
		close(fd);
	else
		endpoint_add(service, CONNECTION, fd);
}

/* Many at a time, so that a burst is answered before the queue is full. */
static void answer_datagrams(const struct service *service, const struct endpoint *endpoint)
{
	for (int i = 0; i < 64; i++) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		char byte;

		if (recvfrom(endpoint->fd, &byte, 1, 0, (struct sockaddr *)&from, &size) < 0)
			return;
		sendto(endpoint->fd, service->greeting, strlen(service->greeting), MSG_NOSIGNAL,
		       (struct sockaddr *)&from, size);
	}
}

static bool would_block(ssize_t result)
{
	return result < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Reads no more until all of it has gone back; false when the connection is over. */
static bool echo(const struct service *service, struct endpoint *connection)
{
	struct epoll_event event = {.data.ptr = connection};
	ssize_t count;

	if (!connection->length) {
		count = recv(connection->fd, connection->pending, sizeof(connection->pending), 0);
		if (count <= 0)
			return would_block(count);
		connection->length = count;
	}
	count = send(connection->fd, connection->pending + connection->sent,
		     connection->length - connection->sent, MSG_NOSIGNAL);
	if (count < 0 && !would_block(count))
		return false;
	connection->sent += count > 0 ? count : 0;
	if (connection->sent == connection->length)
		connection->sent = connection->length = 0;
	event.events = connection->length ? EPOLLOUT : EPOLLIN;
	return !epoll_ctl(service->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static bool interface_is_gone(const struct service *service, const struct endpoint *watch)
{
	char buffer[8192];

	while (recv(watch->fd, buffer, sizeof(buffer), 0) > 0)
		;
	return if_nametoindex(service->interface) != service->ifindex;
}

void service_run(struct service *service)
{
	struct epoll_event events[64];

	for (;;) {
		int count = epoll_wait(service->epoll, events, ARRAY_SIZE(events), -1);

		for (int i = 0; i < count; i++) {
			struct endpoint *endpoint = events[i].data.ptr;

			if (endpoint->kind == LISTENER)
				accept_connection(service, endpoint);
			else if (endpoint->kind == DATAGRAM)
				answer_datagrams(service, endpoint);
			else if (endpoint->kind == CONNECTION && !echo(service, endpoint))
				endpoint_drop(endpoint);
			else if (endpoint->kind == WATCH && interface_is_gone(service, endpoint))
				return;
		}
	}
}
