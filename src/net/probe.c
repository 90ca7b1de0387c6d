// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/probe.h"
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "base/base.h"
#include "net/netns.h"

#define GREETING_MS 100 /* how long a server that accepted may take to say something */
#define SPARE_FILES 64
#define AT_ONCE 1024

struct attempt {
	struct probe *probe;
	int64_t begun_us, deadline_us;
};

/* Those under way: attempts[i] waits for files[i]. */
struct round {
	struct attempt *attempts;
	struct pollfd *files;
	size_t count, most;
	uint16_t next_echo;
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct opening {
	int family, type, protocol;
	int fd;
};

/* A socket belongs to the namespace in which it was made. */
static int open_socket(void *data)
{
	struct opening *opening = data;

	opening->fd = socket(opening->family, opening->type | SOCK_NONBLOCK | SOCK_CLOEXEC,
			     opening->protocol);
	if (opening->fd < 0)
		opening->fd = -errno;
	return 0;
}

static int probe_socket(const struct probe *probe, int *fd)
{
	struct opening opening = {
	    .family = probe->to.family == 4 ? AF_INET : AF_INET6,
	    .type = SOCK_STREAM,
	    .protocol = probe->protocol,
	};
	int error;

	if (probe->protocol == IPPROTO_UDP)
		opening.type = SOCK_DGRAM;
	if (probe->protocol == IPPROTO_ICMP) {
		opening.type = SOCK_RAW;
		if (probe->to.family == 6)
			opening.protocol = IPPROTO_ICMPV6;
	}
	error =
	    probe->netns ? netns_run(probe->netns, open_socket, &opening) : open_socket(&opening);
	*fd = opening.fd;
	return error;
}

static int probe_connect(const struct probe *probe, int fd)
{
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(probe->port)};
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(probe->port)};
	int result;

	if (probe->protocol == IPPROTO_ICMP)
		to4.sin_port = to6.sin6_port = 0;
	memcpy(&to4.sin_addr, probe->to.bytes, sizeof(to4.sin_addr));
	memcpy(&to6.sin6_addr, probe->to.bytes, sizeof(to6.sin6_addr));
	if (probe->to.family == 4)
		result = connect(fd, (struct sockaddr *)&to4, sizeof(to4));
	else
		result = connect(fd, (struct sockaddr *)&to6, sizeof(to6));
	return result && errno != EINPROGRESS ? -errno : 0;
}

