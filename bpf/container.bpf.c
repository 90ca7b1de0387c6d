// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Policy at the socket: connect and sendmsg of whoever is in a cgroup, before
 * there is a packet. Every cgroup on the way from the root that has an entry
 * must allow; where the program is attached and no entry is found, nobody does.
 */
#include "lib/event.h"
#include "lib/rate.h"
#include "lib/shadow.h"
#include "lib/state.h"
#include "lib/tally.h"
#include "lib/verdict.h"
#include "lib/version.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define ATTEMPTS 4
#define SOCK_RAW 3
#define AF_INET 2
#define REFUSE 0 /* the system call fails with EPERM */
#define PROCEED 1

/* Kernels before 6.10 do not tell these programs which task they run for. */
const volatile bool task_known = true;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct container_subject);
	PINNED;
} containers SEC(".maps");

/* What a socket is about to reach. */
struct attempt {
	__u8 address[16]; /* IPv4 in the first four bytes */
	__be32 address4;
	__u16 port;
	__u8 family;
	__u8 protocol;
	__u64 cgroup;		      /* whose entry decided */
	__u64 shadow_cgroup;	      /* whose would by the candidate */
	__u32 limited[CGROUP_LEVELS]; /* answers with a limit, of each level */
};

static __always_inline void judge_one(const struct settings *settings, __u32 version,
				      const struct container_half *half, struct attempt *attempt,
				      struct verdict *verdict)
{
	verdict->reason = REASON_POLICY;
	verdict->answer = 0;
	verdict->identity = attempt->family == 4 ? peer_find4(version, attempt->address4)
						 : peer_find6(settings, version, attempt->address);
	if (verdict->identity != IDENTITY_NONE)
		verdict->answer = set_find(span_read(&half->set), verdict->identity,
					   table_key(attempt->protocol, attempt->port));
}

/* What the candidate says at this level, which has the last word if it is the first to deny. */
static __always_inline void judge_shadow(__u32 version, const struct container_half *half, __u64 id,
					 struct attempt *attempt, const struct verdict *verdict,
					 __u32 *shadow)
{
	if (attempt->shadow_cgroup && !(*shadow & ANSWER_ALLOW))
		return;
	*shadow = verdict->answer;
	if (half->flags & USER_SHADOW)
		*shadow =
		    shadow_find(id, USER_ANY, SHADOW_HOW(HOOK_CONTAINER, EGRESS, version),
				verdict->identity, table_key(attempt->protocol, attempt->port));
	attempt->shadow_cgroup = id;
}

/* Looks at every level once; false when the policy changed meanwhile. */
__noinline int levels_judge(struct attempt *attempt, struct verdict *verdict)
{
	struct settings *settings = settings_get();
	__u32 version, level, shadow = 0;
	struct verdict one = {};
	bool denied = false;

	if (!settings || !attempt || !verdict)
		return false;
	version = version_in_force(settings);
	verdict->answer = 0;
	verdict->identity = 0;
	verdict->reason = REASON_NO_SUBJECT;
	attempt->cgroup = bpf_get_current_cgroup_id();
	attempt->shadow_cgroup = 0;
	for (level = 0; level < CGROUP_LEVELS; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		struct container_subject *container;
		struct container_half *half;

		if (!id)
			break;
		container = bpf_map_lookup_elem(&containers, &id);
		if (!container || !container->half[version & 1].present)
			continue;
		half = &container->half[version & 1];
		judge_one(settings, version, half, attempt, &one);
		judge_shadow(version, half, id, attempt, &one, &shadow);
		if (denied)
			continue;
		attempt->cgroup = id;
		attempt->limited[level] = one.answer & ANSWER_LIMITED ? one.answer : 0;
		denied = !(one.answer & ANSWER_ALLOW);
		verdict->answer = one.answer;
		verdict->identity = one.identity;
		verdict->reason = one.reason;
	}
	if (attempt->shadow_cgroup)
		shadow_compare(verdict, shadow, EGRESS, attempt->port);
	return version == version_in_force(settings);
}

