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
#define FRAGMENT6_MORE 0x0001
#define FRAGMENT6_OFFSET 0xfff8

/* <linux/in6.h> and <linux/in.h> do not go together */
#define NEXT_HOP_BY_HOP 0
#define NEXT_ROUTING 43
#define NEXT_FRAGMENT 44
#define NEXT_AUTHENTICATION 51
#define NEXT_DESTINATION 60
#define NEXT_MOBILITY 135

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
#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define ND_ROUTER_SOLICIT 133
#define ND_ROUTER_ADVERT 134
#define ND_NEIGHBOUR_SOLICIT 135
#define ND_NEIGHBOUR_ADVERT 136
#define ND_REDIRECT 137
#define MLD2_REPORT 143

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
} __attribute__((aligned(8)));

/* Later fragments carry no ports: they are those of the first, if that was allowed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
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

/* Errors are the types below 128; 133 to 137 are neighbour discovery. */
static __always_inline bool icmp6_is_neighbour(const struct icmp *icmp, __u8 hop_limit)
{
	return icmp->type >= ND_ROUTER_SOLICIT && icmp->type <= ND_REDIRECT && !icmp->code &&
	       hop_limit == 255;
}

/* Multicast listener reports keep a snooping bridge forwarding discovery. */
static __always_inline bool icmp6_is_listener(const struct icmp *icmp, __u8 hop_limit)
{
	return ((icmp->type >= MLD_QUERY && icmp->type <= MLD_DONE) || icmp->type == MLD2_REPORT) &&
	       hop_limit == 1;
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
	packet_icmp(packet, icmp->type, icmp->code, icmp->id, ICMPV6_ECHO_REQUEST,
		    ICMPV6_ECHO_REPLY);
	/* a fragmented one is none (RFC 6980) */
	if (!(packet->odd & ODD_FIRST) &&
	    (icmp6_is_neighbour(icmp, hop_limit) || icmp6_is_listener(icmp, hop_limit)))
		return PARSED_EXEMPT;
	if (icmp->type < 128)
		packet->odd |= ODD_ERROR;
	return PARSED;
}

/*
 * `limit` is how far the packet reaches by its network header's word. What is
 * behind, the receiver cuts off, so nothing may be read from there.
 */