static uint16_t checksum(const uint16_t *words, size_t count)
{
	uint32_t sum = 0;

	while (count--)
		sum += *words++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Both families' echo request has the same shape; the kernel sums ICMPv6 itself. */
static int send_echo(const struct probe *probe, int fd, uint16_t sequence)
{
	struct icmphdr echo = {.type = probe->to.family == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST};

	echo.un.echo.id = htons(getpid() & 0xffff);
	echo.un.echo.sequence = htons(sequence);
	if (probe->to.family == 4)
		echo.checksum = checksum((uint16_t *)&echo, sizeof(echo) / 2);
	return send(fd, &echo, sizeof(echo), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static bool is_echo_reply(const struct probe *probe, const char *packet, ssize_t length)
{
	struct icmphdr reply;
	size_t offset = 0;

	if (probe->to.family == 4 && length > 0)
		offset = 4 * (packet[0] & 15);
	if (length < (ssize_t)(offset + sizeof(reply)))
		return false;
	memcpy(&reply, packet + offset, sizeof(reply));
	return reply.type == (probe->to.family == 4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
	       reply.un.echo.id == htons(getpid() & 0xffff);
}

static int probe_begin(const struct probe *probe, int fd, uint16_t sequence)
{
	int error = probe_connect(probe, fd);

	if (!error && probe->protocol == IPPROTO_UDP && send(fd, "?\n", 2, MSG_NOSIGNAL) < 0)
		error = -errno;
	if (!error && probe->protocol == IPPROTO_ICMP)
		error = send_echo(probe, fd, sequence);
	return error;
}

static void probe_end(const struct attempt *attempt, int error)
{
	attempt->probe->error = error;
	attempt->probe->connected = !error;
	attempt->probe->elapsed_us = now_us() - attempt->begun_us;
}

static bool is_stream(const struct probe *probe)
{
	return probe->protocol != IPPROTO_UDP && probe->protocol != IPPROTO_ICMP;
}

/* Begins one; it is under way unless that already failed. */
static int attempt_begin(struct round *round, struct probe *probe)
{
	struct attempt attempt = {.probe = probe};
	int fd, error;

	probe->connected = false;
	probe->error = 0;
	probe->answer[0] = '\0';
	if (probe_socket(probe, &fd))
		return FAILED;
	attempt.begun_us = now_us();
	attempt.deadline_us = attempt.begun_us + (int64_t)probe->timeout_ms * 1000;
	error = fd < 0 ? fd : probe_begin(probe, fd, round->next_echo++);
	if (error) {
		probe_end(&attempt, -error);
		if (fd >= 0)
			close(fd);
		return 0;
	}
	round->attempts[round->count] = attempt;
	round->files[round->count++] =
	    (struct pollfd){.fd = fd, .events = is_stream(probe) ? POLLOUT : POLLIN};
	return 0;
}

static void attempt_drop(struct round *round, size_t i)
{
	close(round->files[i].fd);
	round->count--;
	round->attempts[i] = round->attempts[round->count];
	round->files[i] = round->files[round->count];
}

static void take_answer(struct probe *probe, const char *text, ssize_t length)
{
	if (length > (ssize_t)sizeof(probe->answer) - 1)
		length = sizeof(probe->answer) - 1;
	memcpy(probe->answer, text, length);
	probe->answer[length] = '\0';
	probe->answer[strcspn(probe->answer, "\r\n")] = '\0';
}

/* True when a stream's handshake has ended well: then its greeting is waited for. */
static bool stream_connected(struct attempt *attempt, struct pollfd *file)
{
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(file->fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	probe_end(attempt, error);
	if (error)
		return false;
	file->events = POLLIN;
	attempt->deadline_us = now_us() + GREETING_MS * 1000;
	return true;
}

/* Something happened; true when the attempt goes on. */
static bool attempt_advance(struct attempt *attempt, struct pollfd *file)
{
	struct probe *probe = attempt->probe;
	char packet[2048];
	ssize_t length;

	if (is_stream(probe) && !probe->connected)
		return stream_connected(attempt, file);
	length = recv(file->fd, packet, sizeof(packet), 0);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (is_stream(probe)) {
		if (length > 0)
			take_answer(probe, packet, length);
		return false;
	}
	if (length < 0) {
		probe_end(attempt, errno);
		return false;
	}
	if (probe->protocol == IPPROTO_ICMP && !is_echo_reply(probe, packet, length))
		return true;
	probe_end(attempt, 0);
	if (probe->protocol == IPPROTO_UDP)
		take_answer(probe, packet, length);
	return false;
}

static void round_step(struct round *round)
{
	int64_t soonest = INT64_MAX, now = now_us();

	for (size_t i = 0; i < round->count; i++)
		if (round->attempts[i].deadline_us < soonest)
			soonest = round->attempts[i].deadline_us;
	poll(round->files, round->count, soonest > now ? (soonest - now) / 1000 + 1 : 0);
	now = now_us();
	for (size_t i = round->count; i-- > 0;) {
		struct attempt *attempt = &round->attempts[i];

		if (round->files[i].revents) {
			if (!attempt_advance(attempt, &round->files[i]))
				attempt_drop(round, i);
		} else if (attempt->deadline_us <= now) {
			if (!attempt->probe->connected)
				probe_end(attempt, ETIMEDOUT);
			attempt_drop(round, i);
		}
	}
}

/* As many sockets as may be open, the limit raised as far as it goes. */
static size_t sockets_at_once(size_t wanted)
{
	struct rlimit limit;

	if (wanted > AT_ONCE)
		wanted = AT_ONCE;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 1;
	if (limit.rlim_cur < wanted + SPARE_FILES) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= wanted + SPARE_FILES)
		return wanted;
	return limit.rlim_cur > 2 * SPARE_FILES ? limit.rlim_cur - SPARE_FILES : SPARE_FILES;
}

int probes_run(struct probe *probes, size_t count)
{
	struct round round = {.most = sockets_at_once(count)};
	size_t begun = 0;
	int error = 0;

	round.attempts = xalloc(round.most * sizeof(*round.attempts));
	round.files = xalloc(round.most * sizeof(*round.files));
	while (!error && (begun < count || round.count)) {
		while (!error && begun < count && round.count < round.most)
			error = attempt_begin(&round, &probes[begun++]);
		if (!error && round.count)
			round_step(&round);
	}
	while (round.count)
		attempt_drop(&round, round.count - 1);
	free(round.attempts);
	free(round.files);
	return error;
}
