/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Telling those who listen, and costing nothing when nobody does. */
#ifndef NPCTL_LIB_EVENT_H
#define NPCTL_LIB_EVENT_H

#include "lib/packet.h"
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

static __always_inline bool prefix_matches(const __u8 *prefix, __u32 bits, const __u8 *address)
{
	const __u32 *p = (const void *)prefix, *a = (const void *)address;
	int i;

	for (i = 0; i < 4; i++) {
		__u32 here = bits > 32 ? 32 : bits, mask;

		if (!here)
			return true;
		mask = ~0u << (32 - here);
		if ((bpf_ntohl(p[i]) ^ bpf_ntohl(a[i])) & mask)
			return false;
		bits -= here;
	}
	return true;
}

/* `every`: a packet of a known flow, for those who asked for all of them. */
static __always_inline bool sink_wants(const struct sink *sink, const struct event *event,
				       bool every)
{
	__u16 source = bpf_ntohs(event->source_port), target = bpf_ntohs(event->destination_port);

	if ((every && !(sink->flags & SINK_ALL)) || (event->allow && sink->flags & SINK_DROPS))
		return false;
	if ((sink->ifindex && sink->ifindex != event->ifindex) ||
	    (sink->rule && sink->rule != event->rule) ||
	    (sink->protocol && sink->protocol != event->protocol) ||
	    (sink->port && sink->port != source && sink->port != target))
		return false;
	if (sink->family[0] && (sink->family[0] != event->family ||
				!prefix_matches(sink->address[0], sink->prefix[0], event->source)))
		return false;
	return !sink->family[1] ||
	       (sink->family[1] == event->family &&
		prefix_matches(sink->address[1], sink->prefix[1], event->destination));
}

static __always_inline void sink_count(struct sink *sink, bool lost)
{
	__sync_fetch_and_add(lost ? &sink->lost : &sink->sent, 1);
}

/* Into one listener's ring; a full one is counted. */
__noinline int event_put(struct event *event, __u32 slot, int every)
{
	struct sink *sink = bpf_map_lookup_elem(&sinks, &slot);
	void *ring;

	if (!event || !sink || sink->lease < event->time || !sink_wants(sink, event, every))
		return 0;
	ring = bpf_map_lookup_elem(&rings, &slot);
	if (ring)
		sink_count(sink, bpf_ringbuf_output(ring, event, sizeof(*event), 0));
	return 0;
}

static __always_inline void event_put_all(struct event *event, __u32 listening, int every)
{
	__u32 slot;

	for (slot = 0; slot < SINKS; slot++)
		if (listening & (1u << slot))
			event_put(event, slot, every);
}

static __always_inline void capture(struct __sk_buff *skb, struct packet_event *record)
{
	__u32 length = skb->len;

	if (length > CAPTURE_BYTES)
		length = CAPTURE_BYTES;
	record->event.captured = 1;
	record->length = 0;
	record->pad = 0;
	if (length && !bpf_skb_load_bytes(skb, 0, record->data, length))
		record->length = length;
}

/* The same with the packet's bytes, where the listener asked for them. */
__noinline int event_put_packet(struct __sk_buff *skb, struct event *event, __u32 slot, int every)
{
	struct sink *sink = bpf_map_lookup_elem(&sinks, &slot);
	struct packet_event *record;
	void *ring;

	if (!event || !sink)
		return 0;
	if (!(sink->flags & SINK_BYTES))
		return event_put(event, slot, every);
	if (sink->lease < event->time || !sink_wants(sink, event, every))
		return 0;
	ring = bpf_map_lookup_elem(&rings, &slot);
	if (!ring)
		return 0;
	record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);
	sink_count(sink, !record);
	if (!record)
		return 0;
	record->event = *event;
	capture(skb, record);
	bpf_ringbuf_submit(record, 0);
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
	for (slot = 0; slot < SINKS; slot++)
		if (listening & (1u << slot))
			event_put_packet(skb, &event, slot, every);
	return 0;
}

#endif
