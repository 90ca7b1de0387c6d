/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was denied, kept for whoever asks in the morning. */
#ifndef NPCTL_LIB_TALLY_H
#define NPCTL_LIB_TALLY_H

#include "lib/bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct tally_key);
	__type(value, struct tally);
	PINNED;
} tallies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct tally_recent);
	PINNED;
} tally_recents SEC(".maps");

/* How many entries each subject has made. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct tally_share_key);
	__type(value, __u32);
	PINNED;
} tally_shares SEC(".maps");

/*
 * Which keys have entries, by a bit of their hash: a look at a bit is cheaper
 * than one at the table. A bit too many costs a look; one too few, for an entry
 * that other programs made, is set when one in TALLY_DOUBT looks nevertheless.
 */
#define TALLY_BITS 16
#define TALLY_DOUBT 64

__u64 tally_bits[(1 << TALLY_BITS) / 64];

/* A key as the words in which it is hashed and compared: so it is written, too. */
#define TALLY_WORDS 5

_Static_assert(sizeof(struct tally_key) == TALLY_WORDS * sizeof(__u64), "by words");

static __always_inline __u64 tally_word(__u32 first, __u32 second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (__u64)second << 32 | first;
#else
	return (__u64)first << 32 | second;
#endif
}

static __always_inline __u64 tally_what_and_how(__u16 port, __u8 protocol, __u8 family,
						__u8 direction, __u8 hook, __u8 reason)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return tally_word((__u32)family << 24 | (__u32)protocol << 16 | port,
			  (__u32)reason << 16 | (__u32)hook << 8 | direction);
#else
	return tally_word((__u32)port << 16 | (__u32)protocol << 8 | family,
			  (__u32)direction << 24 | (__u32)hook << 16 | (__u32)reason << 8);
#endif
}

static __always_inline void tally_key_fill(struct tally_key *key, __u64 subject, __u32 uid,
					   __u32 answer, __u8 family, const void *peer,
					   __u64 what_and_how)
{
	const __u32 *part = peer;
	__u64 *word = (void *)key;

	word[0] = subject;
	word[1] = tally_word(uid, answer);
	word[2] = family == 4 ? tally_word(part[0], 0) : tally_word(part[0], part[1]);
	word[3] = family == 4 ? 0 : tally_word(part[2], part[3]);
	word[4] = what_and_how;
}

static __always_inline __u32 tally_bit(const struct tally_key *key)
{
	const __u64 *word = (const void *)key;
	__u64 sum = word[0] * 0x9e3779b97f4a7c15ull ^ word[1] * 0xc2b2ae3d27d4eb4full;

	sum += word[2] * 0x165667b19e3779f9ull ^ word[3] * 0xd6e8feb86659fd93ull;
	sum += word[4] * 0x85ebca77c2b2ae63ull;
	return (sum ^ sum >> 32) * 0x9e3779b97f4a7c15ull >> (64 - TALLY_BITS);
}

static __always_inline bool tally_seen(const struct tally_key *key)
{
	__u32 bit = tally_bit(key);

	return READ_ONCE(tally_bits[bit / 64]) >> bit % 64 & 1;
}

static __always_inline void tally_see(const struct tally_key *key)
{
	__u32 bit = tally_bit(key);

	if (!(READ_ONCE(tally_bits[bit / 64]) >> bit % 64 & 1))
		__sync_fetch_and_or(&tally_bits[bit / 64], 1ull << bit % 64);
}

static __always_inline bool tally_count(const struct tally_key *key, const struct tally *more)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, key);

	if (!tally)
		return false;
	tally_see(key);
	__sync_fetch_and_add(&tally->count, more->count);
	tally->last = more->last;
	return true;
}

static __always_inline bool share_left(const struct tally_key *key)
{
	struct tally_share_key share_key = {
	    .subject = key->subject,
	    .uid = key->uid,
	    .hook = key->hook | (key->reason == REASON_SHADOW ? TALLY_SHADOWS : 0),
	};
	__u32 *share = bpf_map_lookup_elem(&tally_shares, &share_key), none = 0;

	if (!share) {
		bpf_map_update_elem(&tally_shares, &share_key, &none, BPF_NOEXIST);
		share = bpf_map_lookup_elem(&tally_shares, &share_key);
	}
	return share && __sync_fetch_and_add(share, 1) < TALLY_SHARE;
}

