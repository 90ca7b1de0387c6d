// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/web.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "agent/child.h"

#define CONNECTIONS 16 /* more push out the oldest */
#define REQUEST_MOST 8192
#define PATIENCE_MS 10000

struct connection {
	int fd; /* -1: free */
	int64_t until_ms;
	char request[REQUEST_MOST];
	size_t length;
	char *reply; /* NULL while the request comes in */
	size_t reply_size, sent;
};

struct web {
	int fd;
	web_answer answer;
	void *data;
	struct connection connections[CONNECTIONS];
};

/* Splits ADDR:PORT; the address may stand in brackets. */
static int split(const char *where, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(where, ':'), *from = where;
	size_t length = colon ? (size_t)(colon - where) : 0;

	if (!colon || !colon[1])
		return misuse("--listen %s: expected ADDRESS:PORT", where);
	if (length >= 2 && *where == '[' && where[length - 1] == ']') {
		from++;
		length -= 2;
	}
	if (length >= size)
		return misuse("--listen %s: no address is so long", where);
	memcpy(host, from, length);
	host[length] = '\0';
	*port = colon + 1;
	return 0;
}

static int listen_at(const struct addrinfo *at)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, at->ai_addr, at->ai_addrlen) && !listen(fd, 64))
		return fd;
	close(fd);
	return -1;
}

int web_open(struct web **web, const char *where, web_answer answer, void *data)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM},
			*found;
	struct web *made;
	char host[64];
	const char *port = "";
	int error = split(where, host, sizeof(host), &port), fd;

	if (error)
		return error;
	if (getaddrinfo(*host ? host : NULL, port, &hints, &found))
		return misuse("--listen %s: expected ADDRESS:PORT", where);
	fd = listen_at(found);
	freeaddrinfo(found);
	if (fd < 0)
		return fail("listen on %s: %s", where, strerror(errno));
	made = xalloc(sizeof(*made));
	made->fd = fd;
	made->answer = answer;
	made->data = data;
	for (size_t i = 0; i < CONNECTIONS; i++)
		made->connections[i].fd = -1;
	*web = made;
	return 0;
}

static void hang_up(struct connection *connection)
{
	close(connection->fd);
	free(connection->reply);
	connection->fd = -1;
	connection->reply = NULL;
}

void web_wait(struct web *web, struct waits *waits)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *connection = &web->connections[i];

		if (connection->fd < 0)
			continue;
		waits_add(waits, connection->fd, connection->reply ? POLLOUT : POLLIN);
		waits_until(waits, connection->until_ms);
	}
	waits_add(waits, web->fd, POLLIN);
}

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 404:
		return "Not Found";
	case 503:
		return "Service Unavailable";
	default:
		return "Bad Request";
	}
}

static void reply(struct web *web, struct connection *connection)
{
	char path[128] = "", *body = NULL;
	size_t size;
	FILE *to = open_memstream(&body, &size);
	int status = 400;

	if (sscanf(connection->request, "GET %127[^ ?\r\n]", path) == 1)
		status = web->answer(path, to, web->data);
	fclose(to);
	connection->reply = xprintf("HTTP/1.1 %d %s\r\n"
				    "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
				    "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
				    status, reason(status), size, body);
	connection->reply_size = strlen(connection->reply);
	connection->sent = 0;
	free(body);
}

/* What takes long to find out is told by a child, lest changes wait for it. */
static void reply_apart(struct web *web, struct connection *connection)
{
	struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	size_t sent = 0;
	pid_t parent = getpid(), child = fork();

	if (child > 0)
		hang_up(connection);
	if (child)
		return;
	if (!child_apart(parent, &connection->fd))
		_exit(1);
	fcntl(connection->fd, F_SETFL, 0);
	setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	reply(web, connection);
	while (sent < connection->reply_size) {
		ssize_t more = send(connection->fd, connection->reply + sent,
				    connection->reply_size - sent, MSG_NOSIGNAL);

		if (more <= 0)
			break;
		sent += (size_t)more;
	}
	_exit(0);
}

static void take_request(struct web *web, struct connection *connection)
{
	size_t room = sizeof(connection->request) - 1 - connection->length;
	ssize_t got = recv(connection->fd, connection->request + connection->length, room, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		hang_up(connection);
		return;
	}
	connection->length += (size_t)got;
	connection->request[connection->length] = '\0';
	if (strstr(connection->request, "\r\n\r\n") || strstr(connection->request, "\n\n") ||
	    connection->length == sizeof(connection->request) - 1) {
		if (strncmp(connection->request, "GET /metrics", 12) == 0)
			reply_apart(web, connection);
		else
			reply(web, connection);
	}
}

static void send_reply(struct connection *connection)
{
	ssize_t sent = send(connection->fd, connection->reply + connection->sent,
			    connection->reply_size - connection->sent, MSG_NOSIGNAL);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (sent > 0)
		connection->sent += (size_t)sent;
	if (sent <= 0 || connection->sent == connection->reply_size)
		hang_up(connection);
}

/* A free place, or that of who has been there longest. */
static struct connection *place_for(struct web *web)
{
	struct connection *best = &web->connections[0];

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *connection = &web->connections[i];

		if (connection->fd < 0)
			return connection;
		if (connection->until_ms < best->until_ms)
			best = connection;
	}
	hang_up(best);
	return best;
}

static void take_connections(struct web *web)
{
	int fd;

	while ((fd = accept4(web->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *connection = place_for(web);

		connection->fd = fd;
		connection->length = 0;
		connection->until_ms = now_ms() + PATIENCE_MS;
	}
}

void web_step(struct web *web)
{
	take_connections(web);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *connection = &web->connections[i];

		if (connection->fd >= 0 && !connection->reply)
			take_request(web, connection);
		if (connection->fd >= 0 && connection->reply)
			send_reply(connection);
		if (connection->fd >= 0 && now_ms() > connection->until_ms)
			hang_up(connection);
	}
}

void web_close(struct web *web)
{
	if (!web)
		return;
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (web->connections[i].fd >= 0)
			hang_up(&web->connections[i]);
	close(web->fd);
	free(web);
}
