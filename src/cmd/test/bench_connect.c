// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What policy at a cgroup's sockets adds to a connect. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/test/room.h"
#include "cmd/test/bench.h"
#include "attach/attach.h"
#include "kernel/cgroup.h"
#include "commit/enforce.h"
#include "load/programs.h"
#include "net/links.h"
#include "store/documents.h"

#define ROUNDS 25
#define ROUNDS_QUICK 5
#define CONNECTS_UDP 1000 /* in a round */
#define CONNECTS_TCP 50
#define PROTOCOLS 2

enum place { NONE, FEW, MANY, PLACES };

static const char *const folders[PLACES] = {"none", "few", "many"};

/* What the room's process writes for the one outside. */
struct results {
	uint32_t ns[PROTOCOLS][PLACES][ROUNDS];
};

struct bench {
	char *path, *directory; /* of the cgroup in which the others are */
	size_t prefixes[PLACES];
	int rounds, listener;
	struct sockaddr_in to[PROTOCOLS];
};

static int put_list(struct instance *instance, const char *name, size_t count)
{
	struct prefix *prefixes = bench_prefixes(count, NULL);
	char *text, *document = xprintf("lists/%s", name);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (prefixes[i].address.bytes[0] != 127)
			prefixes[kept++] = prefixes[i];
	text = bench_prefixes_text(prefixes, kept);
	document_put(instance, document,
		     json_pack("{s:s, s:s, s:s}", "kind", "CidrList", "name", name, "cidrs", text));
	free(text);
	free(prefixes);
	free(document);
	return 0;
}

static void put_rules(struct instance *instance, const struct bench *bench)
{
	json_t *rules = json_array();

	json_array_append_new(rules, json_pack("{s:s, s:i}", "kind", "RuleSequence", "next", 3));
	for (int place = FEW; place <= MANY; place++) {
		put_list(instance, folders[place], bench->prefixes[place]);
		json_array_append_new(
		    rules, json_pack("{s:s, s:i, s:s, s:s, s:{s:s}, s:o}", "kind", "Rule", "id",
				     place, "action", "deny", "direction", "egress", "peer", "list",
				     folders[place], "subject",
				     json_sprintf("cgroup:%s/%s", bench->path, folders[place])));
	}
	document_put(instance, "rules", rules);
}

static int enforce(const struct bench *bench)
{
	struct instance *instance;
	json_t *report = NULL;
	int error = instance_open(&instance, DEFAULT_ROOT, ACCESS_CREATE);

	if (error)
		return error;
	error = programs_load(instance, &(struct load_sizes){0}, &report);
	json_decref(report);
	if (!error) {
		put_rules(instance, bench);
		error = enforce_commit(instance);
	}
	for (int place = FEW; !error && place <= MANY; place++) {
		char *path = xprintf("%s/%s", bench->path, folders[place]);

		error = attach_cgroup(instance, path, NULL);
		free(path);
	}
	instance_close(instance);
	return error;
}

static int loopback_up(void)
{
	struct link_state state;
	struct nl_sock *links;
	int error = links_open(NULL, &links);

	if (error)
		return error;
	error = link_find(links, "lo", &state);
	if (!error)
		error = link_set_up(links, state.ifindex);
	links_close(links);
	return error;
}

