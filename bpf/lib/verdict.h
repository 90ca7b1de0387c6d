/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* set + identity + protocol + port -> verdict and rule; and the rule's counter. */
#ifndef NPCTL_LIB_VERDICT_H
#define NPCTL_LIB_VERDICT_H

#include "lib/clock.h"
#include "lib/peer.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct counter);
	PINNED;
} counters SEC(".maps");

/* For people and tools; the programs do not read it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct rule_info);
	PINNED;
} rules SEC(".maps");

/* What a packet's judgement came to. */
struct verdict {
	__u32 answer; /* ANSWER_ALLOW | rule */
	__u32 identity;
	__u32 uid;     /* USER_ANY where there is none */
	__u32 version; /* of the policy that judged */
	__u32 shadow;  /* with ANSWER_DIFFERS: the candidate's answer */
	__u32 meant;   /* and of what: direction << 16 | port, as whoever began meant it */
	__u8 reason;
	__u8 hook;  /* enum hook: who asks */
	__u8 begun; /* the flow that begins: 1 + enum direction of who began; 0: none */
	__u8 pad;
};

static __always_inline __u32 table_key(__u8 protocol, __u16 port)
{
	return (__u32)protocol << 16 | port;
}

/* A run that is missing denies. */
__noinline __u32 table_search(__u32 index, __u32 key)
{
	__u32 chunk = index >> RUN_CHUNK_BITS, low = index & ((1 << RUN_CHUNK_BITS) - 1);
	struct run_entry *head;
	void *entries;

	entries = bpf_map_lookup_elem(&runs, &chunk);
	if (!entries)
		return 0;
	head = bpf_map_lookup_elem(entries, &low);
	return head ? run_search(index + 1, head->start, key, 0) : 0;
}

/* Two answers lie in an entry. */
static __always_inline __u32 packed_answer(__u32 first, __u32 number)
{
	__u32 index = first + number / 2, chunk = index >> RUN_CHUNK_BITS;
	__u32 low = index & ((1 << RUN_CHUNK_BITS) - 1);
	void *entries = bpf_map_lookup_elem(&runs, &chunk);
	struct run_entry *entry = entries ? bpf_map_lookup_elem(entries, &low) : NULL;

	if (!entry)
		return 0;
	return number & 1 ? entry->answer : entry->start;
}

__noinline __u32 flat_search(__u32 first, __u32 slots, __u32 identity)
{
	__u32 answer;

	if (identity / SET_PAGE >= slots)
		identity = 0;
	answer = packed_answer(first, identity / SET_PAGE);
	if (answer & ANSWER_PAGE)
		answer = packed_answer(answer & ANSWER_INDEX, identity % SET_PAGE);
	return answer;
}

static __always_inline __u32 set_answer(struct span set, __u32 identity)
{
	if (set.count & SET_FLAT)
		return flat_search(set.first, set.count & ~SET_FLAT, identity);
	return run_find(set, identity, 0);
}

static __always_inline __u32 set_find(struct span set, __u32 identity, __u32 key)
{
	__u32 answer = set_answer(set, identity);

	if (answer & ANSWER_TABLE) {
		if (!(answer & ANSWER_TIMED))
			answer = table_search(answer & ANSWER_INDEX, key);
		if (answer & ANSWER_TABLE)
			answer = table_search(answer & ANSWER_INDEX, clock_minute());
	}
	return answer;
}

/* Good for every packet until the policy changes: allowed, not by the clock, and by both. */
static __always_inline bool answer_lasts(__u32 answer)
{
	return (answer & (ANSWER_ALLOW | ANSWER_TIMED | ANSWER_DIFFERS)) == ANSWER_ALLOW;
}

static __always_inline void count(__u32 answer, __u32 bytes)
{
	__u32 rule = answer & ANSWER_RULE;
	struct counter *counter = bpf_map_lookup_elem(&counters, &rule);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}

#endif
