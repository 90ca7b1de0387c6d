// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Policy on a pod's host-side interface. The packets of a known flow take the
 * quick way: parse, one hash lookup, done. All others are decided.
 */
#include "lib/event.h"
#include "lib/flow.h"
#include "lib/form.h"
#include "lib/neighbour.h"
#include "lib/packet.h"
#include "lib/rate.h"
#include "lib/shadow.h"
#include "lib/state.h"
#include "lib/subject.h"
#include "lib/tally.h"
#include "lib/verdict.h"
#include "lib/version.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Any more changes of policy within one packet's time, and it is dropped. */
#define ATTEMPTS 4

/* What one attempt reads; it counts only if the version is still the same after. */
struct view {
	struct settings *settings;
	struct subject_half *half;
	__u32 version;
	__u32 now;
};

static __always_inline bool source_is_own(const struct subject_half *half,
					  const struct packet *packet)
{
	if (packet->family == 4)
		return half->address4 && packet->key4.local == half->address4;
	return is_own6(half, (const void *)packet->key6.local);
}

static __always_inline bool is_loopback4(__be32 address)
{
	return (address & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
}

/* Many, or all on a link. */
static __always_inline bool is_group4(__be32 address)
{
	return (address & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) || !~address;
}

/* ::1, and addresses that stand for IPv4 ones, which no wire has */
static __always_inline bool is_loopback6(const __u8 *address)
{
	const __u32 *word = (const void *)address;

	return !(word[0] | word[1]) &&
	       ((!word[2] && word[3] == bpf_htonl(1)) || word[2] == bpf_htonl(0xffff));
}

/*
 * Nobody on a pod's wire has such a source: the receiver's own address,
 * loopback's, a group's, or the packet's destination. A pod and itself need no
 * wire. Other interfaces may be the loopback itself: there policy decides.
 */
static __always_inline bool source_is_forged(const struct subject_half *half,
					     const struct packet *packet)
{
	bool in = packet->direction == INGRESS;

	if (packet->family == 4) {
		__be32 source = in ? packet->key4.remote : packet->key4.local;

		return packet->key4.remote == packet->key4.local ||
		       (in && half->address4 && source == half->address4) || is_loopback4(source) ||
		       is_group4(source);
	}
	if (equal16(packet->key6.local, packet->key6.remote))
		return true;
	if (!in)
		return is_loopback6(packet->key6.local) || packet->key6.local[0] == 0xff;
	return is_loopback6(packet->key6.remote) || packet->key6.remote[0] == 0xff ||
	       is_own6(half, (const void *)packet->key6.remote);
}

/* `port` is the one that the initiator of the connection meant. */
static __always_inline void judge(const struct view *view, const struct packet *packet,
				  __u32 direction, __u16 port, struct verdict *verdict)
{
	const struct subject_half *half = view->half;
	__u32 identity, key = table_key(packet->protocol, port);

	direction &= 1;
	identity = packet->family == 4
		       ? peer_find4(view->version, packet->key4.remote)
		       : peer_find6(view->settings, view->version, packet->key6.remote);
	verdict->identity = identity;
	verdict->reason = REASON_POLICY;
	verdict->answer = 0;
	if (identity != IDENTITY_NONE)
		verdict->answer = set_find(span_read(&half->set[direction]), identity, key);
}

static __always_inline __u32 judge_shadow(const struct view *view, const struct packet *packet,
					  __u32 direction, __u16 port, __u32 identity)
{
	return shadow_find(packet->key4.ifindex, USER_ANY,
			   SHADOW_HOW(HOOK_POD, direction, view->version), identity,
			   table_key(packet->protocol, port));
}

/* The port that a flow's beginner meant. */
static __always_inline __u16 port_of(const struct packet *packet, __u32 direction)
{
	__be16 local, remote;

	if (packet->protocol == IPPROTO_ICMP)
		return ICMP_ECHO << 8;
	if (packet->protocol == IPPROTO_ICMPV6)
		return ICMPV6_ECHO_REQUEST << 8;
	local = packet->family == 4 ? packet->key4.local_port : packet->key6.local_port;
	remote = packet->family == 4 ? packet->key4.remote_port : packet->key6.remote_port;
	return bpf_ntohs(direction == INGRESS ? local : remote);
}

/*
 * Who can have begun, a bit for each direction. In the middle of a TCP
 * connection that is not known, the way a packet goes says nothing about it:
 * the side with an ephemeral port began, and where both or neither has one,
 * either may have.
 */
#define EPHEMERAL_PORT 32768

static __always_inline __u32 beginners(const struct packet *packet)
{
	bool in, out;

	if (packet->protocol != IPPROTO_TCP || packet->odd & ODD_SYN)
		return 1u << packet->direction;
	out = port_of(packet, INGRESS) >= EPHEMERAL_PORT;
	in = port_of(packet, EGRESS) >= EPHEMERAL_PORT;
	/* one that answers a SYN is in no middle: the SYN would be known */
	return in == out || packet->tcp_flags & TCP_SYN ? 3 : in ? 1u << INGRESS : 1u << EGRESS;
}

/* The same by the candidate: all of the `ways` must allow it. */
static __always_inline void shadow_unknown(const struct view *view, const struct packet *packet,
					   __u32 ways, struct verdict *verdict)
{
	__u32 shadow = 0, i;

	for (i = 0; i < DIRECTIONS; i++) {
		if (!(ways & 1u << i))
			continue;
		shadow = judge_shadow(view, packet, i,
				      packet->protocol == IPPROTO_TCP ? port_of(packet, i)
								      : packet->port,
				      verdict->identity);
		if (!(shadow & ANSWER_ALLOW))
			break;
	}
	shadow_compare(verdict, shadow, packet->direction, packet->port);
}

/*
 * A packet of no known flow, by each direction in which it can have begun: all
 * of them must allow it. Returns the last that was asked.
 */
static __always_inline __u32 judge_unknown(const struct view *view, const struct packet *packet,
					   struct verdict *verdict)
{
	__u32 ways = beginners(packet), way = packet->direction, i;

	for (i = 0; i < DIRECTIONS; i++) {
		if (!(ways & 1u << i))
			continue;
		way = i;
		judge(view, packet, way,
		      packet->protocol == IPPROTO_TCP ? port_of(packet, way) : packet->port,
		      verdict);
		if (!(verdict->answer & ANSWER_ALLOW))
			break;
	}
	if (unlikely(view->half->flags & SUBJECT_SHADOW))
		shadow_unknown(view, packet, ways, verdict);
	return ways == 3 ? packet->direction : way;
}

/* A limit counts connections, so it is asked when one begins, and only then. */
static __always_inline void limit(const struct packet *packet, struct verdict *verdict)
{
	const void *remote = packet->family == 4 ? (const void *)&packet->key4.remote
						 : (const void *)packet->key6.remote;

	if (!rate_exceeded(verdict->answer, packet->family, remote))
		return;
	verdict->answer &= ~ANSWER_ALLOW;
	verdict->reason = REASON_LIMITED;
}

/* Judged once for each version; while the verdict stays, it is no news. */
static __always_inline void judge_flow(const struct view *view, const struct packet *packet,
				       const struct flow *flow, struct verdict *verdict)
{
	struct judgement last = flow->last;

	__u16 port;

	if (last.version != view->version || last.answer & (ANSWER_TIMED | ANSWER_DIFFERS)) {
		port = port_of(packet, flow->initiator);
		judge(view, packet, flow->initiator, port, verdict);
		if (unlikely(view->half->flags & SUBJECT_SHADOW))
			shadow_compare(
			    verdict,
			    judge_shadow(view, packet, flow->initiator, port, verdict->identity),
			    flow->initiator, port);
	} else {
		verdict->answer = last.answer;
	}
	verdict->reason =
	    last.answer & verdict->answer & ANSWER_ALLOW ? REASON_ESTABLISHED : REASON_POLICY;
}

/* The packet that an ICMP error quotes; false: none that could have a flow. */
static __noinline int quoted_packet(struct __sk_buff *skb, const struct packet *packet,
				    struct packet *quoted)
{
	__u32 offset = packet->transport + 8;
	struct ports ports;

	__builtin_memset(quoted, 0, sizeof(*quoted));
	quoted->key4.ifindex = packet->key4.ifindex;
	quoted->family = packet->family;
	/* it went the other way */
	quoted->direction = !packet->direction;
	if (packet->family == 4) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4 ||
		    ip.ihl < 5 || ip.frag_off & bpf_htons(IP_FRAGMENT_OFFSET))
			return false;
		packet_protocol(quoted, ip.protocol);
		quoted->key4.local = packet->direction == INGRESS ? ip.saddr : ip.daddr;
		quoted->key4.remote = packet->direction == INGRESS ? ip.daddr : ip.saddr;
		if (quoted->key4.local != packet->key4.local)
			return false;
		offset += ip.ihl * 4;
	} else {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
			return false;
		packet_protocol(quoted, ip.nexthdr);
		copy16(quoted->key6.local, packet->direction == INGRESS ? &ip.saddr : &ip.daddr);
		copy16(quoted->key6.remote, packet->direction == INGRESS ? &ip.daddr : &ip.saddr);
		if (!equal16(quoted->key6.local, packet->key6.local))
			return false;
		offset += sizeof(ip);
	}
	if (quoted->protocol == IPPROTO_ICMP || quoted->protocol == IPPROTO_ICMPV6) {
		struct icmp icmp;

		if (bpf_skb_load_bytes(skb, offset, &icmp, sizeof(icmp)))
			return false;
		packet_icmp(quoted, icmp.type, icmp.code, icmp.id,
			    packet->family == 4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST,
			    packet->family == 4 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY);
	} else {
		if (bpf_skb_load_bytes(skb, offset, &ports, sizeof(ports)))
			return false;
		packet_ports(quoted, ports.source, ports.destination);
	}
	return true;
}