static __always_inline enum parsed parse_transport(struct packet *packet, void *header, void *end,
						   __u32 limit, __u8 hop_limit)
{
	if (packet->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = header;

		if (unlikely(packet->transport + sizeof(*tcp) > limit))
			return PARSED_MALFORMED;
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

		if (unlikely(packet->transport + sizeof(*udp) > limit))
			return PARSED_MALFORMED;
		if ((void *)(udp + 1) > end)
			return PARSED_SHORT;
		packet_ports(packet, udp->source, udp->dest);
		return PARSED;
	}
	if (packet->protocol == (packet->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6)) {
		if (packet->transport + sizeof(struct icmp) > limit)
			return PARSED_MALFORMED;
		return parse_icmp(packet, header, end, hop_limit);
	}
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

/*
 * A first fragment that the receiver discards must not speak for later ones:
 * it is as long as it says.
 */
static __always_inline enum parsed parse_first_fragment(const struct __sk_buff *skb,
							struct packet *packet, __u32 limit)
{
	packet->odd |= ODD_FIRST;
	return limit > skb->len ? PARSED_MALFORMED : PARSED;
}

static __always_inline enum parsed parse4(const struct __sk_buff *skb, struct packet *packet,
					  void *data, void *end)
{
	struct iphdr *ip = data + packet->network;
	__u32 length, limit;
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
	limit = packet->network + bpf_ntohs(ip->tot_len);
	/* one of more than 64 KiB, yet to be cut, cannot say how long it is */
	if (unlikely(!ip->tot_len && skb->gso_size))
		limit = skb->len;
	fragment = bpf_ntohs(ip->frag_off);
	if (unlikely(fragment & (IP_FRAGMENT_MORE | IP_FRAGMENT_OFFSET))) {
		packet->fragment_id = ip->id;
		if (packet->transport > limit)
			return PARSED_MALFORMED;
		if (fragment & IP_FRAGMENT_OFFSET)
			return parse_later_fragment(packet, (fragment & IP_FRAGMENT_OFFSET) * 8);
		if (parse_first_fragment(skb, packet, limit))
			return PARSED_MALFORMED;
	}
	return parse_transport(packet, (void *)ip + length, end, limit, 0);
}

/* What may stand between the network header and the transport header. */
static __always_inline bool is_extension(__u8 next)
{
	return next == NEXT_HOP_BY_HOP || next == NEXT_DESTINATION || next == NEXT_ROUTING ||
	       next == NEXT_FRAGMENT || next == NEXT_AUTHENTICATION || next == NEXT_MOBILITY;
}

/* The header at `offset` says which piece of what this is. */
static __always_inline enum parsed parse_fragment6(const struct __sk_buff *skb,
						   struct packet *packet,
						   const struct fragment_extension *part,
						   __u32 offset, __u32 limit)
{
	__u16 place = bpf_ntohs(part->offset);

	packet->fragment_id = part->id;
	/* all but the last are multiples of eight bytes */
	if (place & FRAGMENT6_MORE && (limit - offset) & 7)
		return PARSED_MALFORMED;
	if ((place & (FRAGMENT6_MORE | FRAGMENT6_OFFSET)) == FRAGMENT6_MORE)
		return parse_first_fragment(skb, packet, limit);
	return PARSED;
}

/* Walks to the transport header; the routing must be done and no header hide. */
static __always_inline enum parsed parse6(const struct __sk_buff *skb, struct packet *packet,
					  void *data, void *end)
{
	struct ipv6hdr *ip = data + packet->network;
	__u32 offset = packet->network + sizeof(*ip), limit, i;
	bool fragmented = false;
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
	limit = offset + bpf_ntohs(ip->payload_len);
	if (unlikely(!ip->payload_len && skb->gso_size))
		limit = skb->len;
	if (unlikely(next != IPPROTO_TCP && next != IPPROTO_UDP && next != IPPROTO_ICMPV6)) {
		/* a jumbogram's length stands in an option: the receiver reads on till the end */
		if (!ip->payload_len && next == NEXT_HOP_BY_HOP)
			limit = skb->len;
		for (i = 0; i < EXTENSION_HEADERS; i++) {
			struct extension *extension = data + offset;
			__u32 length;

			if (!is_extension(next))
				break;
			if (offset > PULL_BYTES || offset + 8 > limit)
				return PARSED_MALFORMED;
			if ((void *)extension + 8 > end)
				return PARSED_SHORT;
			length = (extension->length + 1) * 8;
			if (next == NEXT_AUTHENTICATION) {
				length = (extension->length + 2) * 4;
			} else if (next == NEXT_ROUTING) {
				if (((struct routing_extension *)extension)->segments_left)
					return PARSED_MALFORMED;
			} else if (next == NEXT_FRAGMENT) {
				/* the receiver would put together what neither of the two was */
				if (fragmented)
					return PARSED_MALFORMED;
				fragmented = true;
				length = 8;
				if (parse_fragment6(skb, packet, (void *)extension, offset, limit))
					return PARSED_MALFORMED;
				later =
				    bpf_ntohs(((struct fragment_extension *)extension)->offset) &
				    FRAGMENT6_OFFSET;
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
	if (unlikely(later))
		return next == NEXT_FRAGMENT ? PARSED_MALFORMED
					     : parse_later_fragment(packet, later);
	if (offset > PULL_BYTES || offset > limit)
		return PARSED_MALFORMED;
	return parse_transport(packet, data + offset, end, limit, ip->hop_limit);
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
		return parse4(skb, packet, data, end);
	if (type == bpf_htons(ETH_P_IPV6))
		return parse6(skb, packet, data, end);
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

/* Drawn when the programs are loaded, so that nobody can choose another's place. */
const volatile __u64 fragment_secret;

static __always_inline __u32 fragment_peer(const struct packet *packet)
{
	__u64 sum = fragment_secret;

	if (packet->family == 4) {
		sum ^= packet->key4.remote;
	} else {
		__u64 half;

		__builtin_memcpy(&half, packet->key6.remote, 8);
		sum = (sum ^ half) * 0x9e3779b97f4a7c15ull;
		sum ^= sum >> 29;
		__builtin_memcpy(&half, packet->key6.remote + 8, 8);
		sum ^= half;
	}
	sum *= 0xd6e8feb86659fd93ull;
	sum ^= sum >> 32;
	sum *= 0xd6e8feb86659fd93ull;
	return (sum >> 40) % FRAGMENT_PEERS;
}

static __always_inline struct fragment_key fragment_key_of(const struct packet *packet)
{
	__u32 id = packet->fragment_id;

	/* in IPv4 the high half is empty; ids count up in either byte order */
	id ^= id >> 8 ^ id >> 16 ^ id >> 24;
	return (struct fragment_key){
	    .ifindex = packet->key4.ifindex,
	    .place = fragment_peer(packet) * FRAGMENT_IDS + id % FRAGMENT_IDS,
	    .direction = packet->direction,
	    .family = packet->family,
	};
}

/* In IPv6 a later fragment may not know what it is a part of. */
static __always_inline void fragment_name(struct fragment *fragment, const struct packet *packet)
{
	__builtin_memset(fragment, 0, sizeof(*fragment));
	fragment->id = packet->fragment_id;
	if (packet->family == 4) {
		fragment->outer = packet->protocol;
		__builtin_memcpy(fragment->local, &packet->key4.local, 4);
		__builtin_memcpy(fragment->remote, &packet->key4.remote, 4);
	} else {
		copy16(fragment->local, packet->key6.local);
		copy16(fragment->remote, packet->key6.remote);
	}
}

/* A first fragment that was allowed: those that follow have its ports. */
__noinline int fragment_remember(struct packet *packet, __u32 now)
{
	struct fragment_key key;
	struct fragment fragment;

	if (!packet)
		return 0;
	key = fragment_key_of(packet);
	fragment_name(&fragment, packet);
	fragment.local_port =
	    packet->family == 4 ? packet->key4.local_port : packet->key6.local_port;
	fragment.remote_port =
	    packet->family == 4 ? packet->key4.remote_port : packet->key6.remote_port;
	fragment.port = packet->port;
	fragment.protocol = packet->protocol;
	fragment.seen = now;
	return bpf_map_update_elem(&fragments, &key, &fragment, BPF_ANY);
}

/*
 * Finds a later fragment its ports; false when it has none. The place may be
 * another's meanwhile: what is written last is read first.
 */
__noinline int fragment_known(struct packet *packet, __u32 now, __u32 lifetime)
{
	struct fragment wanted, *first;
	struct fragment_key key;
	__u16 local, remote, port;
	__u8 protocol;
	__u32 seen;

	if (!packet)
		return false;
	key = fragment_key_of(packet);
	first = bpf_map_lookup_elem(&fragments, &key);
	if (!first)
		return false;
	seen = READ_ONCE(first->seen);
	local = READ_ONCE(first->local_port);
	remote = READ_ONCE(first->remote_port);
	port = READ_ONCE(first->port);
	protocol = READ_ONCE(first->protocol);
	fragment_name(&wanted, packet);
	if (first->id != wanted.id || first->outer != wanted.outer ||
	    !equal16(first->local, wanted.local) || !equal16(first->remote, wanted.remote) ||
	    now - seen > lifetime)
		return false;
	packet_local_remote(packet, local, remote);
	packet_protocol(packet, protocol);
	packet->port = port;
	return true;
}

#endif
