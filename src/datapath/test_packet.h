/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the loaded datapath itself does with a packet. */
#ifndef NPCTL_DATAPATH_TEST_PACKET_H
#define NPCTL_DATAPATH_TEST_PACKET_H

#include "store/instance.h"
#include "base/cidr.h"

struct packet {
	struct address from, to;
	uint8_t protocol;
	uint16_t port; /* ICMP: type << 8 | code */
};

/*
 * The same of a user's, which can be asked for root alone: such a run's socket is root's.
 */
int ask_user_egress(struct instance *instance, uint32_t ifindex, const struct packet *packet,
		    bool *allow);

/*
 * Runs the first packet of such a connection through the pinned program of the
 * direction, on the interface, in the kernel's test hook: *allow is its answer.
 * It counts as one hit of the rule; the flow that it opens is forgotten again.
 */
int ask_datapath(struct instance *instance, enum direction direction, uint32_t ifindex,
		 const struct packet *packet, bool *allow);

#endif
