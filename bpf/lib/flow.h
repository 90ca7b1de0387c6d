/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Known flows: a packet and its reply meet in one entry. */
#ifndef NPCTL_LIB_FLOW_H
#define NPCTL_LIB_FLOW_H

#include "lib/flow_table.h"
#include "lib/packet.h"
#include "lib/state.h"

#define FLOW_BUCKETS4 (131072 / FLOW_WAYS)
#define FLOW_BUCKETS6 (65536 / FLOW_WAYS)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOW_BUCKETS4);
	__type(key, __u32);
	__type(value, struct flow4_bucket);
	PINNED;
} flows4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, FLOW_BUCKETS6);
	__type(key, __u32);
	__type(value, struct flow6_bucket);
	PINNED;
} flows6 SEC(".maps");

/* For the next build's programs, and for user space: the programs have it as a constant. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_secret);
	PINNED;
} flow_secrets SEC(".maps");

const volatile __u64 flow_multiplier[FLOW_MULTIPLIERS];
const volatile __u32 flow_buckets4 = FLOW_BUCKETS4, flow_buckets6 = FLOW_BUCKETS6;

/* Read from where it stands: kept word by word, a key would be in the stack twice. */
static __always_inline const flow_word *flow_key_of(const void *key)
{
	barrier_var(key);
	return key;
}

static __always_inline struct flow_slot *flow_find4(const struct packet *packet, __u64 *word,
						    __u64 *place)
{
	const flow_word *key = flow_key_of(&packet->key4);
	__u64 hash = flow_hash(flow_multiplier, key, FLOW4_WORDS);
	__u32 tag = flow_tag(hash), index = flow_bucket_first(hash, flow_buckets4);
	struct flow4_bucket *bucket = bpf_map_lookup_elem(&flows4, &index);
	const size_t size = sizeof(bucket->slot[0]);
	__u32 way;

	if (unlikely(!bucket))
		return NULL;
	way = flow_look(bucket, size, tag, key, FLOW4_WORDS, word);
	if (unlikely(way == FLOW_NONE)) {
		index = flow_bucket_second(hash, flow_buckets4);
		bucket = bpf_map_lookup_elem(&flows4, &index);
		if (!bucket)
			return NULL;
		way = flow_look(bucket, size, tag, key, FLOW4_WORDS, word);
		if (way == FLOW_NONE)
			return NULL;
	}
	*place = (__u64)index * FLOW_WAYS + way;
	return flow_slot_at(bucket, size, way);
}

static __always_inline struct flow_slot *flow_find6(const struct packet *packet, __u64 *word,
						    __u64 *place)
{
	const flow_word *key = flow_key_of(&packet->key6);
	__u64 hash = flow_hash(flow_multiplier, key, FLOW6_WORDS);
	__u32 tag = flow_tag(hash), index = flow_bucket_first(hash, flow_buckets6);
	struct flow6_bucket *bucket = bpf_map_lookup_elem(&flows6, &index);
	const size_t size = sizeof(bucket->slot[0]);
	__u32 way;

	if (unlikely(!bucket))
		return NULL;
	way = flow_look(bucket, size, tag, key, FLOW6_WORDS, word);
	if (unlikely(way == FLOW_NONE)) {
		index = flow_bucket_second(hash, flow_buckets6);
		bucket = bpf_map_lookup_elem(&flows6, &index);
		if (!bucket)
			return NULL;
		way = flow_look(bucket, size, tag, key, FLOW6_WORDS, word);
		if (way == FLOW_NONE)
			return NULL;
	}
	*place = (__u64)index * FLOW_WAYS + way;
	return flow_slot_at(bucket, size, way);
}

/* The slot of a packet's flow, still to be read, and its place; NULL: there is none. */
static __always_inline struct flow_slot *flow_find(const struct packet *packet, __u64 *word,
						   __u64 *place)
{
	return likely(packet->family == 4) ? flow_find4(packet, word, place)
					   : flow_find6(packet, word, place);
}

static __always_inline struct flow_slot *flow_at(const struct packet *packet, __u64 place)
{
	__u32 index = place / FLOW_WAYS;
	void *bucket;

	if (packet->family == 4) {
		bucket = bpf_map_lookup_elem(&flows4, &index);
		return bucket ? flow_slot_at(bucket, sizeof(struct flow4_slot), place) : NULL;
	}
	bucket = bpf_map_lookup_elem(&flows6, &index);
	return bucket ? flow_slot_at(bucket, sizeof(struct flow6_slot), place) : NULL;
}

/* What another processor is changing just now is there in a moment. */
#define FLOW_PATIENCE 8

/*
 * The flow, where time does not matter; false: not known. This and what follows
 * is global so that the verifier goes through it once, whoever calls.
 */
__noinline int flow_search(struct packet *packet, struct flow_known *known)
{
	struct flow_slot *slot;
	__u64 word = 0;
	int i;

	if (!packet || !known)
		return false;
	for (i = 0; i < FLOW_PATIENCE; i++) {
		slot = flow_find(packet, &word, &known->place);
		if (!slot)
			return false;
		known->word = word;
		if (flow_read(slot, word, &known->flow))
			return true;
	}
	return false;
}

/* One that is opening is never up to date, so that its answer is noticed. */
static __always_inline void flow_seen(struct flow *flow, const struct settings *settings, __u32 now)
{
	flow->seen = flow_opening(flow) ? now - 1 : now;
	flow->expires = now + settings->lifetime[flow->lifetime & (LIFETIMES - 1)];
}

/*
 * Who opens speaks, is answered, and in TCP speaks again: one who sent a SYN
 * in another's name never does, and is not to pass for a connection.
 */
