// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * load KIND CLIENT SERVER ADDRESS PORT MS: real packets between two network namespaces, both
 * ends by one thread, so that what is counted is its own processor time, the kernel's
 * in its name included, whatever else the machine does. Prints how many there were, how
 * many of them came, and ns of processor time for each.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32
#define CHUNK 65536
#define WARM_UP 16

static const char *client_name, *server_name;
static struct sockaddr_in server;

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A socket of that namespace; the thread stays there, for the next one is often of the same. */
static int socket_in(const char *namespace, int type, int protocol)
{
	static const char *current;
	char path[128];
	int fd;

	if (namespace != current) {
		snprintf(path, sizeof(path), "/run/netns/%s", namespace);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, CLONE_NEWNET))
			die(path);
		close(fd);
		current = namespace;
	}
	fd = socket(AF_INET, type, protocol);
	if (fd < 0)
		die("socket");
	return fd;
}

static void wait_for(int fd, short events)
{
	struct pollfd one = {.fd = fd, .events = events};

	if (poll(&one, 1, 5000) != 1) {
		errno = ETIMEDOUT;
		die("nothing comes");
	}
}

static int listen_there(void)
{
	int fd = socket_in(server_name, SOCK_STREAM, 0), yes = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(fd, (void *)&server, sizeof(server)) || listen(fd, 128))
		die("listen");
	return fd;
}

/* The socket is reset at its end: no port waits for its connection's last packets. */
static int connect_here(void)
{
	struct linger reset = {1, 0};
	int fd = socket_in(client_name, SOCK_STREAM, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (void *)&server, sizeof(server)))
		die("connect");
	return fd;
}

static int accept_there(int listener)
{
	int fd, yes = 1;

	wait_for(listener, POLLIN);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

struct ends {
	int listener, here, there;
	uint16_t port;
	uint64_t came;
	char *data;
};

static void open_listener(struct ends *ends)
{
	ends->listener = listen_there();
}

static void open_connection(struct ends *ends)
{
	open_listener(ends);
	ends->here = connect_here();
	ends->there = accept_there(ends->listener);
	fcntl(ends->here, F_SETFL, O_NONBLOCK);
	fcntl(ends->there, F_SETFL, O_NONBLOCK);
}

static void open_datagrams(struct ends *ends)
{
	ends->there = socket_in(server_name, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (bind(ends->there, (void *)&server, sizeof(server)))
		die("bind");
	ends->here = socket_in(client_name, SOCK_DGRAM, 0);
	if (connect(ends->here, (void *)&server, sizeof(server)))
		die("connect");
}

static void open_raw(struct ends *ends)
{
	open_datagrams(ends);
	close(ends->here);
	ends->here = socket_in(client_name, SOCK_RAW, IPPROTO_UDP);
}

static uint64_t stream(struct ends *ends)
{
	ssize_t sent = send(ends->here, ends->data, CHUNK, 0), got, sum = 0;

	if (sent < 0 && errno != EAGAIN)
		die("send");
	wait_for(ends->there, POLLIN);
	while ((got = recv(ends->there, ends->data, CHUNK, 0)) > 0)
		sum += got;
	ends->came += sum;
	return sum;
}

static void say(int from, int to)
{
	char byte = 'x';

	if (send(from, &byte, 1, 0) != 1)
		die("send");
	wait_for(to, POLLIN);
	if (recv(to, &byte, 1, 0) != 1)
		die("recv");
}

static uint64_t request(struct ends *ends)
{
	say(ends->here, ends->there);
	say(ends->there, ends->here);
	ends->came++;
	return 1;
}

static uint64_t connection(struct ends *ends)
{
	ends->here = connect_here();
	ends->there = accept_there(ends->listener);
	request(ends);
	close(ends->there);
	close(ends->here);
	return 1;
}

static void drain(struct ends *ends)
{
	while (recv(ends->there, ends->data, 64, 0) >= 0)
		ends->came++;
}

static uint64_t datagrams(struct ends *ends)
{
	for (int i = 0; i < BATCH; i++)
		send(ends->here, ends->data, 32, 0);
	drain(ends);
	return BATCH;
}

/* Each from another port, as new connections come. */
static uint64_t flood(struct ends *ends)
{
	struct {
		struct udphdr head;
		char data[24];
	} packet = {.head = {.dest = server.sin_port, .len = htons(sizeof(packet))}};
	struct sockaddr_in to = server;

	to.sin_port = 0;
	for (int i = 0; i < BATCH; i++) {
		packet.head.source = htons(1024 + ends->port++ % 64000);
		sendto(ends->here, &packet, sizeof(packet), 0, (void *)&to, sizeof(to));
	}
	drain(ends);
	return BATCH;
}

static const struct kind {
	const char *name;
	void (*open)(struct ends *ends);
	uint64_t (*run)(struct ends *ends); /* how many that were; a stream's are bytes */
} kinds[] = {
    {"stream", open_connection, stream},
    {"request", open_connection, request},
    {"connection", open_listener, connection},
    {"datagram", open_datagrams, datagrams},
    {"new", open_raw, flood},
    {NULL, NULL, NULL},
};

static uint64_t now(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ull + time.tv_nsec;
}

int main(int argc, char **argv)
{
	struct ends ends = {.data = calloc(1, CHUNK)};
	uint64_t begin, end, spent, count = 0;
	const struct kind *kind = kinds;
	cpu_set_t one;

	if (argc != 7)
		return 2;
	while (kind->run && strcmp(kind->name, argv[1]))
		kind++;
	client_name = argv[2];
	server_name = argv[3];
	server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[5]))};
	if (!kind->run || !ends.data || inet_pton(AF_INET, argv[4], &server.sin_addr) != 1)
		return 2;
	/* what it sends is received by the same processor, in the same thread's time */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	kind->open(&ends);
	for (int i = 0; i < WARM_UP; i++)
		kind->run(&ends);
	ends.came = 0;
	end = now(CLOCK_MONOTONIC) + strtoull(argv[6], NULL, 10) * 1000000;
	begin = now(CLOCK_PROCESS_CPUTIME_ID);
	while (now(CLOCK_MONOTONIC) < end)
		count += kind->run(&ends);
	spent = now(CLOCK_PROCESS_CPUTIME_ID) - begin;
	printf("%llu %llu %f\n", (unsigned long long)count, (unsigned long long)ends.came,
	       (double)spent / (count ? count : 1));
	return 0;
}