/*
 * What a pod says of a flow is for the flow's peer, and no longer than an error
 * has to be. Errors that come in may be any router's on the way.
 */
#define ERROR4_MOST 576
#define ERROR6_MOST 1280

static __always_inline bool error_is_proper(const struct __sk_buff *skb,
					    const struct packet *packet,
					    const struct packet *quoted)
{
	__u32 length = skb->len - packet->network;

	if (packet->direction == INGRESS)
		return true;
	if (packet->family == 4)
		return length <= ERROR4_MOST && packet->key4.remote == quoted->key4.remote;
	return length <= ERROR6_MOST && equal16(packet->key6.remote, quoted->key6.remote);
}

/* An error about a flow is allowed as the flow is; false: judge it by itself. */
static __always_inline bool judge_error(struct __sk_buff *skb, const struct view *view,
					struct packet *packet, struct flow_known *known,
					struct verdict *verdict)
{
	struct packet quoted;

	if (!quoted_packet(skb, packet, &quoted) || !flow_search(&quoted, known) ||
	    !flow_alive(&known->flow, view->now) || !error_is_proper(skb, packet, &quoted))
		return false;
	judge_flow(view, &quoted, &known->flow, verdict);
	if (!(verdict->answer & ANSWER_ALLOW))
		return true;
	verdict->reason = REASON_RELATED;
	if (packet->direction == EGRESS && !error_take(packet->key4.ifindex)) {
		verdict->answer &= ~ANSWER_ALLOW;
		verdict->reason = REASON_LIMITED;
	}
	return true;
}

