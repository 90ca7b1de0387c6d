/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Known flows: a packet and its reply meet in one entry. */
#ifndef NPCTL_LIB_FLOW_H
#define NPCTL_LIB_FLOW_H

#include "lib/packet.h"
#include "lib/state.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct flow4_key);
	__type(value, struct flow);
	PINNED;
} flows4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow6_key);
	__type(value, struct flow);
	PINNED;
} flows6 SEC(".maps");

/*
 * The barrier keeps the two calls apart: merged into one with a choice of map,
 * the kernel could not inline the lookup, and it would cost half as much again.
 */
static __always_inline struct flow *flow_find(const struct packet *packet)
{
	struct flow *flow;

	if (likely(packet->family == 4)) {
		flow = bpf_map_lookup_elem(&flows4, &packet->key4);
		barrier_var(flow);
	} else {
		flow = bpf_map_lookup_elem(&flows6, &packet->key6);
	}
	return flow;
}

/*
 * The same for a packet that a caller's caller holds: older verifiers take keys
 * from a function's own stack, not through its arguments.
 */
static __noinline struct flow *flow_search(const struct packet *packet)
{
	struct flow6_key key = packet->key6;

	return packet->family == 4 ? bpf_map_lookup_elem(&flows4, &key)
				   : bpf_map_lookup_elem(&flows6, &key);
}

static __always_inline struct judgement flow_judgement(const struct flow *flow)
{
	struct flow copy = {.last_word = READ_ONCE(flow->last_word)};

	return copy.last;
}

static __always_inline void flow_judged(struct flow *flow, __u32 version, __u32 answer)
{
	struct flow copy = {.last = {version, answer}};

	WRITE_ONCE(flow->last_word, copy.last_word);
}

static __always_inline bool flow_fresh(const struct flow *flow, __u32 now)
{
	return (__s32)(flow->expires - now) >= 0;
}

/* A seeded flow lives until it is judged. */
static __always_inline bool flow_alive(const struct flow *flow, __u32 now)
{
	return !flow_judgement(flow).version || flow_fresh(flow, now);
}

static __always_inline bool flow_opening(const struct flow *flow)
{
	return flow->lifetime <= LIFE_UDP_OPENING;
}

/* One that is opening is never up to date, so that its answer is noticed. */
static __always_inline void flow_seen(struct flow *flow, const struct settings *settings, __u32 now)
{
	flow->seen = flow_opening(flow) ? now - 1 : now;
	flow->expires = now + settings->lifetime[flow->lifetime & (LIFETIMES - 1)];
}

/* The first packet in a tick; the quick way does no more for those that follow. */
static __always_inline void flow_tick(struct flow *flow, enum direction direction,
				      const struct settings *settings, __u32 now)
{
	if (flow_opening(flow) && direction != flow->initiator)
		flow->lifetime += LIFE_OPENED;
	flow_seen(flow, settings, now);
}

static __always_inline void flow_close(struct flow *flow, const struct packet *packet)
{
	if (packet->tcp_flags & TCP_FIN)
		flow->fin |= 1 << packet->direction;
	if (packet->tcp_flags & TCP_RST || flow->fin == 3)
		flow->lifetime = LIFE_TCP_CLOSING;
}

/* As long as both ends may speak: nothing but their silence ends what is denied. */
static __always_inline void flow_hold(struct flow *flow, const struct packet *packet,
				      const struct settings *settings, __u32 now)
{
	__u32 lifetime = packet->protocol == IPPROTO_TCP   ? LIFE_TCP
			 : packet->protocol == IPPROTO_UDP ? LIFE_UDP
							   : flow->lifetime;

	flow->seen = now - 1;
	flow->expires = now + settings->lifetime[lifetime & (LIFETIMES - 1)];
}

/*
 * A packet of the flow was judged. One that is not delivered changes nothing
 * that only a delivered one could: it neither opens nor closes the flow, which
 * stays known as denied. Were it forgotten, the other side's next packet would
 * begin it anew.
 */
static __always_inline void flow_judge(struct flow *flow, const struct packet *packet,
				       const struct settings *settings, __u32 version, __u32 answer,
				       __u32 now)
{
	flow_judged(flow, version, answer);
	if (!(answer & ANSWER_ALLOW)) {
		flow_hold(flow, packet, settings, now);
		return;
	}
	flow->packets[packet->direction & 1]++;
	if (packet->odd & ODD_CLOSES)
		flow_close(flow, packet);
	flow_tick(flow, packet->direction, settings, now);
}

/* Which lifetime a new flow begins with; LIFETIMES for what has no flows. */
static __always_inline __u8 flow_lifetime(const struct packet *packet)
{
	switch (packet->protocol) {
	case IPPROTO_TCP:
		return packet->odd & ODD_CLOSES ? LIFETIMES : LIFE_TCP_OPENING;
	case IPPROTO_UDP:
		return LIFE_UDP_OPENING;
	case IPPROTO_SCTP:
		return LIFE_SCTP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		/* echo alone has an asker */
		return packet->family == 4 ? (packet->key4.remote_port ? LIFE_ICMP : LIFETIMES)
		       : packet->key6.remote_port ? LIFE_ICMP
						  : LIFETIMES;
	}
	return LIFETIMES;
}

/* A new one; false for what has no flows. */
static __always_inline bool flow_make(struct flow *flow, const struct packet *packet,
				      __u32 initiator, const struct settings *settings,
				      __u32 version, __u32 answer, __u32 now)
{
	*flow = (struct flow){
	    .last = {version, answer},
	    .created = now,
	    .initiator = initiator,
	    .lifetime = flow_lifetime(packet),
	    /* an index would make the compiler do sums with a stack address */
	    .packets = {packet->direction == INGRESS, packet->direction == EGRESS},
	};

	if (flow->lifetime == LIFETIMES)
		return false;
	flow_seen(flow, settings, now);
	return true;
}

static __noinline void flow_begin(const struct packet *packet, __u32 initiator,
				  const struct settings *settings, __u32 version, __u32 answer)
{
	struct flow6_key key = packet->key6;
	struct flow flow;

	if (!flow_make(&flow, packet, initiator, settings, version, answer, bpf_jiffies64()))
		return;
	if (packet->family == 4)
		bpf_map_update_elem(&flows4, &key, &flow, BPF_ANY);
	else
		bpf_map_update_elem(&flows6, &key, &flow, BPF_ANY);
}

#endif