static __always_inline void flow_open(struct flow *flow, enum direction direction)
{
	bool answers = direction != flow->initiator;

	if (flow->lifetime == LIFE_TCP_OPENING && answers)
		flow->fin |= FLOW_ANSWERED;
	else if (answers || flow->fin & FLOW_ANSWERED)
		flow->lifetime += LIFE_OPENED;
}

/* The first packet in a tick; the quick way does no more for those that follow. */
static __always_inline void flow_tick(struct flow *flow, enum direction direction,
				      const struct settings *settings, __u32 now)
{
	if (flow_opening(flow))
		flow_open(flow, direction);
	flow_seen(flow, settings, now);
}

static __always_inline void flow_close(struct flow *flow, const struct packet *packet)
{
	if (packet->tcp_flags & TCP_FIN)
		flow->fin |= 1 << packet->direction;
	if (packet->tcp_flags & TCP_RST || (flow->fin & 3) == 3)
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

/* What a packet that passes does to its flow. */
static __always_inline void flow_pass(struct flow *flow, const struct packet *packet,
				      const struct settings *settings, __u32 now)
{
	if (packet->odd & ODD_CLOSES)
		flow_close(flow, packet);
	flow_tick(flow, packet->direction, settings, now);
}

static __always_inline __u64 flow_word_of(__u32 version, __u32 answer)
{
	struct flow flow = {.last = {version, answer}};

	return flow.last_word;
}

/* Packets of both sides may come at once: neither's FIN is to be lost. */
#define FLOW_MOVES 4

/*
 * A packet of the flow was judged, delivered or not. One that is not changes
 * nothing that only a delivered one could: it neither opens nor closes the flow,
 * which stays known as denied. Were it forgotten, the other side's next packet
 * would begin it anew. If the flow changed under us, whoever changed it has done
 * the rest.
 */
__noinline int flow_judge(struct flow_known *known, struct packet *packet, __u64 judged)
{
	struct flow answer = {.last_word = judged}, moved;
	struct settings *settings = settings_get();
	__u32 now = bpf_jiffies64();
	struct flow_slot *slot;
	int i;

	if (!known || !packet || !settings)
		return 0;
	slot = flow_at(packet, known->place);
	if (!slot || (judged != known->flow.last_word && !flow_answer(slot, known, judged)))
		return 0;
	if (answer.last.answer & ANSWER_ALLOW)
		slot->flow.packets[packet->direction & 1]++;
	for (i = 0; i < FLOW_MOVES; i++) {
		moved = known->flow;
		if (answer.last.answer & ANSWER_ALLOW)
			flow_pass(&moved, packet, settings, now);
		else
			flow_hold(&moved, packet, settings, now);
		if (flow_move(&slot->flow, &known->flow, &moved) ||
		    flow_load(&slot->word) != known->word)
			break;
		known->flow.life_word = flow_load(&slot->flow.life_word);
		known->flow.state_word = flow_load(&slot->flow.state_word);
	}
	return 0;
}

/* Its time is over at once. */
static __always_inline void flow_end(struct flow_known *known, const struct packet *packet,
				     __u32 now)
{
	struct flow_slot *slot = flow_at(packet, known->place);
	struct flow ended = known->flow;

	ended.expires = now - 1;
	if (slot)
		flow_move(&slot->flow, &known->flow, &ended);
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
	/* the middle of a connection, where the first packet may be an answer */
	if (flow->lifetime == LIFE_TCP_OPENING && packet->direction != initiator)
		flow->fin = FLOW_ANSWERED;
	flow_seen(flow, settings, now);
	return true;
}

__noinline int flow_put4(struct packet *packet, struct flow *flow)
{
	struct flow4_bucket *first, *second;
	const flow_word *key;
	__u32 index;
	__u64 hash;

	if (!packet || !flow)
		return false;
	key = (const void *)&packet->key4;
	hash = flow_hash(flow_multiplier, key, FLOW4_WORDS);
	index = flow_bucket_first(hash, flow_buckets4);
	first = bpf_map_lookup_elem(&flows4, &index);
	index = flow_bucket_second(hash, flow_buckets4);
	second = bpf_map_lookup_elem(&flows4, &index);
	return first && second &&
	       flow_put(first, second, sizeof(first->slot[0]), flow_tag(hash), key, FLOW4_WORDS,
			flow, flow->created, 0);
}

__noinline int flow_put6(struct packet *packet, struct flow *flow)
{
	struct flow6_bucket *first, *second;
	const flow_word *key;
	__u32 index;
	__u64 hash;

	if (!packet || !flow)
		return false;
	key = (const void *)&packet->key6;
	hash = flow_hash(flow_multiplier, key, FLOW6_WORDS);
	index = flow_bucket_first(hash, flow_buckets6);
	first = bpf_map_lookup_elem(&flows6, &index);
	index = flow_bucket_second(hash, flow_buckets6);
	second = bpf_map_lookup_elem(&flows6, &index);
	return first && second &&
	       flow_put(first, second, sizeof(first->slot[0]), flow_tag(hash), key, FLOW6_WORDS,
			flow, flow->created, 0);
}

__noinline int flow_begin(struct packet *packet, __u32 initiator, __u32 version, __u32 answer)
{
	struct settings *settings = settings_get();
	struct flow flow;

	if (!settings || !packet ||
	    !flow_make(&flow, packet, initiator, settings, version, answer, bpf_jiffies64()))
		return 0;
	return packet->family == 4 ? flow_put4(packet, &flow) : flow_put6(packet, &flow);
}

#endif