/* Limits are asked once, when all levels have allowed. */
static __always_inline void limit(const struct attempt *attempt, struct verdict *verdict)
{
	__u32 level;

	if (!(verdict->answer & ANSWER_ALLOW))
		return;
	for (level = 0; level < CGROUP_LEVELS; level++) {
		if (!rate_exceeded(attempt->limited[level], 6, attempt->address))
			continue;
		verdict->answer = attempt->limited[level] & ~ANSWER_ALLOW;
		verdict->reason = REASON_LIMITED;
		break;
	}
}

/* Whoever asks is in the cgroup or in one below. */
static __always_inline bool task_in_cgroup(__u64 cgroup)
{
	int level;

	for (level = 0; level < CGROUP_LEVELS; level++)
		if (bpf_get_current_ancestor_cgroup_id(level) == cgroup)
			return true;
	return false;
}

__noinline int attempt_put(struct event *event, __u32 slot)
{
	struct sink *sink;

	if (!event)
		return 0;
	sink = sink_find(event, slot, false);
	if (sink && (!sink->cgroup || task_in_cgroup(sink->cgroup)))
		event_put(sink, slot, event);
	return 0;
}

__noinline int container_event(struct attempt *attempt, struct verdict *verdict, __u32 listening)
{
	struct event event;
	__u32 slot;

	if (!attempt || !verdict)
		return 0;
	__builtin_memset(&event, 0, sizeof(event));
	event.time = bpf_ktime_get_ns();
	event.rule = verdict->answer & ANSWER_RULE;
	event.identity = verdict->identity;
	event.allow = !!(verdict->answer & ANSWER_ALLOW);
	event_fill_shadow(&event, verdict);
	event.direction = EGRESS;
	event.reason = verdict->reason;
	event.family = attempt->family;
	event.protocol = attempt->protocol;
	event.hook = HOOK_CONTAINER;
	event.uid = verdict->uid;
	event.cgroup = attempt->cgroup;
	copy16(event.destination, attempt->address);
	if (attempt->protocol == IPPROTO_ICMP || attempt->protocol == IPPROTO_ICMPV6)
		event.source_port = bpf_htons(attempt->port >> 8);
	else
		event.destination_port = bpf_htons(attempt->port);
	if (task_known) {
		event.pid = bpf_get_current_pid_tgid() >> 32;
		bpf_get_current_comm(event.command, sizeof(event.command));
	}
	for (slot = 0; slot < SINKS; slot++)
		if (listening & (1u << slot))
			attempt_put(&event, slot);
	return 0;
}

static __noinline void tally(const struct attempt *attempt, __u64 cgroup, __u32 answer,
			     __u32 reason)
{
	struct tally_key key;

	/* its address has the room of a long one */
	tally_key_fill(&key, cgroup, USER_ANY, answer & ~ANSWER_DIFFERS, 6, attempt->address,
		       tally_what_and_how(attempt->port, attempt->protocol, attempt->family, EGRESS,
					  HOOK_CONTAINER, reason));
	tally_add(&key);
}

static __always_inline void tell(struct attempt *attempt, struct verdict *verdict)
{
	const struct settings *settings = settings_get();
	__u32 listening = settings ? READ_ONCE(settings->listening) : 0;

	count(verdict->answer, 0);
	if (unlikely(listening))
		container_event(attempt, verdict, listening);
	tally(attempt, attempt->cgroup, verdict->answer, verdict->reason);
	if (unlikely(verdict->answer & ANSWER_DIFFERS))
		tally(attempt, attempt->shadow_cgroup, verdict->shadow, REASON_SHADOW);
}

__noinline int container_decide(struct attempt *attempt)
{
	struct verdict verdict = {.hook = HOOK_CONTAINER};
	int i;

	if (!attempt)
		return REFUSE;
	verdict.uid = bpf_get_current_uid_gid();
	for (i = 0; i < ATTEMPTS; i++)
		if (levels_judge(attempt, &verdict))
			break;
	if (i == ATTEMPTS) {
		verdict.answer = 0;
		verdict.reason = REASON_BUSY;
	}
	limit(attempt, &verdict);
	tell(attempt, &verdict);
	return verdict.answer & ANSWER_ALLOW ? PROCEED : REFUSE;
}

static __always_inline void attempt_port(struct attempt *attempt, const struct bpf_sock_addr *ctx)
{
	attempt->protocol = ctx->protocol;
	attempt->port = bpf_ntohs(ctx->user_port);
	/* a ping socket's port is its identifier */
	if (attempt->protocol == IPPROTO_ICMP)
		attempt->port = ICMP_ECHO << 8;
	else if (attempt->protocol == IPPROTO_ICMPV6)
		attempt->port = ICMPV6_ECHO_REQUEST << 8;
}

