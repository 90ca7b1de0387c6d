// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Maps of many shapes for tests/map.t; no programs. */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

enum colour { COLOUR_RED, COLOUR_GREEN = 7 };

struct shape_key {
	__u32 ifindex;
	__be32 local;
	__be16 port;
	__u8 protocol;
	__u8 pad;
	__u8 remote[16];
};

struct shape {
	char name[16];
	enum colour colour;
	__s16 low;
	_Bool yes;
	__u8 pad;
	__u64 large;
	__u8 data[4];
	__u32 numbers[2];
	__u32 three : 3;
	__s32 signed4 : 4;
	__u8 family;
	__u8 source[16];
	union {
		__u32 one;
		__be32 address;
	};
};

struct hits {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, struct shape_key);
	__type(value, struct shape);
} shapes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct hits);
} hits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(
	    values, struct {
		    __uint(type, BPF_MAP_TYPE_ARRAY);
		    __uint(max_entries, 4);
		    __type(key, __u32);
		    __type(value, __u64);
	    });
} nested SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 6);
} bare SEC(".maps");

char _license[] SEC("license") = "Dual BSD/GPL";
