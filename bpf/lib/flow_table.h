/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of known flows: buckets of slots that fill cache lines, read and
 * written by programs on all processors and by user space at once, without a
 * lock. This file is compiled for all of them.
 *
 * A slot changes hands like this:
 *
 *	writer				reader
 *	word: even -> odd (claim)	word, must be even with the key's tag
 *	key, flow			key, must be the key; flow
 *	word: odd -> even (release)	word, must be the same as before
 *
 * Only a compare-and-swap makes a word odd, so there is one writer at a time,
 * and its stores stand between two such swaps, which are full barriers. A
 * reader whose key or flow comes from those stores therefore finds the word
 * odd, or counted on, when it looks again: its loads are ordered, by the
 * processor on x86, by addresses that depend on what was loaded elsewhere, by
 * acquire loads in user space. It cannot see the same word once more after a
 * whole change: that takes 2^31 of them while it reads eight words. So what
 * was read between two equal, even words is one flow's own, and all else is
 * taken for unknown and goes the slow way.
 *
 * The answer of a flow is changed like its key, by claim and release. What
 * packets move without a claim is no part of it: when the flow was seen is
 * stored, its state is swapped against what the reader saw. Should the slot be
 * another's by then, that other at worst looks younger than it is.
 *
 * Two processors that insert one flow at once may leave it in two slots. Both
 * were judged, the first in order is found, and the other idles away.
 */
#ifndef NPCTL_LIB_FLOW_TABLE_H
#define NPCTL_LIB_FLOW_TABLE_H

#ifdef __bpf__
#include "lib/bpf.h"
#else
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "abi.h"
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#endif

/* Keys are compared and hashed by words, whatever their members are. */
typedef __u32 __attribute__((may_alias)) flow_word;

#define FLOW4_WORDS (sizeof(struct flow4_key) / sizeof(flow_word))
#define FLOW6_WORDS (sizeof(struct flow6_key) / sizeof(flow_word))

/* What both kinds of slot begin with. */
struct flow_slot {
	__u64 word;
	struct flow flow;
	flow_word key[];
};

_Static_assert(sizeof(struct flow) == 32, "as older maps have it");
_Static_assert(sizeof(struct flow4_slot) == 64, "a cache line");
_Static_assert(sizeof(struct flow6_slot) == 128, "two cache lines");
_Static_assert(offsetof(struct flow4_slot, key) == sizeof(struct flow_slot), "one layout");
_Static_assert(offsetof(struct flow6_slot, key) == sizeof(struct flow_slot), "one layout");
_Static_assert(!offsetof(struct flow4_key, ifindex) && !offsetof(struct flow6_key, ifindex),
	       "the interface comes first");

#ifdef __bpf__
#define flow_load(at) READ_ONCE(*(at))
#define flow_store(at, value) WRITE_ONCE(*(at), value)
#define flow_swap(at, old, new) __sync_val_compare_and_swap(at, old, new)
#else
#define flow_load(at) __atomic_load_n(at, __ATOMIC_ACQUIRE)
#define flow_store(at, value) __atomic_store_n(at, value, __ATOMIC_RELEASE)
#define flow_swap(at, old, new) __sync_val_compare_and_swap(at, old, new)
#endif

/*
 * 0, and what is read from an address to which it is added is read after `value`:
 * x86 reads in the order of the program, and others at least do not read from an
 * address that they do not know yet.
 */
static __always_inline __u64 flow_nothing(__u64 value)
{
#if defined(__bpf__) && !defined(__TARGET_ARCH_x86)
	__u64 none = 0;

	barrier_var(none);
	value &= none;
	barrier_var(value);
	return value;
#else
	(void)value;
	return 0;
#endif
}

/* `value`, of which the compiler knows nothing any more: it would branch where we add. */
static __always_inline __u64 flow_opaque(__u64 value)
{
#ifdef __bpf__
	barrier_var(value);
#endif
	return value;
}