static __always_inline void attempt_address4(struct attempt *attempt, __be32 address)
{
	/* the kernel takes "any" for itself */
	if (!address)
		address = bpf_htonl(0x7f000001);
	attempt->family = 4;
	attempt->address4 = address;
	__builtin_memcpy(attempt->address, &address, 4);
}

/*
 * The verifier wants to see 0 or 1, and knows nothing of what a global function
 * returns; a compiler that does know would leave the comparison out.
 */
static __always_inline int answer(struct attempt *attempt)
{
	int decision = container_decide(attempt);

	barrier_var(decision);
	return decision == PROCEED ? PROCEED : REFUSE;
}

static __always_inline int decide4(struct bpf_sock_addr *ctx)
{
	struct attempt attempt = {};

	attempt_address4(&attempt, ctx->user_ip4);
	attempt_port(&attempt, ctx);
	return answer(&attempt);
}

static __always_inline int decide6(struct bpf_sock_addr *ctx)
{
	struct attempt attempt = {};
	__u32 a = ctx->user_ip6[0], b = ctx->user_ip6[1], c = ctx->user_ip6[2],
	      d = ctx->user_ip6[3], *word = (void *)attempt.address;

	if (!a && !b && c == bpf_htonl(0xffff)) {
		attempt_address4(&attempt, d);
	} else {
		attempt.family = 6;
		word[0] = a;
		word[1] = b;
		word[2] = c;
		word[3] = a | b | c | d ? d : bpf_htonl(1);
	}
	attempt_port(&attempt, ctx);
	return answer(&attempt);
}

/*
 * Where all levels allow everything there is nothing to judge. Settings are
 * read once: a change meanwhile came before or after the socket.
 */
static __always_inline bool all_free(struct attempt *attempt)
{
	struct settings *settings = settings_get();
	__u32 version, level;
	bool found = false;

	if (!settings)
		return false;
	version = version_in_force(settings);
	for (level = 0; level < CGROUP_LEVELS; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);
		struct container_subject *container;
		struct span set;

		if (!id)
			break;
		container = bpf_map_lookup_elem(&containers, &id);
		if (!container || !container->half[version & 1].present)
			continue;
		found = true;
		attempt->cgroup = id;
		set = span_read(&container->half[version & 1].set);
		if (set.count ||
		    (set.first & (ANSWER_ALLOW | ANSWER_TABLE | ANSWER_LIMITED)) != ANSWER_ALLOW)
			return false;
	}
	return found;
}

/*
 * Sockets of SCTP, DCCP, UDP-Lite and the like connect without passing by here,
 * so where a rule speaks for the cgroup there are none. Raw ones, which pass by
 * neither, take a privilege, and ping needs them.
 */
SEC("cgroup/sock_create")
int container_socket(struct bpf_sock *ctx)
{
	struct verdict verdict = {.hook = HOOK_CONTAINER, .reason = REASON_SOCKET};
	struct attempt attempt = {};

	switch (ctx->protocol) {
	case IPPROTO_IP:
	case IPPROTO_TCP:
	case IPPROTO_MPTCP:
	case IPPROTO_UDP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return PROCEED;
	}
	attempt.cgroup = bpf_get_current_cgroup_id();
	if (ctx->type == SOCK_RAW || all_free(&attempt))
		return PROCEED;
	attempt.protocol = ctx->protocol;
	attempt.family = ctx->family == AF_INET ? 4 : 6;
	verdict.uid = bpf_get_current_uid_gid();
	tell(&attempt, &verdict);
	return REFUSE;
}

SEC("cgroup/connect4")
int container_connect4(struct bpf_sock_addr *ctx)
{
	return decide4(ctx);
}

SEC("cgroup/connect6")
int container_connect6(struct bpf_sock_addr *ctx)
{
	return decide6(ctx);
}

SEC("cgroup/sendmsg4")
int container_sendmsg4(struct bpf_sock_addr *ctx)
{
	return decide4(ctx);
}

SEC("cgroup/sendmsg6")
int container_sendmsg6(struct bpf_sock_addr *ctx)
{
	return decide6(ctx);
}
