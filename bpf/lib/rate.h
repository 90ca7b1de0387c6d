/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule's limit: a token bucket for each destination. */
#ifndef NPCTL_LIB_RATE_H
#define NPCTL_LIB_RATE_H

#include "lib/bpf.h"

#define SECOND 1000000000ull
#define RATE_TRIES 8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16384); /* as many as rules */
	__type(key, __u32);
	__type(value, struct rate);
	PINNED;
} rates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct bucket_key);
	__type(value, struct bucket);
	PINNED;
} buckets SEC(".maps");

/*
 * A token bucket without a count of tokens: it suffices to know when the next
 * one would be due at an even pace. One may come early by as much as a burst is
 * worth. True when `key` may have another one now.
 */
static __always_inline int bucket_take(const struct bucket_key *key, __u64 pace, __u64 early)
{
	__u64 now = bpf_ktime_get_ns();
	struct bucket fresh = {.due = now}, *bucket;
	int i;

	bucket = bpf_map_lookup_elem(&buckets, key);
	if (!bucket) {
		bpf_map_update_elem(&buckets, key, &fresh, BPF_NOEXIST);
		bucket = bpf_map_lookup_elem(&buckets, key);
		if (!bucket)
			return 0;
	}
	/* two processors never take the same one */
	for (i = 0; i < RATE_TRIES; i++) {
		__u64 due = READ_ONCE(bucket->due), from = due > now ? due : now;

		if (from - now > early)
			return 0;
		if (__sync_val_compare_and_swap(&bucket->due, due, from + pace) == due)
			return 1;
	}
	return 0;
}

__noinline int rate_take(struct bucket_key *bucket)
{
	struct bucket_key key;
	struct rate *rate;
	__u64 pace;

	if (!bucket)
		return 0;
	key = *bucket; /* older verifiers take keys from the stack alone */
	rate = bpf_map_lookup_elem(&rates, &key.rule);
	if (!rate || !rate->per_second || !rate->burst)
		return 0;
	pace = SECOND / rate->per_second;
	return bucket_take(&key, pace, pace * (rate->burst - 1));
}

/* Errors that a subject may send: no more than a kernel would. */
#define ERRORS_PER_SECOND 1000
#define ERRORS_AT_ONCE 50
#define ERROR_RULE ANSWER_RULE /* no rule has this number */

__noinline int error_take(__u32 ifindex)
{
	struct bucket_key key = {.rule = ERROR_RULE};

	__builtin_memcpy(key.remote, &ifindex, sizeof(ifindex));
	return bucket_take(&key, SECOND / ERRORS_PER_SECOND,
			   SECOND / ERRORS_PER_SECOND * (ERRORS_AT_ONCE - 1));
}

/* An allowing answer that its rule's limit turns into a denial. */
static __always_inline bool rate_exceeded(__u32 answer, __u8 family, const void *remote)
{
	struct bucket_key key = {.rule = answer & ANSWER_RULE};

	if (likely((answer & (ANSWER_ALLOW | ANSWER_LIMITED)) != (ANSWER_ALLOW | ANSWER_LIMITED)))
		return false;
	if (family == 4)
		__builtin_memcpy(key.remote, remote, 4);
	else
		copy16(key.remote, remote);
	return !rate_take(&key);
}

#endif
