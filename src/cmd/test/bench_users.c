/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an established user's socket pays for each packet, beside what a pod's
 * connection pays for the very same ones: both programs stand on the loopback
 * interface of a room of its own, and the kernel keeps their time.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cmd/test/room.h"
#include "cmd/test/bench.h"
#include "attach/attach.h"
#include "load/programs.h"
#include "net/links.h"
#include "store/documents.h"
#include "datapath/objects.h"

#define LOOPBACK 1
#define ROUNDS 15

struct costs {
	double user_ns[ROUNDS], pod_ns[ROUNDS];
	int packets; /* in a round */
};

/* From one address to the other, for a pod's packets to itself are not judged. */
static int connection(int *client, int *server)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	struct sockaddr_in there = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
	socklen_t size = sizeof(there);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	*client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*server = -1;
	if (!bind(listener, (void *)&there, size) && !listen(listener, 1) &&
	    !getsockname(listener, (void *)&there, &size) &&
	    !bind(*client, (void *)&here, sizeof(here)) &&
	    !setsockopt(*client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) &&
	    !connect(*client, (void *)&there, sizeof(there)))
		*server = accept(listener, NULL, NULL);
	if (*server < 0)
		fail("no connection over the loopback interface: %s", strerror(errno));
	close(listener);
	return *server < 0 ? FAILED : 0;
}

static int exchange(int client, int server, int packets)
{
	char byte = 0;

	for (int i = 0; i < packets; i++)
		if (write(client, &byte, 1) != 1 || read(server, &byte, 1) != 1)
			return fail("a connection over the loopback interface broke: %s",
				    strerror(errno));
	return 0;
}

static int cost_so_far(int program, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(program, info, &size)
		   ? fail("a program's cost cannot be read: %s", strerror(errno))
		   : 0;
}

static double cost_between(const struct bpf_prog_info *before, const struct bpf_prog_info *after)
{
	uint64_t runs = after->run_cnt - before->run_cnt;

	return (double)(after->run_time_ns - before->run_time_ns) / (runs ? (double)runs : 1);
}

static int measure(struct instance *instance, struct costs *costs)
{
	int user = program_open(instance, "user_egress"),
	    pod = program_open(instance, "pod_ingress");
	int client, server, statistics, error;
	struct bpf_prog_info before[2], after[2];

	if (user < 0 || pod < 0 || connection(&client, &server))
		return FAILED;
	statistics = bpf_enable_stats(BPF_STATS_RUN_TIME);
	error = statistics < 0 ? fail("programs are not timed: %s", strerror(errno))
			       : exchange(client, server, costs->packets);
	for (int i = 0; i < ROUNDS && !error; i++) {
		error = cost_so_far(user, &before[0]) || cost_so_far(pod, &before[1]) ||
			exchange(client, server, costs->packets) || cost_so_far(user, &after[0]) ||
			cost_so_far(pod, &after[1]);
		costs->user_ns[i] = cost_between(&before[0], &after[0]);
		costs->pod_ns[i] = cost_between(&before[1], &after[1]);
	}
	return error ? FAILED : 0;
}

static int attach(struct instance *instance, const char *subject)
{
	return attach_interface(instance,
				&(struct attach_request){.subject = subject, .interface = "lo"});
}

/* In the room, with which all of it ends. */
static int work(void *shared, void *data)
{
	struct instance *instance = NULL;
	struct nl_sock *links = NULL;
	json_t *report = NULL;

	(void)data;
	if (links_open(NULL, &links) || link_set_up(links, LOOPBACK) ||
	    instance_open(&instance, DEFAULT_ROOT, ACCESS_CREATE) ||
	    programs_load(instance, &(struct load_sizes){0}, &report))
		return FAILED;
	document_put(instance, "rules",
		     json_pack("[{s:s, s:i}, {s:s, s:i, s:s, s:s, s:s, s:[], s:s}]", "kind",
			       "RuleSequence", "next", 2, "kind", "Rule", "id", 1, "action",
			       "allow", "direction", "egress", "peer", "any", "ports", "subject",
			       "user:lo:any"));
	if (attach(instance, "user:lo") || attach(instance, "dev:lo"))
		return FAILED;
	return measure(instance, shared);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

int bench_users(bool quick, json_t **rows)
{
	struct costs *costs = room_memory(sizeof(*costs));
	double times[ROUNDS];
	int error;

	if (!costs)
		return FAILED;
	costs->packets = quick ? 1000 : 20000;
	error = room_run(work, costs, NULL);
	for (int i = 0; i < ROUNDS && !error; i++)
		times[i] = costs->user_ns[i] / (costs->pod_ns[i] > 0 ? costs->pod_ns[i] : 1);
	if (!error)
		*rows = json_pack("[{s:s, s:s, s:f}, {s:s, s:s, s:f, s:f}]", "packet",
				  "established, of a pod", "program", "pod_ingress", "ns",
				  median(costs->pod_ns), "packet",
				  "established, of a user's socket", "program", "user_egress", "ns",
				  median(costs->user_ns), "times_pod", median(times));
	room_memory_free(costs, sizeof(*costs));
	return error;
}