/*
 * Neighbour discovery and its like go their way only in the shape that they have
 * on a link: else they are judged like any other packet. From a pod whose
 * addresses are known it must also speak of these, and of no others.
 */
static __always_inline bool neighbour_passes(struct __sk_buff *skb, const struct view *view,
					     struct packet *packet, struct verdict *verdict)
{
	int shape = neighbour_shape(skb, packet, view->half);

	if (shape == NEIGHBOUR_STRANGE) {
		packet->parsed =
		    packet->ether_type == bpf_htons(ETH_P_ARP) ? PARSED_MALFORMED : PARSED;
		return false;
	}
	verdict->answer = shape == NEIGHBOUR_FORGED ? 0 : ANSWER_ALLOW;
	verdict->reason = shape == NEIGHBOUR_FORGED ? REASON_SPOOFED : REASON_NEIGHBOUR;
	return true;
}

/* What cannot be understood passes where nothing is enforced, unless it may hide its source. */
static __always_inline void judge_strange(const struct view *view, const struct packet *packet,
					  bool enforced, bool checked, struct verdict *verdict)
{
	verdict->answer = enforced ? 0 : ANSWER_ALLOW;
	if (packet->direction == EGRESS && checked &&
	    (!packet->family || !source_is_own(view->half, packet)))
		verdict->answer = 0;
}

