// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Policy on a host interface, by the user who owns the socket. A TCP socket
 * that was told "yes" in this version of the policy needs no second look; all
 * else is parsed and judged.
 */
#include "lib/event.h"
#include "lib/flow.h"
#include "lib/form.h"
#include "lib/rate.h"
#include "lib/shadow.h"
#include "lib/state.h"
#include "lib/tally.h"
#include "lib/user.h"
#include "lib/verdict.h"
#include "lib/version.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define ATTEMPTS 4

#define DHCP4_CLIENT 68
#define DHCP4_SERVER 67
#define DHCP6_CLIENT 546
#define DHCP6_SERVER 547

/* enum of the kernel's, as bpf_sock.state has it */
#define TCP_STATE_ESTABLISHED 1

static __always_inline bool is_dhcp(const struct packet *packet)
{
	if (packet->protocol != IPPROTO_UDP)
		return false;
	if (packet->family == 4)
		return packet->key4.local_port == bpf_htons(DHCP4_CLIENT) &&
		       packet->port == DHCP4_SERVER;
	return packet->key6.local_port == bpf_htons(DHCP6_CLIENT) && packet->port == DHCP6_SERVER;
}

/* An echo reply or an error: the kernel's answer, not a user's question. */
static __always_inline bool is_icmp_answer(const struct packet *packet)
{
	if (packet->odd & ODD_ERROR)
		return true;
	if (packet->protocol == IPPROTO_ICMP)
		return packet->port == ICMP_ECHOREPLY << 8;
	return packet->protocol == IPPROTO_ICMPV6 && packet->port == ICMPV6_ECHO_REPLY << 8;
}

/* A connection that is only opening, or over, has no owner who could be asked. */
static __always_inline __u32 user_of(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk && bpf_sk_fullsock(sk) ? bpf_get_socket_uid(skb) : USER_NONE;
}

/* What needs neither user nor peer; false: go on. */
static __always_inline bool judge_form(struct __sk_buff *skb, struct packet *packet,
				       const struct settings *settings, __u32 now,
				       struct verdict *verdict)
{
	if (form_settles(skb, packet, verdict))
		return true;
	if (is_dhcp(packet)) {
		verdict->answer = ANSWER_ALLOW;
		verdict->reason = REASON_NEIGHBOUR;
		return true;
	}
	return form_lacks_first(packet, settings, now, verdict);
}

/* What the packet's TCP socket was told; NULL: it is no such packet, or nothing yet. */
static __always_inline struct socket_verdict *socket_told(struct __sk_buff *skb, __u64 flags)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return NULL;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sk->protocol != IPPROTO_TCP)
		return NULL;
	return bpf_sk_storage_get(&sockets, sk, NULL, flags);
}

/* The other side began, as the socket remembers whatever became of the guest. */
static __always_inline bool socket_replies(struct __sk_buff *skb, const struct packet *packet)
{
	struct socket_verdict *told;

	if (packet->protocol != IPPROTO_TCP || packet->odd & ODD_SYN)
		return false;
	told = socket_told(skb, 0);
	return told && told->reply;
}

static __always_inline void judge(const struct settings *settings, const struct user_half *half,
				  const struct packet *packet, __u32 version, bool fresh,
				  struct verdict *verdict)
{
	const void *remote =
	    packet->family == 4 ? (void *)&packet->key4.remote : (void *)packet->key6.remote;

	verdict->identity = packet->family == 4
				? peer_find4(version, packet->key4.remote)
				: peer_find6(settings, version, packet->key6.remote);
	verdict->reason = REASON_POLICY;
	verdict->answer = 0; /* not what an attempt before this one came to */
	if (verdict->identity != IDENTITY_NONE)
		verdict->answer = set_find(span_read(&half->set), verdict->identity,
					   table_key(packet->protocol, packet->port));
	if (unlikely(half->flags & USER_SHADOW))
		shadow_compare(verdict,
			       shadow_find(packet->key4.ifindex, verdict->uid,
					   SHADOW_HOW(HOOK_USER, EGRESS, version),
					   verdict->identity,
					   table_key(packet->protocol, packet->port)),
			       EGRESS, packet->port);
	if (fresh && rate_exceeded(verdict->answer, packet->family, remote)) {
		verdict->answer &= ~ANSWER_ALLOW;
		verdict->reason = REASON_LIMITED;
	}
}

