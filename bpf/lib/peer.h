/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who a peer is: its address's identity in the version in force. */
#ifndef NPCTL_LIB_PEER_H
#define NPCTL_LIB_PEER_H

#include "lib/run.h"
#include "lib/state.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2 * PEERS4_HALF);
	__type(key, __u32);
	__type(value, struct span);
	PINNED;
} peers4 SEC(".maps");

/* How many of a word's four starts are not behind the key, without a branch. */
static __always_inline __u32 starts_reached(__u64 starts, __u32 key)
{
	const __u64 lanes = 0x0000ffff0000ffffull;
	/* in lanes of 32 bits, key + 65536 - start keeps bit 16 when key >= start */
	__u64 keys = (key | 0x10000ull) * 0x0000000100000001ull;
	__u64 even = keys - (starts & lanes), odd = keys - (starts >> 16 & lanes);

	return (even >> 16 & 1) + (even >> 48 & 1) + (odd >> 16 & 1) + (odd >> 48 & 1);
}

/* Among the packed starts of one /16; IDENTITY_NONE when the run is not there. */
__noinline __u32 peer_search(__u32 first, __u32 count, __u32 key)
{
	__u32 chunk = first >> RUN_CHUNK_BITS, base = first & ((1 << RUN_CHUNK_BITS) - 1);
	__u32 low = base, left = PEER_STARTS(count), steps, place;
	void *entries, *entry;

	entries = bpf_map_lookup_elem(&runs, &chunk);
	if (!entries)
		return IDENTITY_NONE;
	for (steps = 0; steps < PEER_STEPS && left > 1; steps++) {
		__u32 half = left / 2, middle = low + half;

		entry = bpf_map_lookup_elem(entries, &middle);
		if (!entry)
			return IDENTITY_NONE;
		if (*(const __u16 *)entry <= key)
			low = middle;
		left -= half;
	}
	entry = bpf_map_lookup_elem(entries, &low);
	if (!entry)
		return IDENTITY_NONE;
	place = (low - base) * 4 + starts_reached(*(const __u64 *)entry, key) - 1;
	/* starts that pad the last word are 65535, and may be reached */
	if (place >= PEER_COUNT(count))
		place = PEER_COUNT(count) - 1;
	low = base + PEER_STARTS(count) + (count & PEER_WIDE ? place / 2 : place / 4);
	entry = bpf_map_lookup_elem(entries, &low);
	if (!entry)
		return IDENTITY_NONE;
	if (count & PEER_WIDE)
		return ((const __u32 *)entry)[place & 1];
	return ((const __u16 *)entry)[place & 3];
}

/* Most addresses are settled by their first 16 bits, in one load. */
static __always_inline __u32 peer_find4(__u32 version, __be32 address)
{
	__u32 host = bpf_ntohl(address);
	__u32 slot = (version & 1) * PEERS4_HALF + (host >> 16);
	struct span *place = bpf_map_lookup_elem(&peers4, &slot), span;

	if (!place)
		return IDENTITY_NONE;
	span = span_read(place);
	return span.count ? peer_search(span.first, span.count, host & 0xffff) : span.first;
}

static __always_inline __u32 peer_find6(const struct settings *settings, __u32 version,
					const __u8 *address)
{
	struct span span = span_read(&settings->peers6[version & 1]);
	const __u32 *word = (const void *)address;
	__u64 high = (__u64)bpf_ntohl(word[0]) << 32 | bpf_ntohl(word[1]);
	__u64 low = (__u64)bpf_ntohl(word[2]) << 32 | bpf_ntohl(word[3]);

	int level;

	/* the directory, then a leaf; either may be the answer already */
	for (level = 0; level < 2 && span.count; level++) {
		__u64 word = run6_search(span.first, span.count, high, low);

		if (word == ~0ull)
			return IDENTITY_NONE;
		span.first = word;
		span.count = word >> 32;
	}
	return span.first;
}

#endif
