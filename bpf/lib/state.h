/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two maps that exist before anything is loaded. */
#ifndef NPCTL_LIB_STATE_H
#define NPCTL_LIB_STATE_H

#include "lib/bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
	PINNED;
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct document_key);
	__type(value, struct document_part);
	PINNED;
} documents SEC(".maps");

static __always_inline struct settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

#endif