/* One attempt to judge; false when the policy changed under it. */
__noinline int user_attempt(struct __sk_buff *skb, struct packet *packet, struct verdict *verdict)
{
	struct settings *settings = settings_get();
	__u32 now = bpf_jiffies64(), version;
	struct flow *guest = NULL;
	struct flow_known known;
	struct user_half *half;
	bool is_known;

	if (!settings || !packet || !verdict)
		return false;
	version = version_in_force(settings);
	verdict->identity = 0;
	verdict->version = version;
	verdict->begun = 0;
	if (judge_form(skb, packet, settings, now, verdict))
		return true;
	half = user_find(skb->ifindex, verdict->uid, version);
	if (!half) {
		verdict->reason = REASON_NO_SUBJECT;
		return version == version_in_force(settings);
	}
	is_known =
	    !(packet->odd & ODD_SYN) && flow_search(packet, &known) && flow_alive(&known.flow, now);
	if (!(packet->odd & ODD_SYN) && !is_known)
		guest = guest_find(packet, now);
	if (!(half->flags & USER_STRICT) &&
	    (guest || is_icmp_answer(packet) || socket_replies(skb, packet))) {
		verdict->answer = ANSWER_ALLOW;
		verdict->reason = REASON_REPLY;
	} else {
		judge(settings, half, packet, version, !is_known && !guest, verdict);
	}
	if (version != version_in_force(settings))
		return false;
	if (is_known)
		flow_judge(&known, packet, flow_word_of(version, verdict->answer));
	else if (guest)
		guest_judge(guest, packet, settings, flow_word_of(version, verdict->answer), now);
	else if (verdict->answer & ANSWER_ALLOW && verdict->reason != REASON_REPLY)
		verdict->begun = 1 + EGRESS;
	if (unlikely(packet->odd & ODD_FIRST) && verdict->answer & ANSWER_ALLOW)
		fragment_remember(packet, now);
	return true;
}

static __noinline void tally(const struct __sk_buff *skb, const struct packet *packet,
			     const struct verdict *verdict, __u32 answer, __u32 reason)
{
	struct tally_key key;

	tally_key_fill(&key, skb->ifindex, verdict->uid, answer & ~ANSWER_DIFFERS, packet->family,
		       packet->family == 4 ? (const void *)&packet->key4.remote
					   : (const void *)packet->key6.remote,
		       tally_what_and_how(packet->port, packet->protocol, packet->family, EGRESS,
					  HOOK_USER, reason));
	if (reason == REASON_SHADOW)
		tally_add(&key);
	else
		tally_add_recent(&key);
}