/*
 * The same for the verifier, too: it would go through the slots of a bucket
 * once for each combination of what they can hold.
 */
static __always_inline __u64 flow_blur(__u64 value, __u64 unknown)
{
	return flow_opaque(flow_opaque(value ^ unknown) ^ unknown);
}

/* A flow as one reader saw it, and where. */
struct flow_known {
	__u64 place; /* bucket * FLOW_WAYS + way */
	__u64 word;
	struct flow flow;
};

/*
 * Multilinear hashing: over all secrets, two keys agree in the upper half of
 * the sum no more often than by chance, whoever chose the keys. Keys in a row
 * make sums in a row, which are stirred once more.
 */
static __always_inline __u64 flow_hash(const volatile __u64 *multiplier, const flow_word *key,
				       size_t words)
{
	__u64 sum = 0;
	size_t i;

	for (i = 0; i + 1 < words; i += 2)
		sum += (multiplier[i] + key[i]) * (multiplier[i + 1] + key[i + 1]);
	if (words & 1)
		sum += (multiplier[words - 1] + key[words - 1]) * multiplier[words];
	return (sum ^ sum >> 32) * 0x9e3779b97f4a7c15ull;
}

/* Never 0. */
static __always_inline __u32 flow_tag(__u64 hash)
{
	return (__u32)(hash >> 16) | 1u << 31;
}

static __always_inline __u32 flow_bucket_first(__u64 hash, __u32 buckets)
{
	return (hash >> 32) * buckets >> 32;
}

static __always_inline __u32 flow_bucket_second(__u64 hash, __u32 buckets)
{
	hash = (hash ^ hash >> 29) * 0xd6e8feb86659fd93ull;
	return (hash >> 32) * buckets >> 32;
}

static __always_inline __u32 flow_word_tag(__u64 word)
{
	return word >> 32;
}

static __always_inline bool flow_word_changing(__u64 word)
{
	return word & 1;
}

static __always_inline struct flow_slot *flow_slot_at(void *bucket, size_t size, __u32 way)
{
	return bucket + (way & (FLOW_WAYS - 1)) * size;
}

/* 0 when it is the slot's. */
static __always_inline flow_word flow_key_differs(const struct flow_slot *slot,
						  const flow_word *key, size_t words)
{
	__u64 other = 0;
	size_t i;

#ifdef __bpf__
	/* it is read again: kept in the stack it would be there twice */
	barrier_var(key);
#endif
	/* word by word, else a compiler has all of them on the stack at once */
	for (i = 0; i < words; i++)
		other = flow_opaque(other | (flow_load(&slot->key[i]) ^ key[i]));
	return other;
}

/*
 * The way of the slot that has the key, or is about to, and its word; FLOW_NONE
 * when none of the bucket has. What is read of it next is read after the key.
 * A flow is put where its tag says, if it is free, so that is looked at first.
 */
#define FLOW_NONE (~0u)

static __always_inline __u32 flow_look(void *bucket, size_t size, __u32 tag, const flow_word *key,
				       size_t words, __u64 *word)
{
	flow_word other;
	__u32 i;

	for (i = 0; i < FLOW_WAYS; i++) {
		struct flow_slot *slot = flow_slot_at(bucket, size, tag + i);

		*word = flow_load(&slot->word);
		if (flow_word_tag(*word) != tag)
			continue;
		slot = (void *)slot + flow_nothing(*word);
		other = flow_word_changing(*word) ? 0 : flow_key_differs(slot, key, words);
		if (!other)
			return ((tag + i) & (FLOW_WAYS - 1)) + flow_nothing(other);
	}
	return FLOW_NONE;
}

/*
 * All that packets are judged by, if the slot is still what it was when its
 * word was read: for the key, which was read between, that speaks as well.
 */
