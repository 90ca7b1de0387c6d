/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling those who listen, and costing nothing when nobody does. */
#ifndef NPCTL_LIB_EVENT_H
#define NPCTL_LIB_EVENT_H

#include "lib/packet.h"
#include "lib/sink.h"
#include "lib/state.h"
#include "lib/verdict.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SINKS);
	__type(key, __u32);
	__type(value, struct sink);
	PINNED;
} sinks SEC(".maps");

struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SINKS);
	__type(key, __u32);
	PINNED;
	__array(values, struct ring);
} rings SEC(".maps");

/* The slots of those who listen: a word of the settings, unless it is to be measured without. */
#ifdef SILENT
#define LISTENERS(word) 0u
#else
#define LISTENERS(word) READ_ONCE(word)
#endif

static __always_inline void event_fill_shadow(struct event *event, const struct verdict *verdict)
{
	if (!(verdict->answer & ANSWER_DIFFERS))
		return;
	event->shadow = verdict->answer & ANSWER_ALLOW ? SHADOW_DENIES : SHADOW_ALLOWS;
	event->shadow_rule = verdict->shadow & ANSWER_RULE;
}

static __always_inline void event_fill(struct event *event, const struct __sk_buff *skb,
				       const struct packet *packet, const struct verdict *verdict)
{
	bool in = packet->direction == INGRESS;
	__be16 local, remote;

	__builtin_memset(event, 0, sizeof(*event));
	event->time = bpf_ktime_get_ns();
	event->ifindex = skb->ifindex;
	event->rule = verdict->answer & ANSWER_RULE;
	event->identity = verdict->identity;
	event->size = skb->len;
	event->allow = !!(verdict->answer & ANSWER_ALLOW);
	event_fill_shadow(event, verdict);
	event->direction = packet->direction;
	event->reason = verdict->reason;
	event->family = packet->family;
	event->protocol = packet->protocol;
	event->tcp_flags = packet->tcp_flags;
	event->ether_type = packet->ether_type;
	event->hook = verdict->hook;
	event->uid = verdict->uid;
	if (packet->family == 4) {
		__builtin_memcpy(event->source, in ? &packet->key4.remote : &packet->key4.local, 4);
		__builtin_memcpy(event->destination,
				 in ? &packet->key4.local : &packet->key4.remote, 4);
		local = packet->key4.local_port;
		remote = packet->key4.remote_port;
	} else {
		copy16(event->source, in ? packet->key6.remote : packet->key6.local);
		copy16(event->destination, in ? packet->key6.local : packet->key6.remote);
		local = packet->key6.local_port;
		remote = packet->key6.remote_port;
	}
	if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6) {
		event->source_port = bpf_htons(packet->port >> 8);
		event->destination_port = bpf_htons(packet->port & 0xff);
	} else {
		event->source_port = in ? remote : local;
		event->destination_port = in ? local : remote;
	}
}

static __always_inline void sink_count(struct sink *sink, bool lost)
{
	__sync_fetch_and_add(lost ? &sink->lost : &sink->sent, 1);
}

/*
 * A listener that was killed is silenced by the first event after its lease, so
 * that no packet pays for it any longer. One that only slept says that it is here again.
 */
static __always_inline void sink_silence(__u32 slot)
{
	struct settings *settings = settings_get();

	if (!settings)
		return;
	__sync_fetch_and_and(&settings->listening, ~(1u << slot));
	__sync_fetch_and_and(&settings->listening_all, ~(1u << slot));
}

/* The listener in a slot if it wants this event, of whomever. */
static __always_inline struct sink *sink_find(const struct event *event, __u32 slot, bool every)
{
	struct sink *sink = bpf_map_lookup_elem(&sinks, &slot);

	if (!sink)
		return NULL;
	if (sink->lease < event->time) {
		sink_silence(slot);
		return NULL;
	}
	return sink_wants(sink, event, every) ? sink : NULL;
}

/* Into one listener's ring; a full one is counted. */
static __always_inline void event_put(struct sink *sink, __u32 slot, struct event *event)
{
	void *ring = bpf_map_lookup_elem(&rings, &slot);

	if (ring)
		sink_count(sink, bpf_ringbuf_output(ring, event, sizeof(*event), 0));
}

static __always_inline void capture(struct __sk_buff *skb, struct packet_event *record)
{
	__u32 length = skb->len - 1;

	/* from 1 to all of it, as the verifier can see: no frame is empty */
	if (length > CAPTURE_BYTES - 1)
		length = CAPTURE_BYTES - 1;
	barrier_var(length);
	length = (length & (CAPTURE_BYTES - 1)) + 1;
	record->event.captured = 1;
	record->length = 0;
	record->pad = 0;
	if (!bpf_skb_load_bytes(skb, 0, record->data, length))
		record->length = length;
}

/* The same with the packet's bytes. */
static __always_inline void event_put_bytes(struct __sk_buff *skb, struct sink *sink, __u32 slot,
					    struct event *event)
{
	void *ring = bpf_map_lookup_elem(&rings, &slot);
	struct packet_event *record;

	if (!ring)
		return;
	record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);
	if (!record) {
		sink_count(sink, true);
		return;
	}
	sink_count(sink, false);
	record->event = *event;
	capture(skb, record);
	bpf_ringbuf_submit(record, 0);
}

/* Whoever sent it is in the cgroup or in one below. */
static __always_inline bool skb_in_cgroup(struct __sk_buff *skb, __u64 cgroup)
{
	int level;

	for (level = 0; level < CGROUP_LEVELS; level++)
		if (bpf_skb_ancestor_cgroup_id(skb, level) == cgroup)
			return true;
	return false;
}

__noinline int event_put_packet(struct __sk_buff *skb, struct event *event, __u32 slot, int every)
{
	struct sink *sink;

	if (!event)
		return 0;
	sink = sink_find(event, slot, every);
	if (!sink || (sink->cgroup && !skb_in_cgroup(skb, sink->cgroup)))
		return 0;
	if (sink->flags & SINK_BYTES)
		event_put_bytes(skb, sink, slot, event);
	else
		event_put(sink, slot, event);
	return 0;
}

__noinline int event_send(struct __sk_buff *skb, struct packet *packet, struct verdict *verdict,
			  __u32 listening, int every)
{
	struct event event;
	__u32 slot;

	if (!packet || !verdict)
		return 0;
	event_fill(&event, skb, packet, verdict);
	if (verdict->hook == HOOK_USER)
		event.cgroup = bpf_skb_cgroup_id(skb);
	for (slot = 0; slot < SINKS; slot++)
		if (listening & (1u << slot))
			event_put_packet(skb, &event, slot, every);
	return 0;
}

#endif
