/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a packet's own form settles, before anybody asks who may do what. */
#ifndef NPCTL_LIB_FORM_H
#define NPCTL_LIB_FORM_H

#include "lib/packet.h"
#include "lib/verdict.h"

/* Allowed whatever the policy, or not to be judged by addresses and ports; false: go on. */
static __always_inline bool form_settles(struct __sk_buff *skb, struct packet *packet,
					 struct verdict *verdict)
{
	verdict->answer = 0;
	if (packet->parsed == PARSED_EXEMPT) {
		verdict->answer = ANSWER_ALLOW;
		verdict->reason = REASON_NEIGHBOUR;
		return true;
	}
	if (packet->parsed == PARSED && packet->odd & ODD_OPTIONS &&
	    packet_source_routed(skb, packet))
		packet->parsed = PARSED_MALFORMED;
	if (packet->parsed == PARSED)
		return false;
	verdict->reason = packet->parsed == PARSED_FOREIGN ? REASON_PROTOCOL : REASON_MALFORMED;
	return true;
}

/* A later fragment whose first has not been seen. */
static __always_inline bool form_lacks_first(struct packet *packet, const struct settings *settings,
					     __u32 now, struct verdict *verdict)
{
	if (!(packet->odd & ODD_LATER) ||
	    fragment_known(packet, now, settings->lifetime[LIFE_FRAGMENT]))
		return false;
	verdict->reason = REASON_FRAGMENT;
	return true;
}

#endif