static __always_inline bool flow_read(struct flow_slot *slot, __u64 word, struct flow *flow)
{
	__u64 seen;

	flow->last_word = flow_load(&slot->flow.last_word);
	flow->life_word = flow_load(&slot->flow.life_word);
	flow->state_word = flow_load(&slot->flow.state_word);
	seen = flow->last_word ^ flow->life_word ^ flow->state_word;
	slot = (void *)slot + flow_nothing(seen);
	return !flow_word_changing(word) && flow_load(&slot->word) == word;
}

/* Makes the slot the caller's to write; `word` is what was seen of it, `tag` what will be. */
static __always_inline bool flow_claim(struct flow_slot *slot, __u64 word, __u32 tag)
{
	__u64 claimed = (__u64)tag << 32 | (__u32)(word + 1);

	return !flow_word_changing(word) && flow_swap(&slot->word, word, claimed) == word;
}

/* A swap for its barrier: nobody else writes to an odd word. */
static __always_inline void flow_release(struct flow_slot *slot, __u64 word, __u32 tag)
{
	__u64 claimed = (__u64)tag << 32 | (__u32)(word + 1);
	__u64 released = (__u64)tag << 32 | (__u32)(word + 2);

	flow_swap(&slot->word, claimed, released);
}

/* Another answer for a flow that is known; false when it changed meanwhile. */
static __always_inline bool flow_answer(struct flow_slot *slot, struct flow_known *known,
					__u64 last_word)
{
	__u32 tag = flow_word_tag(known->word);

	if (!flow_claim(slot, known->word, tag))
		return false;
	flow_store(&slot->flow.last_word, last_word);
	flow_release(slot, known->word, tag);
	known->flow.last_word = last_word;
	known->word = (__u64)tag << 32 | (__u32)(known->word + 2);
	return true;
}

/* What a packet moved without another answer; false when somebody else moved it first. */
static __always_inline bool flow_move(struct flow *flow, const struct flow *was,
				      const struct flow *now)
{
	flow_store(&flow->life_word, now->life_word);
	return now->state_word == was->state_word ||
	       flow_swap(&flow->state_word, was->state_word, now->state_word) == was->state_word;
}

static __always_inline bool flow_fresh(const struct flow *flow, __u32 now)
{
	return (__s32)(flow->expires - now) >= 0;
}

/* A seeded flow lives until it is judged. */
static __always_inline bool flow_alive(const struct flow *flow, __u32 now)
{
	return !flow->last.version || flow_fresh(flow, now);
}

static __always_inline bool flow_opening(const struct flow *flow)
{
	return flow->lifetime <= LIFE_UDP_OPENING;
}

/* Who makes room for whom: the lowest goes first, and of equals that of the lower order. */
enum flow_rank {
	FLOW_RANK_FREE,
	FLOW_RANK_EXPIRED,
	FLOW_RANK_OVER,	   /* denied, or closing */
	FLOW_RANK_KIN,	   /* opening, of the newcomer's interface and direction: the idlest */
	FLOW_RANK_OPENING, /* opening, of others: the latest, for a flood is what came last */
	FLOW_RANK_LIVE,	   /* the idlest */
	FLOW_RANK_CHANGING,
};

/* Lifetimes as bits: what opens, what closes, what only its packets tell open from answered. */
#define FLOW_OPENINGS (1u << LIFE_TCP_OPENING | 1u << LIFE_UDP_OPENING)
#define FLOW_CLOSINGS (1u << LIFE_TCP_CLOSING)
#define FLOW_ASKINGS (1u << LIFE_SCTP | 1u << LIFE_ICMP)

/* 1 for all but 0, 1 for a bit that is set, the second of two when the first is 1. */
static __always_inline __u32 flow_is(__u32 value)
{
	return (value | (__u32)flow_opaque(-value)) >> 31;
}

static __always_inline __u32 flow_is_one_of(__u32 lifetime, __u32 lifetimes)
{
	return flow_opaque(lifetimes >> (lifetime & (LIFETIMES - 1)) & 1);
}

