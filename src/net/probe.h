/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A real connection attempt by npctl's own sockets. */
#ifndef NPCTL_NET_PROBE_H
#define NPCTL_NET_PROBE_H

#include <stddef.h>
#include "base/cidr.h"

struct probe {
	const char *netns; /* NULL: this one */
	struct address to;
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP, _ICMP (echo, of either family) */
	uint16_t port;
	int timeout_ms;
	/* results */
	bool connected; /* TCP: established; UDP, ICMP: an answer came */
	int error;	/* errno when not: ETIMEDOUT, ECONNREFUSED, … */
	int64_t elapsed_us;
	char answer[256]; /* what the server said first, its first line */
};

/* All at once, in parallel; results in place. FAILED only when it cannot try. */
int probes_run(struct probe *probes, size_t count);

#endif
