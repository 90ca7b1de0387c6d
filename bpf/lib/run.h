/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Binary search in the sorted runs that answer for peers and ports alike. */
#ifndef NPCTL_LIB_RUN_H
#define NPCTL_LIB_RUN_H

#include "lib/bpf.h"

struct run_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << RUN_CHUNK_BITS);
	__type(key, __u32);
	__type(value, struct run_entry);
};

struct run6_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << RUN6_CHUNK_BITS);
	__type(key, __u32);
	__type(value, struct run6_entry);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RUN_CHUNKS);
	__type(key, __u32);
	__array(values, struct run_chunk);
	PINNED;
} runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RUN6_CHUNKS);
	__type(key, __u32);
	__array(values, struct run6_chunk);
	PINNED;
} runs6 SEC(".maps");

/*
 * The answer for `key`. `missing` when the run is not there: that is the case
 * only while a writer overwrites what a newer version no longer uses, and
 * the caller then judges again.
 */
static __always_inline __u32 run_find(struct span span, __u32 key, __u32 missing)
{
	__u32 chunk = span.first >> RUN_CHUNK_BITS;
	__u32 low = span.first & ((1 << RUN_CHUNK_BITS) - 1);
	__u32 left = span.count, steps;
	struct run_entry *entry;
	void *entries;

	if (!left)
		return span.first;
	entries = bpf_map_lookup_elem(&runs, &chunk);
	if (!entries)
		return missing;
	for (steps = 0; steps < RUN_STEPS && left > 1; steps++) {
		__u32 half = left / 2, middle = low + half;

		entry = bpf_map_lookup_elem(entries, &middle);
		if (!entry)
			return missing;
		if (entry->start <= key)
			low = middle;
		left -= half;
	}
	entry = bpf_map_lookup_elem(entries, &low);
	return entry ? entry->answer : missing;
}

/* One level of the IPv6 directory: the span of the last entry not behind the key. */
static __always_inline bool run6_step(struct span *span, __u64 high, __u64 low_half)
{
	__u32 chunk = span->first >> RUN6_CHUNK_BITS;
	__u32 low = span->first & ((1 << RUN6_CHUNK_BITS) - 1);
	__u32 left = span->count, steps;
	struct run6_entry *entry;
	void *entries;

	entries = bpf_map_lookup_elem(&runs6, &chunk);
	if (!entries)
		return false;
	for (steps = 0; steps < RUN6_STEPS && left > 1; steps++) {
		__u32 half = left / 2, middle = low + half;

		entry = bpf_map_lookup_elem(entries, &middle);
		if (!entry)
			return false;
		if (entry->high < high || (entry->high == high && entry->low <= low_half))
			low = middle;
		left -= half;
	}
	entry = bpf_map_lookup_elem(entries, &low);
	if (!entry)
		return false;
	*span = entry->span;
	return true;
}

#endif
