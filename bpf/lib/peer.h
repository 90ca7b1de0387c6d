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

/* Most addresses are settled by their first 16 bits, in one load. */
static __always_inline __u32 peer_find4(__u32 version, __be32 address)
{
	__u32 host = bpf_ntohl(address);
	__u32 slot = (version & 1) * PEERS4_HALF + (host >> 16);
	struct span *span = bpf_map_lookup_elem(&peers4, &slot);

	return span ? run_find(span_read(span), host, IDENTITY_NONE) : IDENTITY_NONE;
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
