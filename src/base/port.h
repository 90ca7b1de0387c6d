/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Protocols and ports: one number for both, ranges of them, and how they are written. */
#ifndef NPCTL_BASE_PORT_H
#define NPCTL_BASE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PORT_KEY(protocol, port) ((uint32_t)(protocol) << 16 | (port))
#define PORT_KEY_LAST 0xffffffu

struct port_item {
	uint32_t first, last; /* protocol << 16 | port */
	const char *name;     /* resolved at the destination pod; NULL: a range */
	uint8_t protocol;     /* of the name; 0: any */
};

/* "tcp/80", "udp/53-60", "icmp/8", "tcp", "80"; one or two of them. 0 or -1, silently. */
int port_item_parse(const char *text, struct port_item items[static 2], size_t *count);
const char *port_item_text(const struct port_item *item, char *text, size_t size);
const char *protocol_text(uint8_t protocol, char text[static 8]);
int protocol_parse(const char *text); /* or -1 */

/* "TCP", "ICMPv6", "89"; a rotating static buffer. */
const char *ip_protocol_text(uint8_t protocol);
/* A word as above in any case, or a number; false when it is neither. */
bool ip_protocol_parse(const char *text, uint8_t *protocol);
bool ip_protocol_has_ports(uint8_t protocol);

struct port {
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP, _ICMP (without a number) */
	uint16_t number;
};

#define PORT_TEXT 16

/* "tcp/80", "udp/53", "sctp/9", "80" (TCP), "icmp"; 0 or -1, silently. */
int port_parse(const char *text, struct port *port);
const char *port_text(const struct port *port, char text[static PORT_TEXT]);

#endif
