/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From bytes to a flow key. What the kernel behind us would understand must be
 * understood here in the same way, or be refused: nobody gets round policy by
 * wrapping a packet.
 */
#ifndef NPCTL_LIB_PACKET_H
#define NPCTL_LIB_PACKET_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include "lib/bpf.h"

#define VLAN_TAGS 2
#define EXTENSION_HEADERS 8
#define PULL_BYTES 256 /* headers must end within as much */

#define IP_FRAGMENT_MORE 0x2000
#define IP_FRAGMENT_OFFSET 0x1fff
#define IPPROTO_HOPOPTS_ 0 /* <linux/in6.h> and <linux/in.h> do not go together */

/* <linux/icmp.h> drags the C library in; both families share the layout. */
struct icmp {
	__u8 type, code;
	__be16 checksum;
	__be16 id, sequence;
};

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum parsed {
	PARSED,	       /* key, protocol and port are there */
	PARSED_EXEMPT, /* ARP, neighbour discovery */
	PARSED_SHORT,  /* more bytes have to be linear */
	PARSED_MALFORMED,
	PARSED_FOREIGN, /* neither IP nor ARP */
};

#define ODD_FIRST 1   /* fragment of several */
#define ODD_LATER 2   /* fragment without ports */
#define ODD_OPTIONS 4 /* IPv4 options to be looked through */
#define ODD_ERROR 8   /* ICMP, quotes the packet that it is about */
#define ODD_SYN 16    /* TCP SYN without ACK: always judged */
#define ODD_CLOSES 32 /* TCP FIN or RST */

struct packet {
	union {
		struct flow4_key key4;
		struct flow6_key key6;
	};
	__u8 family; /* 4, 6; 0: not IP */
	__u8 direction;
	__u8 protocol;
	__u8 tcp_flags;
	__u8 parsed; /* enum parsed */
	__u8 odd;    /* what the quick way cannot handle */
	__u16 port;  /* of the destination; ICMP: type << 8 | code */
	__be16 ether_type;
	__u16 network, transport; /* offsets */
	__u32 fragment_id;
};

/* Later fragments carry no ports: they are those of the first. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct fragment_key);
	__type(value, struct fragment);
	PINNED;
} fragments SEC(".maps");

struct ports {
	__be16 source, destination;
};

struct extension {
	__u8 next, length;
};

struct routing_extension {
	__u8 next, length, type, segments_left;
};

struct fragment_extension {
	__u8 next, reserved;
	__be16 offset;
	__be32 id;
};

/*
 * Written as one word, as the hash reads them: a load that has to gather two
 * narrower stores costs as much as the lookup.
 */
static __always_inline void packet_local_remote(struct packet *packet, __be16 local, __be16 remote)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u32 both = (__u32)remote << 16 | local;
#else
	__u32 both = (__u32)local << 16 | remote;
#endif

	if (packet->family == 4)
		__builtin_memcpy(&packet->key4.local_port, &both, sizeof(both));
	else
		__builtin_memcpy(&packet->key6.local_port, &both, sizeof(both));
}

static __always_inline void packet_protocol(struct packet *packet, __u8 protocol)
{
	__be32 word = bpf_htonl((__u32)protocol << 24);

	packet->protocol = protocol;
	if (packet->family == 4)
		__builtin_memcpy(&packet->key4.protocol, &word, sizeof(word));
	else
		__builtin_memcpy(&packet->key6.protocol, &word, sizeof(word));
}

/* The key's ports as the subject sees them. */
static __always_inline void packet_ports(struct packet *packet, __be16 source, __be16 destination)
{
	if (packet->direction == INGRESS)
		packet_local_remote(packet, destination, source);
	else
		packet_local_remote(packet, source, destination);
	packet->port = bpf_ntohs(destination);
}

/*
 * Echo requests and replies share a key: local and remote do not change
 * places, who asked tells the sides apart. Other types stand for themselves.
 */
