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

/* By words, as the hash reads them. */
static __always_inline void tally_words(struct tally_key *key, __u16 port, __u8 protocol,
					__u8 family, __u8 direction, __u8 hook, __u8 reason)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u32 what = (__u32)family << 24 | (__u32)protocol << 16 | port;
	__u32 how = (__u32)reason << 16 | (__u32)hook << 8 | direction;
#else
	__u32 what = (__u32)port << 16 | (__u32)protocol << 8 | family;
	__u32 how = (__u32)direction << 24 | (__u32)hook << 16 | (__u32)reason << 8;
#endif

	__builtin_memcpy(&key->port, &what, sizeof(what));
	__builtin_memcpy(&key->direction, &how, sizeof(how));
}

static __always_inline bool tally_count(const struct tally_key *key, const struct tally *more)
{
	struct tally *tally = bpf_map_lookup_elem(&tallies, key);

	if (!tally)
		return false;
	__sync_fetch_and_add(&tally->count, more->count);
	tally->last = more->last;
	return true;
}

static __always_inline bool share_left(const struct tally_key *key)
{
	struct tally_share_key share_key = {
	    .subject = key->subject,
	    .uid = key->uid,
	    .hook = key->hook,
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
}

/* Stands for all that have no entry of their own. */
static __always_inline void tally_key_others(struct tally_key *key)
{
	__builtin_memset(key->peer, 0, sizeof(key->peer));
	tally_words(key, 0, 0, 0, key->direction, key->hook, key->reason);
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
__noinline int tally_add(struct tally_key *key)
{
	__u64 now = bpf_jiffies64();
	struct tally one = {.count = 1, .first = now, .last = now};
	struct tally_key own;

	if (!key)
		return 0;
	own = *key; /* older verifiers take keys from the stack alone */
	tally_store(&own, &one);
	return 0;
}

static __always_inline bool tally_same(const struct tally_key *a, const struct tally_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	_Static_assert(sizeof(*a) == 5 * sizeof(*x), "compared by words");
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

/* The sum of another subject's others, or none, makes room for this one's. */
static __noinline int others_change(struct tally_recent *others, const struct tally_key *key,
				    const struct tally *more)
{
	struct tally_recent was = *others;

	others->key = *key;
	others->tally = *more;
	if (was.tally.count && !tally_count(&was.key, &was.tally))
		tally_insert(&was.key, &was.tally);
	return 0;
}

/*
 * As tally_store(), but one whose peers are each another costs one look at the
 * table: that its share is spent stands beside the sum, in the processor's own.
 */
static __always_inline void tally_settle(struct tally_key *key, struct tally *more)
{
	__u32 which = TALLY_OTHERS;
	struct tally_recent *others = bpf_map_lookup_elem(&tally_recents, &which);
	struct tally_key own = *key;

	if (!others) { /* an older npctl's, which is kept, has no such entry */
		tally_store(key, more);
		return;
	}
	if (tally_count(key, more))
		return;
	tally_key_others(key);
	if (tally_same(&others->key, key)) {
		others->tally.count += more->count;
		others->tally.last = more->last;
	} else if (share_left(&own)) {
		tally_insert(&own, more);
	} else {
		others_change(others, key, more);
	}
}

__noinline int tally_change(struct tally_key *key)
{
	__u64 now = bpf_jiffies64();
	struct tally_recent *recent, was;
	__u32 which = TALLY_LAST;

	recent = bpf_map_lookup_elem(&tally_recents, &which);
	if (!recent || !key)
		return 0;
	was = *recent;
	recent->key = *key;
	recent->tally = (struct tally){.count = 1, .first = now, .last = now};
	if (was.tally.count)
		tally_settle(&was.key, &was.tally);
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