static __always_inline __u64 flow_either(__u64 otherwise, __u32 chosen, __u64 value)
{
	return otherwise ^ ((otherwise ^ value) & -(__u64)chosen);
}

/*
 * By sums, for sixteen slots with a branch at each question are more ways than
 * the verifier goes, and more than a processor guesses right. Not ordered with
 * the word: whoever takes the slot must claim it.
 */
static __always_inline __u64 flow_rank(const struct flow_slot *slot, __u64 word,
				       const struct flow *newcomer, __u32 ifindex, __u32 now)
{
	struct flow flow = {
	    .last_word = flow_load(&slot->flow.last_word),
	    .life_word = flow_load(&slot->flow.life_word),
	    .state_word = flow_load(&slot->flow.state_word),
	};
	__u32 judged = flow_is(flow.last.version);
	__u32 expired = judged & flow_opaque((flow.expires - now) >> 31);
	__u32 over = (judged & flow_opaque(~flow.last.answer >> 31)) |
		     flow_is_one_of(flow.lifetime, FLOW_CLOSINGS);
	__u32 answered = flow_is(flow_load(&slot->flow.packets[INGRESS])) &
			 flow_is(flow_load(&slot->flow.packets[EGRESS]));
	__u32 asks = flow_is_one_of(flow.lifetime, FLOW_OPENINGS) |
		     (flow_is_one_of(flow.lifetime, FLOW_ASKINGS) & ~answered);
	__u32 strange =
	    flow_is((flow.initiator ^ newcomer->initiator) | (flow_load(&slot->key[0]) ^ ifindex));
	__u64 rank, order = ~(now - flow.seen);

	rank = flow_either(FLOW_RANK_LIVE, asks, FLOW_RANK_KIN + strange);
	order ^= -(asks & strange & ~over & ~expired);
	rank = flow_either(rank, over, FLOW_RANK_OVER);
	rank = flow_either(rank, expired, FLOW_RANK_EXPIRED);
	rank = flow_either(FLOW_RANK_FREE, flow_is(flow_word_tag(word)), rank);
	rank = flow_either(rank, flow_opaque(word & 1), FLOW_RANK_CHANGING);
	return rank << 32 | (__u32)order;
}

/* The best place in one bucket, and how many of its places are taken. */
struct flow_place {
	struct flow_slot *slot;
	__u64 rank;
	__u64 taken;
};

/* The openings within reach: the newcomer's kin, and strangers with the latest of them. */
struct flow_crowd {
	struct flow_slot *slot;
	__u64 order;
	__u64 kin;
	__u64 strange;
};

#define FLOW_MANY 3
#define FLOW_STRANGE ((__u64)FLOW_RANK_OPENING << 32)

static __always_inline void flow_place_look(struct flow_place *place, struct flow_crowd *crowd,
					    struct flow_slot *slot, const struct flow *newcomer,
					    __u32 ifindex, __u32 now)
{
	__u64 word = flow_load(&slot->word), rank, past;

	rank = flow_blur(flow_rank(slot, word, newcomer, ifindex, now), word);
	/* sums, for comparisons would be two ways each for the verifier */
	past = flow_opaque(FLOW_RANK_EXPIRED - (rank >> 32));
	place->taken += past >> 63;
	crowd->kin += flow_opaque(1 - flow_is(rank >> 32 ^ FLOW_RANK_KIN));
	crowd->strange += flow_opaque(1 - flow_is(rank >> 32 ^ FLOW_RANK_OPENING));
	if (rank < place->rank) {
		place->rank = rank;
		place->slot = slot;
	}
	if ((rank ^ FLOW_STRANGE) < crowd->order) {
		crowd->order = rank ^ FLOW_STRANGE;
		crowd->slot = slot;
	}
}

/* The first bucket is read first, so it is filled first, but not to the brim. */
#define FLOW_FILL 6

