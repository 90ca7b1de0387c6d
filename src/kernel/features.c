// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/features.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, younger than Debian 12's headers */
#define LOOPBACK 1

static int end_trial(int fd)
{
	if (fd < 0)
		return fd == -1 ? -errno : fd;
	close(fd);
	return 0;
}

static int make_map(enum bpf_map_type type, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
	uint32_t key_size = 4, value_size = 8, entries = 1;
	int inner = -1, fd;

	if (type == BPF_MAP_TYPE_RINGBUF) {
		key_size = value_size = 0;
		entries = (uint32_t)sysconf(_SC_PAGESIZE);
	} else if (type == BPF_MAP_TYPE_LPM_TRIE) {
		key_size = 8;
	} else if (type == BPF_MAP_TYPE_ARRAY_OF_MAPS) {
		value_size = 4;
		inner = make_map(BPF_MAP_TYPE_ARRAY, 0);
		options.inner_map_fd = (uint32_t)inner;
	}
	fd = bpf_map_create(type, "try", key_size, value_size, entries, &options);
	if (inner >= 0)
		close(inner);
	return fd;
}

int try_map(enum bpf_map_type type, uint32_t flags)
{
	return end_trial(make_map(type, flags));
}

int try_memory(void)
{
	return end_trial(bpf_map_create(BPF_MAP_TYPE_ARRAY, "try", 4, 1 << 12, 1 << 12, NULL));
}

/* return 1: "go on" in every type that is tried here; at a tc hook it is not returned */
static int make_program(enum bpf_prog_type type, enum bpf_attach_type attach)
{
	static const struct bpf_insn code[] = {
	    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
	    {.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach);

	return bpf_prog_load(type, "try", "GPL", code, sizeof(code) / sizeof(code[0]), &options);
}

int try_program(enum bpf_prog_type type, enum bpf_attach_type attach)
{
	return end_trial(make_program(type, attach));
}

int try_test_run(void)
{
	char frame[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	int fd = make_program(BPF_PROG_TYPE_SCHED_CLS, 0), error;

	if (fd < 0)
		return -errno;
	error = bpf_prog_test_run_opts(fd, &options);
	close(fd);
	return error;
}

int try_statistics(void)
{
	return end_trial(bpf_enable_stats(BPF_STATS_RUN_TIME));
}

int try_jit(void)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = make_program(BPF_PROG_TYPE_SCHED_CLS, 0), error;

	if (fd < 0)
		return -errno;
	error = bpf_obj_get_info_by_fd(fd, &info, &size);
	close(fd);
	return error ? error : info.jited_prog_len > 0;
}

static void try_links(struct try_network *network)
{
	struct nl_sock *socket = nl_socket_alloc();
	int error = socket ? nl_connect(socket, NETLINK_ROUTE) : -NLE_NOMEM;

	if (!error) {
		/* the peer goes to a task's namespace, and only this thread is in ours */
		network->veth = rtnl_link_veth_add(socket, "try0", "try1", gettid());
		network->bridge = rtnl_link_bridge_add(socket, "try2");
	}
	nl_socket_free(socket);
	/* libnl's numbers are its own; why it is refused is not worth more words */
	network->veth = error || network->veth ? -EOPNOTSUPP : 0;
	network->bridge = error || network->bridge ? -EOPNOTSUPP : 0;
}

static void try_hooks(struct try_network *network)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = LOOPBACK, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options);
	int fd = make_program(BPF_PROG_TYPE_SCHED_CLS, 0);

	if (fd < 0) {
		network->tcx = network->clsact = -errno;
		return;
	}
	network->tcx = end_trial(bpf_link_create(fd, LOOPBACK, TCX_INGRESS, NULL));
	options.prog_fd = fd;
	network->clsact = bpf_tc_hook_create(&hook);
	if (!network->clsact)
		network->clsact = bpf_tc_attach(&hook, &options);
	close(fd);
}

/* The namespace ends with the thread, and with it all that was made there. */
static void *try_thread(void *data)
{
	struct try_network *network = data;

	network->namespaces = unshare(CLONE_NEWNET) ? -errno : 0;
	if (!network->namespaces) {
		try_links(network);
		try_hooks(network);
	}
	return NULL;
}

void try_network(struct try_network *network)
{
	pthread_t thread;
	int error;

	memset(network, 0, sizeof(*network));
	error = pthread_create(&thread, NULL, try_thread, network);
	if (error)
		network->namespaces = -error;
	else
		pthread_join(thread, NULL);
}
