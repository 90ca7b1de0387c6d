/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose packet it is: the user's entry for the interface, or all others'. */
#ifndef NPCTL_LIB_USER_H
#define NPCTL_LIB_USER_H

#include "lib/bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct user_key);
	__type(value, struct user_subject);
	PINNED;
} users SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct socket_verdict);
	PINNED;
} sockets SEC(".maps");

static __always_inline struct user_half *user_half_find(__u32 ifindex, __u32 uid, __u32 version)
{
	struct user_key key = {.ifindex = ifindex, .uid = uid};
	struct user_subject *user = bpf_map_lookup_elem(&users, &key);

	return user && user->half[version & 1].present ? &user->half[version & 1] : NULL;
}

static __always_inline struct user_half *user_find(__u32 ifindex, __u32 uid, __u32 version)
{
	struct user_half *half = user_half_find(ifindex, uid, version);

	return half ? half : user_half_find(ifindex, USER_ANY, version);
}

#endif
