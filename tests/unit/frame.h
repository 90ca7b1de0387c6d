/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ethernet frames, header by header. */
#ifndef NPCTL_UNIT_FRAME_H
#define NPCTL_UNIT_FRAME_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

struct frame {
	uint8_t bytes[2048];
	size_t length;
	size_t type; /* where the next EtherType goes */
	size_t next; /* where the next header's protocol goes, 0: not yet */
};

static inline void *frame_add(struct frame *frame, const void *header, size_t length)
{
	void *place = frame->bytes + frame->length;

	memcpy(place, header, length);
	frame->length += length;
	return place;
}

/* Where fields stand in a frame without tags. */
#define IP4_ID 18
#define IP4_FRAGMENT 20
#define IP6_LENGTH 18
#define IP6_HOPS 21

static inline void frame_poke16(struct frame *frame, size_t at, uint16_t value)
{
	value = htons(value);
	memcpy(frame->bytes + at, &value, 2);
}

/* The network header says how long the packet really is; no tags. */
static inline void frame_measure(struct frame *frame)
{
	if (frame->bytes[12] == 0x08)
		frame_poke16(frame, 16, frame->length - 14);
	else
		frame_poke16(frame, IP6_LENGTH, frame->length - 54);
}

static inline struct frame ethernet(void)
{
	struct frame frame = {.length = sizeof(struct ethhdr), .type = 12};

	memset(frame.bytes, 2, 12);
	return frame;
}

static inline void ether_type(struct frame *frame, uint16_t type)
{
	type = htons(type);
	memcpy(frame->bytes + frame->type, &type, 2);
}

static inline void vlan(struct frame *frame, uint16_t type, uint16_t id)
{
	uint16_t tag[2] = {htons(id), 0};

	ether_type(frame, type);
	frame->type = frame->length + 2;
	frame_add(frame, tag, sizeof(tag));
}

/* `options`: bytes of them, a multiple of four. */
static inline void ip4(struct frame *frame, const char *from, const char *to, uint8_t protocol,
		       const void *options, size_t option_bytes)
{
	struct iphdr ip = {.version = 4,
			   .ihl = 5 + option_bytes / 4,
			   .ttl = 64,
			   .tot_len = htons(1000),
			   .protocol = protocol};

	inet_pton(AF_INET, from, &ip.saddr);
	inet_pton(AF_INET, to, &ip.daddr);
	ether_type(frame, ETH_P_IP);
	frame_add(frame, &ip, sizeof(ip));
	if (option_bytes)
		frame_add(frame, options, option_bytes);
}

static inline void ip6(struct frame *frame, const char *from, const char *to, uint8_t protocol)
{
	struct ipv6hdr ip = {
	    .version = 6, .hop_limit = 64, .payload_len = htons(1000), .nexthdr = protocol};

	inet_pton(AF_INET6, from, &ip.saddr);
	inet_pton(AF_INET6, to, &ip.daddr);
	ether_type(frame, ETH_P_IPV6);
	frame->next = frame->length + 6;
	frame_add(frame, &ip, sizeof(ip));
}

/* An extension header of type `type` before whatever comes next. */
static inline void *extension6(struct frame *frame, uint8_t type, uint8_t length_field,
			       size_t bytes)
{
	uint8_t header[256] = {frame->bytes[frame->next], length_field};

	frame->bytes[frame->next] = type;
	frame->next = frame->length;
	return frame_add(frame, header, bytes);
}

#define FIN 1
#define SYN 2
#define RST 4
#define ACK 16

static inline void tcp(struct frame *frame, uint16_t from, uint16_t to, uint8_t flags)
{
	struct tcphdr header = {.source = htons(from), .dest = htons(to), .doff = 5};

	((uint8_t *)&header)[13] = flags;
	frame_add(frame, &header, sizeof(header));
}

static inline void udp(struct frame *frame, uint16_t from, uint16_t to)
{
	struct udphdr header = {.source = htons(from), .dest = htons(to), .len = htons(8)};

	frame_add(frame, &header, sizeof(header));
}

/* ICMP of either family: the layouts agree. */
static inline void icmp(struct frame *frame, uint8_t type, uint8_t code, uint16_t id)
{
	struct icmphdr header = {.type = type, .code = code, .un.echo.id = htons(id)};

	frame_add(frame, &header, sizeof(header));
}

/* The quoted packet of an ICMP error: what `inner` has behind its Ethernet header. */
static inline void quote(struct frame *frame, const struct frame *inner, size_t bytes)
{
	frame_add(frame, inner->bytes + sizeof(struct ethhdr), bytes);
}

static inline struct frame tcp4(const char *from, uint16_t from_port, const char *to,
				uint16_t to_port, uint8_t flags)
{
	struct frame frame = ethernet();

	ip4(&frame, from, to, IPPROTO_TCP, NULL, 0);
	tcp(&frame, from_port, to_port, flags);
	return frame;
}

static inline struct frame udp4(const char *from, uint16_t from_port, const char *to,
				uint16_t to_port)
{
	struct frame frame = ethernet();

	ip4(&frame, from, to, IPPROTO_UDP, NULL, 0);
	udp(&frame, from_port, to_port);
	return frame;
}

static inline struct frame icmp4(const char *from, const char *to, uint8_t type, uint16_t id)
{
	struct frame frame = ethernet();

	ip4(&frame, from, to, IPPROTO_ICMP, NULL, 0);
	icmp(&frame, type, 0, id);
	return frame;
}

static inline struct frame tcp6(const char *from, uint16_t from_port, const char *to,
				uint16_t to_port, uint8_t flags)
{
	struct frame frame = ethernet();

	ip6(&frame, from, to, IPPROTO_TCP);
	tcp(&frame, from_port, to_port, flags);
	return frame;
}

static inline struct frame udp6(const char *from, uint16_t from_port, const char *to,
				uint16_t to_port)
{
	struct frame frame = ethernet();

	ip6(&frame, from, to, IPPROTO_UDP);
	udp(&frame, from_port, to_port);
	return frame;
}

/* Neighbour discovery and older listener messages: `about` behind eight bytes. */
static inline struct frame neighbour6(const char *from, const char *to, uint8_t type, uint8_t hops,
				      const char *about, size_t more)
{
	static const uint8_t filling[1300];
	struct frame frame = ethernet();
	struct in6_addr target;

	ip6(&frame, from, to, IPPROTO_ICMPV6);
	frame.bytes[IP6_HOPS] = hops;
	icmp(&frame, type, 0, 0);
	inet_pton(AF_INET6, about, &target);
	frame_add(&frame, &target, sizeof(target));
	frame_add(&frame, filling, more);
	frame_measure(&frame);
	return frame;
}

static inline struct frame arp(uint16_t operation, const char *sender, const char *target)
{
	uint8_t body[46] = {0, 1, 8, 0, 6, 4, 0, operation, 2, 2, 2, 2, 2, 2};
	struct frame frame = ethernet();

	inet_pton(AF_INET, sender, body + 14);
	inet_pton(AF_INET, target, body + 24);
	ether_type(&frame, ETH_P_ARP);
	frame_add(&frame, body, sizeof(body));
	return frame;
}

#endif
