/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a packet is judged for: the interface's entry in the version in force. */
#ifndef NPCTL_LIB_SUBJECT_H
#define NPCTL_LIB_SUBJECT_H

#include "lib/bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SUBJECT_SLOTS);
	__type(key, __u32);
	__type(value, struct subject);
	PINNED;
} subjects SEC(".maps");

/* Interfaces whose slot another one has: indexes grow without bound. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct subject);
	PINNED;
} subjects_more SEC(".maps");

static __always_inline struct subject_half *subject_find(__u32 ifindex, __u32 version)
{
	__u32 slot = ifindex % SUBJECT_SLOTS;
	struct subject *subject = bpf_map_lookup_elem(&subjects, &slot);
	struct subject_half *half;

	if (!subject)
		return NULL;
	half = &subject->half[version & 1];
	if (likely(half->ifindex == ifindex))
		return half;
	subject = bpf_map_lookup_elem(&subjects_more, &ifindex);
	if (!subject)
		return NULL;
	half = &subject->half[version & 1];
	return half->ifindex == ifindex ? half : NULL;
}

#endif