/* Remembers in the socket what it was told. */
static __always_inline void socket_tell(struct __sk_buff *skb, const struct verdict *verdict,
					__u32 version)
{
	bool allow = verdict->answer & ANSWER_ALLOW;
	struct socket_verdict *told = socket_told(skb, allow ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	struct socket_verdict new = {};

	if (!told)
		return;
	if (answer_lasts(verdict->answer)) {
		new.allowed.version = version;
		new.allowed.ifindex = skb->ifindex;
	}
	told->reply = allow && verdict->reason == REASON_REPLY;
	told->answer = verdict->answer;
	WRITE_ONCE(told->allowed_word, new.allowed_word);
}

__noinline int user_decide(struct __sk_buff *skb, struct packet *packet)
{
	struct settings *settings = settings_get();
	struct verdict verdict = {.hook = HOOK_USER, .uid = user_of(skb)};
	__u32 listening, version;
	bool every;
	int i;

	if (!settings || !packet)
		return TC_ACT_SHOT;
	version = version_in_force(settings);
	for (i = 0; i < ATTEMPTS; i++)
		if (user_attempt(skb, packet, &verdict))
			break;
	if (i == ATTEMPTS) {
		verdict.answer = 0;
		verdict.reason = REASON_BUSY;
		verdict.begun = 0;
	}
	if (verdict.begun)
		flow_begin(packet, verdict.begun - 1, verdict.version, verdict.answer);
	count(verdict.answer, skb->len);
	every = verdict.reason == REASON_NEIGHBOUR || verdict.reason == REASON_REPLY;
	listening = LISTENERS(settings->listening);
	if (unlikely(listening))
		event_send(skb, packet, &verdict, listening, every);
	if (!every)
		tally(skb, packet, &verdict, verdict.answer, verdict.reason);
	if (unlikely(verdict.answer & ANSWER_DIFFERS))
		tally(skb, packet, &verdict, verdict.shadow, REASON_SHADOW);
	if (packet->protocol == IPPROTO_TCP)
		socket_tell(skb, &verdict, version);
	return verdict.answer & ANSWER_ALLOW ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* For those who listen to every packet: one of a connection that was judged before. */
__noinline int user_report(struct __sk_buff *skb, struct packet *packet, __u32 answer)
{
	struct settings *settings = settings_get();
	struct verdict verdict = {
	    .hook = HOOK_USER, .uid = user_of(skb), .answer = answer, .reason = REASON_ESTABLISHED};

	if (settings && packet)
		event_send(skb, packet, &verdict, LISTENERS(settings->listening), true);
	return TC_ACT_UNSPEC;
}

/*
 * An established TCP socket has one peer for good: what it was told in this
 * version holds, without a look at the packet. 0: it was told nothing. A
 * datagram may go anywhere, at two places at once, so what one was told is not
 * remembered.
 */
static __always_inline __u32 told_already(struct __sk_buff *skb, const struct settings *settings)
{
	struct socket_verdict now = {}, *told;
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk || sk->protocol != IPPROTO_TCP || sk->state != TCP_STATE_ESTABLISHED)
		return 0;
	told = bpf_sk_storage_get(&sockets, sk, NULL, 0);
	now.allowed.version = version_in_force(settings);
	now.allowed.ifindex = skb->ifindex;
	if (!told || READ_ONCE(told->allowed_word) != now.allowed_word)
		return 0;
	count(told->answer, skb->len);
	return told->answer;
}

SEC("tc")
int user_egress(struct __sk_buff *skb)
{
	struct settings *settings = settings_get();
	struct packet packet;
	__u32 told;

	if (!settings)
		return TC_ACT_SHOT;
	told = told_already(skb, settings);
	if (likely(told && !LISTENERS(settings->listening_all)))
		return TC_ACT_UNSPEC;
	packet_init(skb, &packet, EGRESS);
	packet.parsed = packet_parse(skb, &packet);
	if (unlikely(packet.parsed == PARSED_SHORT))
		packet.parsed = packet_parse_pulled(skb, &packet);
	return told ? user_report(skb, &packet, told) : user_decide(skb, &packet);
}

/*
 * Never drops: it only notes who began, so that answers can be told from
 * questions. A TCP connection begins with a SYN, whatever else is odd about it.
 */
SEC("tc")
int user_ingress(struct __sk_buff *skb)
{
	struct settings *settings = settings_get();
	__u32 now = bpf_jiffies64();
	struct flow *guest = NULL;
	struct flow_known known;
	struct packet packet;
	bool is_known;

	if (!settings)
		return TC_ACT_UNSPEC;
	packet_init(skb, &packet, INGRESS);
	packet.parsed = packet_parse(skb, &packet);
	if (unlikely(packet.parsed == PARSED_SHORT))
		packet.parsed = packet_parse_pulled(skb, &packet);
	/* answers to ICMP pass anyway */
	if (packet.parsed != PARSED || packet.odd & (ODD_LATER | ODD_ERROR) ||
	    packet.protocol == IPPROTO_ICMP || packet.protocol == IPPROTO_ICMPV6)
		return TC_ACT_UNSPEC;
	is_known = flow_search(&packet, &known);
	/* a SYN does not make a running connection of a user's another's */
	if (is_known && (!flow_alive(&known.flow, now) ||
			 (packet.odd & ODD_SYN && known.flow.lifetime == LIFE_TCP_CLOSING))) {
		flow_end(&known, &packet, now);
		is_known = false;
	}
	if (!is_known)
		guest = guest_find(&packet, now);
	if (is_known)
		flow_judge(&known, &packet, known.flow.last_word);
	else if (guest)
		guest_pass(guest, &packet, settings, now);
	else if (packet.protocol != IPPROTO_TCP || packet.odd & ODD_SYN)
		guest_begin(&packet, settings, now);
	return TC_ACT_UNSPEC;
}
