/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* "tcp/8080": a protocol and one port of it. */
#ifndef NPCTL_NET_PORT_H
#define NPCTL_NET_PORT_H

#include <stdint.h>

struct port {
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP, _ICMP (without a number) */
	uint16_t number;
};

#define PORT_TEXT 16

/* "tcp/80", "udp/53", "sctp/9", "80" (TCP), "icmp"; 0 or -1, silently. */
int port_parse(const char *text, struct port *port);
const char *port_text(const struct port *port, char text[static PORT_TEXT]);

#endif
