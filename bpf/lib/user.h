/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose packet it is: the user's entry for the interface, or all others'. */
#ifndef NPCTL_LIB_USER_H
#define NPCTL_LIB_USER_H

#include "lib/flow.h"
#include "lib/version.h"

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

/*
 * What others began, apart from the flows, so that a flood from outside pushes
 * out nothing but its like.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow4_key);
	__type(value, struct flow);
	PINNED;
} guests4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct flow6_key);
	__type(value, struct flow);
	PINNED;
} guests6 SEC(".maps");

static __always_inline void guest_pass(struct flow *guest, const struct packet *packet,
				       const struct settings *settings, __u32 now)
{
	guest->packets[packet->direction & 1]++;
	flow_pass(guest, packet, settings, now);
}

static __always_inline void guest_judge(struct flow *guest, const struct packet *packet,
					const struct settings *settings, __u64 judged, __u32 now)
{
	WRITE_ONCE(guest->last_word, judged);
	if (guest->last.answer & ANSWER_ALLOW)
		guest_pass(guest, packet, settings, now);
	else
		flow_hold(guest, packet, settings, now);
}

/* NULL, too, when its time is over. */
static __noinline struct flow *guest_find(const struct packet *packet, __u32 now)
{
	struct flow6_key key = packet->key6;
	struct flow *guest;

	if (packet->family == 4)
		guest = bpf_map_lookup_elem(&guests4, &key);
	else
		guest = bpf_map_lookup_elem(&guests6, &key);
	return guest && flow_alive(guest, now) ? guest : NULL;
}

static __noinline void guest_begin(const struct packet *packet, const struct settings *settings,
				   __u32 now)
{
	struct flow6_key key = packet->key6;
	struct flow guest;

	if (!flow_make(&guest, packet, INGRESS, settings, version_in_force(settings), ANSWER_ALLOW,
		       now))
		return;
	if (packet->family == 4)
		bpf_map_update_elem(&guests4, &key, &guest, BPF_ANY);
	else
		bpf_map_update_elem(&guests6, &key, &guest, BPF_ANY);
}

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