static __always_inline void tally_insert(struct tally_key *key, struct tally *more)
{
	if (bpf_map_update_elem(&tallies, key, more, BPF_NOEXIST))
		tally_count(key, more);
	else
		tally_see(key);
}

/* Stands for all that have no entry of their own. */
static __always_inline void tally_key_others(struct tally_key *key)
{
	__u64 *word = (void *)key;

	word[2] = word[3] = 0;
	word[4] = tally_what_and_how(0, 0, 0, key->direction, key->hook, key->reason);
}

/* Into the table; beyond the subject's share, with all the others. */
static __always_inline void tally_store(struct tally_key *key, struct tally *more)
{
	if (tally_count(key, more))
		return;
	if (!share_left(key)) {
		tally_key_others(key);
		if (tally_count(key, more))
			return;
	}
	tally_insert(key, more);
}

/* Where programs can be interrupted by one another there is no last one. */
static __always_inline void tally_add(struct tally_key *key)
{
	__u64 now = bpf_jiffies64();
	struct tally one = {.count = 1, .first = now, .last = now};

	tally_store(key, &one);
}

static __always_inline bool tally_same(const struct tally_key *a, const struct tally_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

/* Whether `others` is the sum to which `key` belongs that has no entry. */
static __always_inline bool tally_is_other(const struct tally_key *others,
					   const struct tally_key *key)
{
	const __u64 *x = (const void *)others, *y = (const void *)key;
	const __u64 how = tally_what_and_how(0, 0, 0, 0xff, 0xff, 0xff);

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | x[2] | x[3] | (x[4] ^ (y[4] & how)));
}

static __always_inline void tally_join(struct tally *sum, const struct tally *more)
{
	sum->count += more->count;
	sum->last = more->last;
}

static __always_inline void tally_put(struct tally_recent *one)
{
	if (!tally_count(&one->key, &one->tally))
		tally_insert(&one->key, &one->tally);
}

/* Word by word, for there is no room on the stack for another. */
static __always_inline void tally_swap(struct tally_recent *a, struct tally_recent *b)
{
	__u64 *x = (void *)a, *y = (void *)b, word;
	size_t i;

	for (i = 0; i < sizeof(*a) / sizeof(word); i++) {
		word = x[i];
		x[i] = y[i];
		y[i] = word;
		barrier_var(y);
	}
}

/* As tally_store(), but what is beyond a share is summed in the processor's own. */
static __always_inline void tally_settle(struct tally_recent *others, struct tally_recent *one)
{
	if (tally_count(&one->key, &one->tally))
		return;
	if (tally_is_other(&others->key, &one->key)) {
		tally_join(&others->tally, &one->tally);
	} else if (share_left(&one->key)) {
		tally_insert(&one->key, &one->tally);
	} else {
		/* the sum of another subject's, or none, makes room for this one's */
		tally_key_others(&one->key);
		tally_swap(others, one);
		if (one->tally.count)
			tally_put(one);
	}
}

/*
 * What was the last one goes into the table, or to the others. Where peers are
 * each another, that costs a look at a bit: that the share is spent stands
 * beside the sum, in the processor's own.
 */
__noinline int tally_change(struct tally_key *key)
{
	__u32 which = TALLY_LAST, second = TALLY_OTHERS;
	struct tally_recent *recent, *others, was;
	__u64 now = bpf_jiffies64();

	recent = bpf_map_lookup_elem(&tally_recents, &which);
	others = bpf_map_lookup_elem(&tally_recents, &second);
	if (!recent || !key)
		return 0;
	if (others && tally_is_other(&others->key, &recent->key) && !tally_seen(&recent->key) &&
	    others->tally.count % TALLY_DOUBT) {
		tally_join(&others->tally, &recent->tally);
		was.tally.count = 0;
	} else {
		was = *recent;
	}
	recent->key = *key;
	recent->tally = (struct tally){.count = 1, .first = now, .last = now};
	if (was.tally.count && others)
		tally_settle(others, &was);
	else if (was.tally.count) /* an older npctl's map, which is kept, has no such entry */
		tally_store(&was.key, &was.tally);
	return 0;
}

/* For programs that run with interrupts of their kind off: the tc ones. */
static __always_inline void tally_add_recent(struct tally_key *key)
{
	__u32 which = TALLY_LAST;
	struct tally_recent *recent = bpf_map_lookup_elem(&tally_recents, &which);

	if (recent && tally_same(&recent->key, key)) {
		recent->tally.count++;
		recent->tally.last = bpf_jiffies64();
	} else {
		tally_change(key);
	}
}

#endif
