// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where in the kernel packets on some interfaces die or leave. It is loaded
 * only while somebody looks, and stands beside the datapath: a drop may be
 * the kernel's own.
 */
#include "lib/bpf.h"
#include "watch.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* As much of the kernel's types as is read; the loader finds the fields. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
};

struct sk_buff {
	struct net_device *dev;
};
#pragma clang attribute pop

const volatile __u32 own_netns;
const volatile bool with_passes;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, WATCH_STACKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, WATCH_DEPTH * sizeof(__u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WATCH_STACKS);
	__type(key, struct watch_key);
	__type(value, __u64);
} counts SEC(".maps");

__u64 total = 0, lost = 0;

static __always_inline int count(void *context, struct net_device *dev, __u32 reason, bool passed)
{
	struct watch_key key = {.ifindex = dev->ifindex, .reason = reason, .passed = passed};
	__u64 one = 1, *known;

	if (dev->nd_net.net->ns.inum != own_netns || !bpf_map_lookup_elem(&watched, &key.ifindex))
		return 0;
	__sync_fetch_and_add(&total, 1);
	key.stack = bpf_get_stackid(context, &stacks, 0);
	known = bpf_map_lookup_elem(&counts, &key);
	if (!known && !bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST))
		return 0;
	if (!known)
		known = bpf_map_lookup_elem(&counts, &key);
	__sync_fetch_and_add(known ? known : &lost, 1);
	return 0;
}

/* kfree_skb(skb, location, reason, …) */
SEC("tp_btf/kfree_skb")
int packet_dropped(__u64 *context)
{
	struct sk_buff *skb = (void *)context[0];

	return count(context, skb->dev, (__u32)context[2], false);
}

/* net_dev_start_xmit(skb, dev): behind the programs at its egress. */
SEC("tp_btf/net_dev_start_xmit")
int packet_sent(__u64 *context)
{
	return with_passes ? count(context, (void *)context[1], 0, true) : 0;
}