static __always_inline void packet_icmp(struct packet *packet, __u8 type, __u8 code, __be16 id,
					__u8 request, __u8 reply)
{
	bool out = packet->direction == EGRESS;
	__be16 asker = 0;

	if (type == request)
		asker = out ? ECHO_LOCAL_ASKS : ECHO_REMOTE_ASKS;
	else if (type == reply)
		asker = out ? ECHO_REMOTE_ASKS : ECHO_LOCAL_ASKS;
	else
		id = 0;
	packet_local_remote(packet, id, asker);
	packet->port = (__u16)type << 8 | code;
}

static __always_inline bool icmp4_is_error(__u8 type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

/* Errors are the types below 128; 133 to 136 are neighbour discovery. */
static __always_inline bool icmp6_is_neighbour(const struct icmp *icmp, __u8 hop_limit)
{
	return icmp->type >= 133 && icmp->type <= 136 && !icmp->code && hop_limit == 255;
}

/* Multicast listener reports keep a snooping bridge forwarding discovery. */
static __always_inline bool icmp6_is_listener(const struct icmp *icmp, __u8 hop_limit)
{
	return ((icmp->type >= 130 && icmp->type <= 132) || icmp->type == 143) && hop_limit == 1;
}

static __always_inline enum parsed parse_icmp(struct packet *packet, void *header, void *end,
					      __u8 hop_limit)
{
	struct icmp *icmp = header;

	if ((void *)(icmp + 1) > end)
		return PARSED_SHORT;
	if (packet->family == 4) {
		packet_icmp(packet, icmp->type, icmp->code, icmp->id, ICMP_ECHO, ICMP_ECHOREPLY);
		if (icmp4_is_error(icmp->type))
			packet->odd |= ODD_ERROR;
		return PARSED;
	}
	/* a fragmented one is none (RFC 6980) */
	if (!(packet->odd & ODD_FIRST) &&
	    (icmp6_is_neighbour(icmp, hop_limit) || icmp6_is_listener(icmp, hop_limit)))
		return PARSED_EXEMPT;
	packet_icmp(packet, icmp->type, icmp->code, icmp->id, ICMPV6_ECHO_REQUEST,
		    ICMPV6_ECHO_REPLY);
	if (icmp->type < 128)
		packet->odd |= ODD_ERROR;
	return PARSED;
}

static __always_inline enum parsed parse_transport(struct packet *packet, void *header, void *end,
						   __u8 hop_limit)
{
	if (packet->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = header;

		if ((void *)(tcp + 1) > end)
			return PARSED_SHORT;
		packet->tcp_flags = ((__u8 *)tcp)[13];
		if ((packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
			packet->odd |= ODD_SYN;
		if (packet->tcp_flags & (TCP_FIN | TCP_RST))
			packet->odd |= ODD_CLOSES;
		packet_ports(packet, tcp->source, tcp->dest);
		return PARSED;
	}
	if (packet->protocol == IPPROTO_UDP || packet->protocol == IPPROTO_SCTP) {
		struct udphdr *udp = header;

		if ((void *)(udp + 1) > end)
			return PARSED_SHORT;
		packet_ports(packet, udp->source, udp->dest);
		return PARSED;
	}
	if (packet->protocol == (packet->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return parse_icmp(packet, header, end, hop_limit);
	packet_ports(packet, 0, 0);
	return PARSED;
}

/*
 * A later fragment finds its ports in fragment_known(). One that would
 * overwrite the first one's transport header is an attack.
 */
static __always_inline enum parsed parse_later_fragment(struct packet *packet, __u32 bytes)
{
	packet->odd |= ODD_LATER;
	packet_ports(packet, 0, 0);
	if (packet->protocol == IPPROTO_TCP && bytes < sizeof(struct tcphdr))
		return PARSED_MALFORMED;
	return PARSED;
}

static __always_inline enum parsed parse4(struct packet *packet, void *data, void *end)
{
	struct iphdr *ip = data + packet->network;
	__u32 length;
	__u16 fragment;

	if ((void *)(ip + 1) > end)
		return PARSED_SHORT;
	length = ip->ihl * 4;
	if (ip->version != 4 || length < sizeof(*ip))
		return PARSED_MALFORMED;
	packet->family = 4;
	packet_protocol(packet, ip->protocol);
	if (unlikely(length > sizeof(*ip)))
		packet->odd |= ODD_OPTIONS;
	packet->key4.local = packet->direction == INGRESS ? ip->daddr : ip->saddr;
	packet->key4.remote = packet->direction == INGRESS ? ip->saddr : ip->daddr;
	packet->transport = packet->network + length;
	fragment = bpf_ntohs(ip->frag_off);
	if (unlikely(fragment & (IP_FRAGMENT_MORE | IP_FRAGMENT_OFFSET))) {
		packet->fragment_id = ip->id;
		if (fragment & IP_FRAGMENT_OFFSET)
			return parse_later_fragment(packet, (fragment & IP_FRAGMENT_OFFSET) * 8);
		packet->odd |= ODD_FIRST;
	}
	return parse_transport(packet, (void *)ip + length, end, 0);
}

/* Walks to the transport header; the routing must be done and no header hide. */
static __always_inline enum parsed parse6(struct packet *packet, void *data, void *end)
{
	struct ipv6hdr *ip = data + packet->network;
	__u32 offset = packet->network + sizeof(*ip), i;
	__u16 later = 0;
	__u8 next;

	if ((void *)(ip + 1) > end)
		return PARSED_SHORT;
	if (ip->version != 6)
		return PARSED_MALFORMED;
	packet->family = 6;
	copy16(packet->key6.local, packet->direction == INGRESS ? &ip->daddr : &ip->saddr);
	copy16(packet->key6.remote, packet->direction == INGRESS ? &ip->saddr : &ip->daddr);
	next = ip->nexthdr;
	if (unlikely(next != IPPROTO_TCP && next != IPPROTO_UDP && next != IPPROTO_ICMPV6)) {
		for (i = 0; i < EXTENSION_HEADERS; i++) {
			struct extension *extension = data + offset;
			__u32 length;

			if (next != IPPROTO_HOPOPTS_ && next != 60 && next != 43 && next != 44 &&
			    next != 51 && next != 135)
				break;
			if (offset > PULL_BYTES)
				return PARSED_MALFORMED;
			if ((void *)extension + 8 > end)
				return PARSED_SHORT;
			length = (extension->length + 1) * 8;
			if (next == 51) {
				length = (extension->length + 2) * 4;
			} else if (next == 43) {
				if (((struct routing_extension *)extension)->segments_left)
					return PARSED_MALFORMED;
			} else if (next == 44) {
				struct fragment_extension *part = (void *)extension;
				__u16 place = bpf_ntohs(part->offset);

				length = 8;
				packet->fragment_id = part->id;
				if (place & 1 || place >> 3)
					packet->odd |= ODD_FIRST;
				later = place & 0xfff8;
			}
			next = extension->next;
			offset += length;
			if (later)
				break;
		}
		if (i == EXTENSION_HEADERS)
			return PARSED_MALFORMED;
	}
	packet_protocol(packet, next);
	packet->transport = offset;
	if (unlikely(later)) {
		packet->odd &= ~ODD_FIRST;
		return parse_later_fragment(packet, later);
	}
	/* what is behind its length, the receiver cuts off: a later one would bring the rest */
	if (offset > PULL_BYTES ||
	    (packet->odd & ODD_FIRST &&
	     offset + (next == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr)) >
		 packet->network + sizeof(*ip) + bpf_ntohs(ip->payload_len)))
		return PARSED_MALFORMED;
	return parse_transport(packet, data + offset, end, ip->hop_limit);
}

static __always_inline enum parsed packet_parse(struct __sk_buff *skb, struct packet *packet)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u16 offset = sizeof(struct ethhdr);
	__be16 type;
	int i;

	if (data + sizeof(struct ethhdr) > end)
		return PARSED_SHORT;
	type = *(__be16 *)(data + offsetof(struct ethhdr, h_proto));
	for (i = 0; i < VLAN_TAGS; i++) {
		if (likely(type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)))
			break;
		if (data + offset + 4 > end)
			return PARSED_SHORT;
		type = *(__be16 *)(data + offset + 2);
		offset += 4;
	}
	packet->ether_type = type;
	packet->network = offset;
	if (type == bpf_htons(ETH_P_IP))
		return parse4(packet, data, end);
	if (type == bpf_htons(ETH_P_IPV6))
		return parse6(packet, data, end);
	return type == bpf_htons(ETH_P_ARP) ? PARSED_EXEMPT : PARSED_FOREIGN;
}

/* Headers outside the linear area are pulled into it, once. */
__noinline int packet_parse_pulled(struct __sk_buff *skb, struct packet *packet)
{
	enum parsed parsed;

	if (!packet)
		return PARSED_MALFORMED;
	if (bpf_skb_pull_data(skb, skb->len < PULL_BYTES ? skb->len : PULL_BYTES))
		return PARSED_MALFORMED;
	parsed = packet_parse(skb, packet);
	return parsed == PARSED_SHORT ? PARSED_MALFORMED : parsed;
}

static __always_inline void packet_init(struct __sk_buff *skb, struct packet *packet,
					enum direction direction)
{
	__builtin_memset(packet, 0, sizeof(*packet));
	packet->direction = direction;
	packet->key4.ifindex = skb->ifindex; /* the same place in key6 */
}

/* Source routes send a packet elsewhere than its destination says. */
__noinline int options_source_routed(struct __sk_buff *skb, __u32 offset, __u32 end)
{
	__u8 option[2];
	__u32 i;

	for (i = 0; i < 40 && offset < end; i++) {
		if (bpf_skb_load_bytes(skb, offset, option, 1))
			return true;
		if (option[0] == 0)
			break;
		if (option[0] == 1) {
			offset++;
			continue;
		}
		if (bpf_skb_load_bytes(skb, offset, option, 2) || option[1] < 2)
			return true;
		if (option[0] == 131 || option[0] == 137)
			return true;
		offset += option[1];
	}
	return false;
}

static __always_inline bool packet_source_routed(struct __sk_buff *skb, const struct packet *packet)
{
	return options_source_routed(skb, packet->network + sizeof(struct iphdr),
				     packet->transport);
}

static __always_inline void fragment_key_fill(struct fragment_key *key, const struct packet *packet)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->ifindex = packet->key4.ifindex;
	key->id = packet->fragment_id;
	/* in IPv6 a later fragment may not know what it is a part of */
	key->protocol = packet->family == 4 ? packet->protocol : 0;
	key->direction = packet->direction;
	key->family = packet->family;
	if (packet->family == 4) {
		__builtin_memcpy(key->local, &packet->key4.local, 4);
		__builtin_memcpy(key->remote, &packet->key4.remote, 4);
	} else {
		copy16(key->local, packet->key6.local);
		copy16(key->remote, packet->key6.remote);
	}
}

/* Remembers a first fragment; finds a later one its ports, false when it has none. */
__noinline int fragment_known(struct packet *packet, __u32 now, __u32 lifetime)
{
	struct fragment_key key;
	struct fragment fragment = {}, *first;

	if (!packet)
		return false;
	fragment_key_fill(&key, packet);
	if (packet->odd & ODD_FIRST) {
		fragment.local_port =
		    packet->family == 4 ? packet->key4.local_port : packet->key6.local_port;
		fragment.remote_port =
		    packet->family == 4 ? packet->key4.remote_port : packet->key6.remote_port;
		fragment.port = packet->port;
		fragment.protocol = packet->protocol;
		fragment.seen = now;
		return !bpf_map_update_elem(&fragments, &key, &fragment, BPF_ANY);
	}
	first = bpf_map_lookup_elem(&fragments, &key);
	if (!first || now - first->seen > lifetime)
		return false;
	packet_local_remote(packet, first->local_port, first->remote_port);
	packet_protocol(packet, first->protocol);
	packet->port = first->port;
	return true;
}

#endif
