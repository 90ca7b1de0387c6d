// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where in the kernel packets on some interfaces die or go on. It is loaded
 * only while somebody looks, and stands beside the datapath: a drop may be
 * the kernel's own.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include "lib/sink.h"
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
	unsigned char *head;
	int skb_iif; /* where it came in; 0: made here */
	__u16 network_header;
};
#pragma clang attribute pop

const volatile __u32 own_netns;
const volatile bool with_passes, with_kernel, filtered;
const volatile __u32 tc_reasons[2]; /* drops by programs such as npctl's */
struct sink wanted = {};	    /* no constant: its fields are read without volatile */

/* By interface of this namespace, and by namespace of a pod: whose it is. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * WATCH_INTERFACES);
	__type(key, struct watched_key);
	__type(value, __u32);
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

/* What came in last on this processor, until it is seen to go on; clones share the buffer. */
struct arrival {
	unsigned char *head;
	__u32 ifindex; /* 0: none */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct arrival);
} arrivals SEC(".maps");

__u64 total = 0, lost = 0;

static __always_inline void read_ports(struct event *event, const void *header)
{
	__be16 ports[2];

	if (event->protocol != IPPROTO_TCP && event->protocol != IPPROTO_UDP &&
	    event->protocol != IPPROTO_SCTP)
		return;
	if (bpf_probe_read_kernel(ports, sizeof(ports), header))
		return;
	event->source_port = ports[0];
	event->destination_port = ports[1];
}

static __always_inline void read_packet(const struct sk_buff *skb, struct event *event)
{
	const unsigned char *header = skb->head + skb->network_header;
	struct ipv6hdr six;
	struct iphdr four;

	if (bpf_probe_read_kernel(&four, sizeof(four), header))
		return;
	if (four.version == 4) {
		event->family = 4;
		event->protocol = four.protocol;
		__builtin_memcpy(event->source, &four.saddr, 4);
		__builtin_memcpy(event->destination, &four.daddr, 4);
		if (!(four.frag_off & bpf_htons(0x1fff)))
			read_ports(event, header + four.ihl * 4);
	} else if (four.version == 6 && !bpf_probe_read_kernel(&six, sizeof(six), header)) {
		event->family = 6;
		event->protocol = six.nexthdr;
		copy16(event->source, &six.saddr);
		copy16(event->destination, &six.daddr);
		read_ports(event, header + sizeof(six));
	}
}

static __always_inline bool is_wanted(const struct sk_buff *skb, bool passed)
{
	struct event event = {.allow = passed};

	if (!filtered)
		return true;
	read_packet(skb, &event);
	return sink_wants(&wanted, &event, true);
}

static __always_inline void count(void *context, const struct sk_buff *skb, struct watch_key *key)
{
	__u64 one = 1, *known;

	if (!is_wanted(skb, key->what == WATCH_SENT || key->what == WATCH_WENT_ON))
		return;
	__sync_fetch_and_add(&total, 1);
	key->stack = bpf_get_stackid(context, &stacks, 0);
	known = bpf_map_lookup_elem(&counts, key);
	if (!known && !bpf_map_update_elem(&counts, key, &one, BPF_NOEXIST))
		return;
	if (!known)
		known = bpf_map_lookup_elem(&counts, key);
	__sync_fetch_and_add(known ? known : &lost, 1);
}

/* Whose the interface is, 0 when nobody watches it. */
static __always_inline __u32 owner_of(const struct net_device *dev, bool *in_pod)
{
	struct watched_key key = {.netns = dev->nd_net.net->ns.inum};
	__u32 *owner;

	*in_pod = key.netns != own_netns;
	if (!*in_pod)
		key.ifindex = dev->ifindex;
	owner = bpf_map_lookup_elem(&watched, &key);
	return owner ? *owner : 0;
}

/* The packet is somewhere else by now: its program let it pass. */
static __always_inline void went_on(void *context, const struct sk_buff *skb)
{
	struct watch_key key = {.what = WATCH_WENT_ON};
	struct arrival *arrival;
	__u32 zero = 0;

	arrival = bpf_map_lookup_elem(&arrivals, &zero);
	if (!arrival || !arrival->ifindex || arrival->head != skb->head ||
	    arrival->ifindex != (__u32)skb->skb_iif)
		return;
	key.ifindex = arrival->ifindex;
	arrival->ifindex = 0;
	if ((__u32)skb->dev->ifindex != key.ifindex)
		count(context, skb, &key);
}

/* kfree_skb(skb, location, reason, …) */
SEC("tp_btf/kfree_skb")
int packet_dropped(__u64 *context)
{
	struct sk_buff *skb = (void *)context[0];
	struct watch_key key = {.reason = (__u32)context[2]};
	bool in_pod, by_tc = key.reason == tc_reasons[0] || key.reason == tc_reasons[1];

	if (with_passes)
		went_on(context, skb);
	key.ifindex = owner_of(skb->dev, &in_pod);
	if (!with_kernel && (in_pod || !by_tc))
		return 0;
	key.what = in_pod ? WATCH_DROPPED_IN_POD : WATCH_DROPPED;
	if (key.ifindex)
		count(context, skb, &key);
	return 0;
}

/* net_dev_start_xmit(skb, dev): behind the programs at its egress. */
SEC("tp_btf/net_dev_start_xmit")
int packet_sent(__u64 *context)
{
	struct sk_buff *skb = (void *)context[0];
	struct watch_key key = {.what = WATCH_SENT};
	bool in_pod;

	key.ifindex = owner_of((void *)context[1], &in_pod);
	if (key.ifindex && !in_pod)
		count(context, skb, &key);
	return 0;
}

/* net_dev_queue(skb): on its way out of some interface. */
SEC("tp_btf/net_dev_queue")
int packet_queued(__u64 *context)
{
	went_on(context, (void *)context[0]);
	return 0;
}

/* netif_receive_skb(skb): before the programs at its ingress; or up from a bridge's port. */
SEC("tp_btf/netif_receive_skb")
int packet_came(__u64 *context)
{
	struct sk_buff *skb = (void *)context[0];
	struct arrival *arrival;
	__u32 zero = 0, ifindex;
	bool in_pod;

	went_on(context, skb);
	ifindex = owner_of(skb->dev, &in_pod);
	arrival = bpf_map_lookup_elem(&arrivals, &zero);
	if (!arrival || !ifindex || in_pod)
		return 0;
	arrival->head = skb->head;
	arrival->ifindex = ifindex;
	return 0;
}