static int listen_here(struct bench *bench)
{
	socklen_t size = sizeof(bench->to[1]);

	for (int i = 0; i < PROTOCOLS; i++)
		bench->to[i] = (struct sockaddr_in){.sin_family = AF_INET,
						    .sin_port = htons(9),
						    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bench->to[1].sin_port = 0;
	bench->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bench->listener < 0 ||
	    bind(bench->listener, (struct sockaddr *)&bench->to[1], sizeof(bench->to[1])) ||
	    listen(bench->listener, 16) ||
	    getsockname(bench->listener, (struct sockaddr *)&bench->to[1], &size))
		return fail("listen on the loopback: %s", strerror(errno));
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Nanoseconds of one connect, its sockets made and closed outside of the time. */
static int time_connects(const struct bench *bench, bool tcp, uint32_t *ns)
{
	int count = tcp ? CONNECTS_TCP : CONNECTS_UDP, error = 0;
	struct linger linger = {.l_onoff = 1};
	uint64_t used = 0;

	for (int i = 0; i < count && !error; i++) {
		int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
		uint64_t start = now_ns();

		if (connect(fd, (const struct sockaddr *)&bench->to[tcp], sizeof(bench->to[tcp])))
			error = fail("connect to the loopback: %s", strerror(errno));
		used += now_ns() - start;
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(fd);
		if (tcp && !error)
			close(accept(bench->listener, NULL, NULL));
	}
	*ns = (uint32_t)(used / (uint64_t)count);
	return error;
}

static int enter(const struct bench *bench, int place)
{
	char *file = xprintf("%s/%s/cgroup.procs", bench->directory, folders[place]);
	int fd = open(file, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || write(fd, "0", 1) < 0)
		error = fail("enter cgroup %s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(file);
	return error;
}

/* Round by round, so that a slow moment of the machine touches all alike. */
static int work(void *shared, void *data)
{
	struct results *results = shared;
	struct bench *bench = data;
	int error = loopback_up();

	if (!error)
		error = listen_here(bench);
	if (!error)
		error = enforce(bench);
	for (int round = 0; round < bench->rounds; round++) {
		for (int place = NONE; place < PLACES; place++) {
			if (!error)
				error = enter(bench, place);
			for (int tcp = 0; tcp < PROTOCOLS && !error; tcp++)
				error = time_connects(bench, tcp, &results->ns[tcp][place][round]);
		}
	}
	return error;
}

static int groups_make(struct bench *bench)
{
	bench->directory = cgroup_directory("/npctl-bench-XXXXXX");
	if (!bench->directory)
		return fail("no cgroup2 file system is mounted");
	if (!mkdtemp(bench->directory)) {
		free(bench->directory);
		bench->directory = NULL;
		return fail("make a cgroup: %s", strerror(errno));
	}
	bench->path = xstrdup(strrchr(bench->directory, '/'));
	for (int place = NONE; place < PLACES; place++) {
		char *path = xprintf("%s/%s", bench->directory, folders[place]);
		int made = mkdir(path, 0755);

		free(path);
		if (made)
			return fail("make cgroup %s: %s", bench->path, strerror(errno));
	}
	return 0;
}

static void groups_remove(struct bench *bench)
{
	for (int place = NONE; bench->directory && place < PLACES; place++) {
		char *path = xprintf("%s/%s", bench->directory, folders[place]);

		rmdir(path);
		free(path);
	}
	if (bench->directory)
		rmdir(bench->directory);
	free(bench->directory);
	free(bench->path);
}

static int compare_signed(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Within each round, as both had the same machine then. */
static int64_t median_over(const uint32_t *with, const uint32_t *none, int rounds)
{
	int64_t over[ROUNDS];

	for (int round = 0; round < rounds; round++)
		over[round] = (int64_t)with[round] - none[round];
	qsort(over, (size_t)rounds, sizeof(*over), compare_signed);
	return over[rounds / 2];
}

static json_t *make_rows(const struct bench *bench, struct results *results)
{
	static const char *const names[PROTOCOLS] = {"UDP", "TCP"};
	json_t *rows = json_array();

	for (int tcp = 0; tcp < PROTOCOLS; tcp++) {
		uint32_t none[ROUNDS];

		memcpy(none, results->ns[tcp][NONE], sizeof(none));
		for (int place = NONE; place < PLACES; place++) {
			uint32_t *all = results->ns[tcp][place];
			int64_t over = median_over(all, none, bench->rounds);
			uint32_t ns = bench_median(all, (size_t)bench->rounds);
			json_t *policy = place
					     ? json_sprintf("%zu prefixes", bench->prefixes[place])
					     : json_string("none");

			json_array_append_new(rows, json_pack("{s:s, s:o, s:I, s:I}", "connect",
							      names[tcp], "policy", policy, "ns",
							      (json_int_t)ns, "over_none_ns",
							      (json_int_t)over));
		}
	}
	return rows;
}

int bench_connects(bool quick, json_t **rows)
{
	struct bench bench = {
	    .prefixes = {0, 10, quick ? 10000 : 1000000},
	    .rounds = quick ? ROUNDS_QUICK : ROUNDS,
	};
	struct results *results = room_memory(sizeof(*results));
	int error = results ? groups_make(&bench) : FAILED;

	if (!error)
		error = room_run(work, results, &bench);
	if (!error)
		*rows = make_rows(&bench, results);
	groups_remove(&bench);
	room_memory_free(results, sizeof(*results));
	return error;
}
