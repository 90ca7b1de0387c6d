/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a link needs to work is exempt from policy, but only in the shape that
 * it has on a link: to groups of the link and to neighbours, short, and from a
 * pod only about its own addresses. All else of the kind is judged.
 */
#ifndef NPCTL_LIB_NEIGHBOUR_H
#define NPCTL_LIB_NEIGHBOUR_H

#include "lib/packet.h"
#include "lib/subject.h"

enum neighbour {
	NEIGHBOUR_PROPER,
	NEIGHBOUR_STRANGE, /* not that shape: to be judged */
	NEIGHBOUR_FORGED,  /* about others' addresses, or as a router */
};

struct arp {
	__be16 hardware, protocol;
	__u8 hardware_length, protocol_length;
	__be16 operation;
	__u8 sender_mac[6], sender[4], target_mac[6], target[4];
};

#define ARP_MOST 64	  /* 28 bytes and what pads a frame */
#define ND_LEAST 24	  /* solicitations and advertisements of neighbours */
#define ND_MOST 48	  /* with two or three options */
#define SOLICIT_MOST 32	  /* of routers */
#define MLD2_MOST 488	  /* a report of 24 groups */
#define LISTENER_BYTES 24 /* the older reports */

/* Neighbour discovery and the older listener messages: an address behind eight bytes. */
struct about {
	struct icmp icmp;
	__be32 target[4];
};

/* ff02::LAST */
static __always_inline bool is_group(const __be32 *address, __u32 last)
{
	return address[0] == bpf_htonl(0xff020000) && !(address[1] | address[2]) &&
	       address[3] == bpf_htonl(last);
}

static __always_inline bool is_link_group(const __be32 *address)
{
	return (address[0] & bpf_htonl(0xffff0000)) == bpf_htonl(0xff020000);
}

