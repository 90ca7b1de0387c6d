/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* set + identity + protocol + port -> verdict and rule; and the rule's counter. */
#ifndef NPCTL_LIB_VERDICT_H
#define NPCTL_LIB_VERDICT_H

#include "lib/peer.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct grant_key);
	__type(value, struct span);
	PINNED;
} grants SEC(".maps");

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
	__u32 reason;
};

static __always_inline __u32 table_key(__u8 protocol, __u16 port)
{
	return (__u32)protocol << 16 | port;
}

/* A run that is missing denies. */
static __always_inline __u32 grant_find(__u32 set, struct span fallback, __u32 identity, __u32 key)
{
	struct grant_key grant = {.set = set, .identity = identity};
	struct span *span = bpf_map_lookup_elem(&grants, &grant);

	return run_find(span ? span_read(span) : fallback, key, 0);
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