static __always_inline bool flow_is_roomy(const struct flow_place *place)
{
	return place->rank >> 32 <= FLOW_RANK_EXPIRED && place->taken < FLOW_FILL;
}

static __always_inline bool flow_second_is_better(const struct flow_place *first,
						  const struct flow_place *second)
{
	if (second->rank >> 32 <= FLOW_RANK_EXPIRED)
		return second->taken < first->taken;
	return second->rank < first->rank;
}

/* Two buckets as one row of slots, from where the tag says on in each. */
static __always_inline struct flow_slot *flow_slot_of(void *first, void *second, size_t size,
						      __u32 tag, __u32 i)
{
	return flow_slot_at(i < FLOW_WAYS ? first : second, size, tag + i);
}

/*
 * Where a flow is already. A loop of its own, since it has all the cache lines
 * on their way before the first is looked at closely.
 */
static __always_inline struct flow_slot *flow_self(void *first, void *second, size_t size,
						   __u32 tag, const flow_word *key, size_t words)
{
	__u32 i;

	for (i = 0; i < 2 * FLOW_WAYS; i++) {
		struct flow_slot *slot = flow_slot_of(first, second, size, tag, i);

		if (flow_word_tag(flow_load(&slot->word)) == tag &&
		    !flow_key_differs(slot, key, words))
			return slot;
	}
	return NULL;
}

/* Whose place a new one takes. */
static __always_inline struct flow_slot *flow_room(void *first, void *second, size_t size,
						   __u32 tag, const struct flow *newcomer,
						   __u32 ifindex, __u32 now)
{
	struct flow_place place = {.slot = first, .rank = ~0ull}, other = place;
	struct flow_crowd crowd = {.slot = first, .order = 1ull << 32};
	__u32 i;

	/* one loop, for two take twice the stack */
	for (i = 0; i < 2 * FLOW_WAYS; i++) {
		if (i == FLOW_WAYS) {
			if (flow_is_roomy(&place))
				return place.slot;
			other = place;
			place = (struct flow_place){.slot = first, .rank = ~0ull};
		}
		flow_place_look(&place, &crowd, flow_slot_of(first, second, size, tag, i), newcomer,
				ifindex, now);
	}
	if (!flow_second_is_better(&other, &place))
		place = other;
	/* who has few there takes from those who have many */
	if (place.rank >> 32 == FLOW_RANK_KIN && crowd.strange > FLOW_MANY * crowd.kin)
		return crowd.slot;
	return place.slot;
}

/*
 * Puts a flow into the better of its buckets, in the place of whatever makes
 * room for it. False when others are changing that place; FLOW_ONLY_NEW: or
 * when the flow is there already. A place that changes hands between choice
 * and claim has got a flow that only begins; that one pays.
 */
#define FLOW_ONLY_NEW 1

static __always_inline bool flow_put(void *first, void *second, size_t size, __u32 tag,
				     const flow_word *key, size_t words, const struct flow *flow,
				     __u32 now, int flags)
{
	struct flow_slot *slot = flow_self(first, second, size, tag, key, words);
	__u64 word;
	size_t i;

	if (slot && flags & FLOW_ONLY_NEW)
		return false;
	if (!slot)
		slot = flow_room(first, second, size, tag, flow, key[0], now);
	word = flow_load(&slot->word);
	if (!flow_claim(slot, word, tag))
		return false;
#ifdef __bpf__
	barrier_var(key);
#endif
	for (i = 0; i < words; i++)
		flow_store(&slot->key[i], key[i]);
	flow_store(&slot->flow.last_word, flow->last_word);
	flow_store(&slot->flow.life_word, flow->life_word);
	flow_store(&slot->flow.state_word, flow->state_word);
	flow_store(&slot->flow.packets[INGRESS], flow->packets[INGRESS]);
	flow_store(&slot->flow.packets[EGRESS], flow->packets[EGRESS]);
	flow_release(slot, word, tag);
	return true;
}

#endif
