/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Binary search in the sorted runs that answer for peers and ports alike. */
#ifndef NPCTL_LIB_RUN_H
#define NPCTL_LIB_RUN_H

#include "lib/bpf.h"

struct run_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << RUN_CHUNK_BITS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct run_entry));
};

struct run6_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 << RUN6_CHUNK_BITS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct run6_entry));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RUN_CHUNKS);
	__type(key, __u32);
	PINNED;
	__array(values, struct run_chunk);
} runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RUN6_CHUNKS);
	__type(key, __u32);
	PINNED;
	__array(values, struct run6_chunk);
} runs6 SEC(".maps");

/* A span is replaced under us as one word, so it is read as one. */
static __always_inline struct span span_read(const struct span *span)
{
	__u64 word = *(const volatile __u64 *)span;

	return (struct span){.first = (__u32)word, .count = word >> 32};
}

/*
 * The searches are global functions: the verifier looks at each once, not at
 * every place that calls it. `missing` is the answer when the run is not
 * there: that is so only while a writer overwrites what a newer version no
 * longer uses, and the caller then judges again.
 */
__noinline __u32 run_search(__u32 first, __u32 left, __u32 key, __u32 missing)
{
	__u32 chunk = first >> RUN_CHUNK_BITS, steps;
	__u32 low = first & ((1 << RUN_CHUNK_BITS) - 1);
	struct run_entry *entry;
	void *entries;

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

static __always_inline __u32 run_find(struct span span, __u32 key, __u32 missing)
{
	return span.count ? run_search(span.first, span.count, key, missing) : span.first;
}

/*
 * One level of the IPv6 directory: the span of the last entry not behind the
 * key, as one word; all ones when the run is not there.
 */
__noinline __u64 run6_search(__u32 first, __u32 left, __u64 high, __u64 low_half)
{
	__u32 chunk = first >> RUN6_CHUNK_BITS, steps;
	__u32 low = first & ((1 << RUN6_CHUNK_BITS) - 1);
	struct run6_entry *entry;
	void *entries;

	entries = bpf_map_lookup_elem(&runs6, &chunk);
	if (!entries)
		return ~0ull;
	for (steps = 0; steps < RUN6_STEPS && left > 1; steps++) {
		__u32 half = left / 2, middle = low + half;

		entry = bpf_map_lookup_elem(entries, &middle);
		if (!entry)
			return ~0ull;
		if (entry->high < high || (entry->high == high && entry->low <= low_half))
			low = middle;
		left -= half;
	}
	entry = bpf_map_lookup_elem(entries, &low);
	return entry ? *(const volatile __u64 *)&entry->span : ~0ull;
}

#endif
