/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets with comments, in the format of Wireshark and tcpdump. */
#ifndef NPCTL_OUT_PCAPNG_H
#define NPCTL_OUT_PCAPNG_H

#include "base/base.h"

struct pcapng;

struct pcapng_packet {
	uint32_t ifindex;
	const char *subject; /* whose interface it is; may be NULL */
	uint64_t time_us;    /* since 1970 */
	const void *data;    /* from the Ethernet header on */
	uint32_t length;     /* of the data */
	uint32_t size;	     /* of the packet */
	const char *comment;
	bool outbound, allowed;
};

/* "-" is standard output. */
int pcapng_open(const char *file, uint32_t longest, struct pcapng **pcapng);
void pcapng_write(struct pcapng *pcapng, const struct pcapng_packet *packet);
/* FAILED when something could not be written, unless nobody reads any more; NULL is fine. */
int pcapng_flush(struct pcapng *pcapng);
int pcapng_close(struct pcapng *pcapng);

#endif