static __always_inline bool is_multicast6(const __be32 *address)
{
	return (address[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

static __always_inline bool is_link_local(const __be32 *address)
{
	return (address[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

/* The group in which the owner of `target` is. */
static __always_inline bool is_solicited(const __be32 *address, const __be32 *target)
{
	return address[0] == bpf_htonl(0xff020000) && !address[1] && address[2] == bpf_htonl(1) &&
	       address[3] == (bpf_htonl(0xff000000) | (target[3] & bpf_htonl(0x00ffffff)));
}

/*
 * Of an interface whose addresses are not known any neighbour may be one; a
 * pod that has no routed address has neighbours by their link-local ones alone.
 */
static __always_inline bool is_on_link(const struct subject_half *half, const __be32 *address)
{
	const __be32 *own = (const void *)half->address6;

	if (is_link_local(address))
		return true;
	if (is_zero16(own))
		return !(half->flags & SUBJECT_CHECK_SOURCE);
	return address[0] == own[0] && address[1] == own[1];
}

/* An address that is not known is all zeros, and so is none. */
static __always_inline bool is_own6(const struct subject_half *half, const __be32 *address)
{
	return !is_zero16(address) &&
	       (equal16(address, half->address6) || equal16(address, half->link_local6));
}

static __always_inline enum neighbour arp_shape(struct __sk_buff *skb, const struct packet *packet,
						const struct subject_half *half)
{
	struct arp arp;
	__be32 sender;

	if (skb->len - packet->network > ARP_MOST ||
	    bpf_skb_load_bytes(skb, packet->network, &arp, sizeof(arp)))
		return NEIGHBOUR_STRANGE;
	if (arp.hardware != bpf_htons(1) || arp.protocol != bpf_htons(ETH_P_IP) ||
	    arp.hardware_length != 6 || arp.protocol_length != 4 ||
	    (arp.operation != bpf_htons(1) && arp.operation != bpf_htons(2)))
		return NEIGHBOUR_STRANGE;
	__builtin_memcpy(&sender, arp.sender, sizeof(sender));
	if (packet->direction == EGRESS && half->address4 && sender && sender != half->address4)
		return NEIGHBOUR_FORGED;
	return NEIGHBOUR_PROPER;
}

/* Who may say it to whom; the lengths are settled. */
static __always_inline enum neighbour discovery_sent(const struct packet *packet,
						     const struct subject_half *half, __u8 type,
						     const __be32 *target)
{
	const __be32 *to = (const void *)packet->key6.remote;
	bool checked = half->flags & SUBJECT_CHECK_SOURCE;

	switch (type) {
	case ND_ROUTER_SOLICIT:
		return is_group(to, 2) ? NEIGHBOUR_PROPER : NEIGHBOUR_STRANGE;
	case ND_NEIGHBOUR_SOLICIT:
		return is_solicited(to, target) || (equal16(to, target) && is_on_link(half, to))
			   ? NEIGHBOUR_PROPER
			   : NEIGHBOUR_STRANGE;
	case ND_NEIGHBOUR_ADVERT:
		if (checked && !is_own6(half, target))
			return NEIGHBOUR_FORGED;
		return is_group(to, 1) || (!is_multicast6(to) && is_on_link(half, to))
			   ? NEIGHBOUR_PROPER
			   : NEIGHBOUR_STRANGE;
	}
	return checked ? NEIGHBOUR_FORGED : NEIGHBOUR_STRANGE;
}

static __always_inline enum neighbour discovery_received(const struct packet *packet, __u8 type)
{
	const __be32 *from = (const void *)packet->key6.remote;
	const __be32 *to = (const void *)packet->key6.local;

	if (type == ND_REDIRECT)
		return NEIGHBOUR_STRANGE;
	if (type == ND_ROUTER_ADVERT && !is_link_local(from))
		return NEIGHBOUR_STRANGE;
	return !is_multicast6(to) || is_link_group(to) ? NEIGHBOUR_PROPER : NEIGHBOUR_STRANGE;
}

static __always_inline bool discovery_length(__u8 type, __u32 length)
{
	if (type == ND_ROUTER_SOLICIT)
		return length <= SOLICIT_MOST;
	if (type == ND_NEIGHBOUR_SOLICIT || type == ND_NEIGHBOUR_ADVERT)
		return length >= ND_LEAST && length <= ND_MOST;
	return true;
}

/* Reports name their group; queries are for routers to send. */
static __always_inline enum neighbour listener_shape(const struct packet *packet, __u8 type,
						     __u32 length, const __be32 *group)
{
	bool out = packet->direction == EGRESS;
	const __be32 *to = (const void *)(out ? packet->key6.remote : packet->key6.local);
	bool proper = false;

	if (type == MLD2_REPORT)
		proper = is_group(to, 0x16) && length <= MLD2_MOST;
	else if (type == MLD_REPORT)
		proper = is_link_group(to) && equal16(to, group) && length == LISTENER_BYTES;
	else if (type == MLD_DONE)
		proper = is_group(to, 2) && length == LISTENER_BYTES;
	else
		proper = !out && is_link_group(to);
	return proper ? NEIGHBOUR_PROPER : NEIGHBOUR_STRANGE;
}

static __noinline int neighbour_shape(struct __sk_buff *skb, struct packet *packet,
				      const struct subject_half *half)
{
	__u32 length = skb->len - packet->transport;
	bool out = packet->direction == EGRESS;
	const __be32 *from = (const void *)(out ? packet->key6.local : packet->key6.remote);
	struct about about = {};
	__u8 type = packet->port >> 8;

	if (packet->ether_type == bpf_htons(ETH_P_ARP))
		return arp_shape(skb, packet, half);
	if (bpf_skb_load_bytes(skb, packet->transport, &about,
			       length < sizeof(about) ? sizeof(about.icmp) : sizeof(about)))
		return NEIGHBOUR_STRANGE;
	/* the unspecified address asks whether somebody has another one already */
	if (half->flags & SUBJECT_CHECK_SOURCE && !is_zero16(from) && is_own6(half, from) != out)
		return NEIGHBOUR_FORGED;
	if (type < ND_ROUTER_SOLICIT || type == MLD2_REPORT)
		return listener_shape(packet, type, length, about.target);
	if (packet->transport != packet->network + sizeof(struct ipv6hdr) ||
	    !discovery_length(type, length) || is_multicast6(about.target))
		return NEIGHBOUR_STRANGE;
	return out ? discovery_sent(packet, half, type, about.target)
		   : discovery_received(packet, type);
}

#endif