/* What needs neither peer nor port; false: go on. */
static __always_inline bool judge_form(struct __sk_buff *skb, const struct view *view,
				       struct packet *packet, struct verdict *verdict)
{
	bool enforced = view->half->flags & SUBJECT_ENFORCED(packet->direction);
	bool checked = view->half->flags & SUBJECT_CHECK_SOURCE;

	if (packet->parsed == PARSED_EXEMPT && neighbour_passes(skb, view, packet, verdict))
		return true;
	if (form_settles(skb, packet, verdict)) {
		judge_strange(view, packet, enforced, checked, verdict);
		return true;
	}
	if ((packet->direction == EGRESS && checked && !source_is_own(view->half, packet)) ||
	    (checked && source_is_forged(view->half, packet))) {
		verdict->reason = REASON_SPOOFED;
		return true;
	}
	if (form_lacks_first(packet, view->settings, view->now, verdict)) {
		verdict->answer = enforced ? 0 : ANSWER_ALLOW;
		return true;
	}
	return false;
}

/* A new flow is left to the caller, whose stack has more room below it. */
static __always_inline void remember(const struct view *view, struct packet *packet,
				     struct flow_known *known, __u32 initiator,
				     struct verdict *verdict)
{
	bool own = !(view->half->flags & SUBJECT_CHECK_SOURCE) || source_is_own(view->half, packet);

	if (known)
		flow_judge(known, packet, flow_word_of(view->version, verdict->answer));
	else if (verdict->answer & ANSWER_ALLOW && own)
		verdict->begun = 1 + initiator;
}

/* One attempt to judge; false when the policy changed under it. */
__noinline int attempt(struct __sk_buff *skb, struct packet *packet, struct verdict *verdict)
{
	struct view view = {.settings = settings_get(), .now = bpf_jiffies64()};
	bool is_known = false, keep = false;
	struct flow_known known;
	__u32 initiator = 0;

	if (!packet || !verdict || !view.settings)
		return false;
	view.version = version_in_force(view.settings);
	view.half = subject_find(skb->ifindex, view.version);
	verdict->identity = 0;
	verdict->version = view.version;
	verdict->begun = 0;
	if (!view.half) {
		verdict->answer = 0;
		verdict->reason = REASON_NO_SUBJECT;
		return view.version == version_in_force(view.settings);
	}
	if (!judge_form(skb, &view, packet, verdict) &&
	    !(packet->odd & ODD_ERROR && judge_error(skb, &view, packet, &known, verdict))) {
		is_known = !(packet->odd & ODD_SYN) && flow_search(packet, &known) &&
			   flow_alive(&known.flow, view.now);
		if (is_known) {
			judge_flow(&view, packet, &known.flow, verdict);
		} else {
			initiator = judge_unknown(&view, packet, verdict);
			limit(packet, verdict);
		}
		keep = true;
	}
	if (view.version != version_in_force(view.settings))
		return false;
	if (keep)
		remember(&view, packet, is_known ? &known : NULL, initiator, verdict);
	if (unlikely(packet->odd & ODD_FIRST) && verdict->answer & ANSWER_ALLOW)
		fragment_remember(packet, view.now);
	return true;
}

