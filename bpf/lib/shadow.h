/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The candidate: it decides nothing, and is asked only where the subject's entry says that
 * there is one. What it would decide otherwise takes the long way with each packet, and is
 * counted.
 */
#ifndef NPCTL_LIB_SHADOW_H
#define NPCTL_LIB_SHADOW_H

#include "lib/tally.h"
#include "lib/verdict.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct shadow_key);
	__type(value, struct span);
	PINNED;
} shadows SEC(".maps");

#define SHADOW_HOW(hook, direction, version) ((hook) | ((direction)&1) << 8 | ((version)&1) << 16)

#define SHADOW_NONE ~0ull

/* The set as a word. A user who has no entry is judged as any other. */
__noinline __u64 shadow_set(__u64 subject, __u32 uid, __u32 how)
{
	struct shadow_key key = {
	    .subject = subject, .uid = uid, .hook = how, .direction = how >> 8, .half = how >> 16};
	struct span *set = bpf_map_lookup_elem(&shadows, &key);

	if (!set && uid != USER_ANY) {
		key.uid = USER_ANY;
		set = bpf_map_lookup_elem(&shadows, &key);
	}
	return set ? *(volatile __u64 *)set : SHADOW_NONE;
}

/* Without a set nobody passes. Searched by the caller: older kernels count each call's stack. */
static __always_inline __u32 shadow_find(__u64 subject, __u32 uid, __u32 how, __u32 identity,
					 __u32 port)
{
	union {
		__u64 word;
		struct span span;
	} set = {.word = shadow_set(subject, uid, how)};

	if (set.word == SHADOW_NONE || identity == IDENTITY_NONE)
		return 0;
	return set_find(set.span, identity, port);
}

/* The clock may change what the candidate says as well: then nothing is remembered for long. */
static __always_inline void shadow_compare(struct verdict *verdict, __u32 shadow, __u32 direction,
					   __u16 port)
{
	verdict->shadow = shadow;
	verdict->meant = direction << 16 | port;
	if ((shadow ^ verdict->answer) & ANSWER_ALLOW)
		verdict->answer |= ANSWER_DIFFERS;
	verdict->answer |= shadow & ANSWER_TIMED;
}

#endif