static __always_inline void tally_key_of(struct tally_key *key, const struct __sk_buff *skb,
					 const struct packet *packet, __u32 answer, __u32 reason,
					 __u32 direction, __u16 port)
{
	tally_key_fill(key, skb->ifindex, USER_ANY, answer & ~ANSWER_DIFFERS, packet->family,
		       packet->family == 4 ? (const void *)&packet->key4.remote
					   : (const void *)packet->key6.remote,
		       tally_what_and_how(port, packet->protocol, packet->family, direction,
					  HOOK_POD, reason));
}

static __noinline void denial_tally(const struct __sk_buff *skb, const struct packet *packet,
				    const struct verdict *verdict)
{
	struct tally_key key;

	tally_key_of(&key, skb, packet, verdict->answer, verdict->reason, packet->direction,
		     packet->port);
	tally_add_recent(&key);
}

static __noinline void shadow_tally(const struct __sk_buff *skb, const struct packet *packet,
				    const struct verdict *verdict)
{
	struct tally_key key;

	tally_key_of(&key, skb, packet, verdict->shadow, REASON_SHADOW, verdict->meant >> 16,
		     verdict->meant);
	tally_add(&key);
}

__noinline int decide(struct __sk_buff *skb, struct packet *packet)
{
	struct settings *settings = settings_get();
	struct verdict verdict = {.hook = HOOK_POD, .uid = USER_ANY};
	__u32 listening;
	int i;

	if (!settings || !packet)
		return TC_ACT_SHOT;
	for (i = 0; i < ATTEMPTS; i++)
		if (attempt(skb, packet, &verdict))
			break;
	if (i == ATTEMPTS) {
		verdict.answer = 0;
		verdict.reason = REASON_BUSY;
		verdict.begun = 0;
	}
	if (verdict.begun)
		flow_begin(packet, verdict.begun - 1, verdict.version, verdict.answer);
	count(verdict.answer, skb->len);
	listening = LISTENERS(settings->listening);
	if (unlikely(listening))
		event_send(skb, packet, &verdict, listening,
			   verdict.reason == REASON_ESTABLISHED ||
			       verdict.reason == REASON_NEIGHBOUR);
	if (unlikely(verdict.answer & ANSWER_DIFFERS))
		shadow_tally(skb, packet, &verdict);
	if (verdict.answer & ANSWER_ALLOW)
		return TC_ACT_UNSPEC;
	denial_tally(skb, packet, &verdict);
	return TC_ACT_SHOT;
}

/* Passing is TC_ACT_UNSPEC: the next program on the interface has its say, too. */
static __always_inline int pod(struct __sk_buff *skb, enum direction direction)
{
	struct settings *settings = settings_get();
	__u64 word = 0, place;
	struct packet packet;
	struct flow_slot *slot;
	struct flow known;
	struct judgement last;
	struct flow *flow;
	__u32 now;

	if (!settings)
		return TC_ACT_SHOT;
	packet_init(skb, &packet, direction);
	packet.parsed = packet_parse(skb, &packet);
	if (unlikely(packet.parsed == PARSED_SHORT))
		packet.parsed = packet_parse_pulled(skb, &packet);
	if (unlikely(packet.parsed != PARSED || packet.odd))
		return decide(skb, &packet);
	slot = flow_find(&packet, &word, &place);
	if (unlikely(!slot || !flow_read(slot, word, &known)))
		return decide(skb, &packet);
	now = bpf_jiffies64();
	last = known.last;
	if (unlikely(last.version != version_in_force(settings) || !answer_lasts(last.answer) ||
		     LISTENERS(settings->listening_all)))
		return decide(skb, &packet);
	flow = &slot->flow;
	if (known.seen != now) {
		struct flow moved = known;

		if (!flow_fresh(&known, now))
			return decide(skb, &packet);
		flow_tick(&moved, direction, settings, now);
		flow_move(flow, &known, &moved);
	}
	/* counts of two processors may overlap: these inform, the rule's are exact */
	flow->packets[direction]++;
	count(last.answer, skb->len);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int pod_ingress(struct __sk_buff *skb)
{
	return pod(skb, INGRESS);
}

SEC("tc")
int pod_egress(struct __sk_buff *skb)
{
	return pod(skb, EGRESS);
}
