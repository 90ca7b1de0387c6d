/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a listener wants. */
#ifndef NPCTL_LIB_SINK_H
#define NPCTL_LIB_SINK_H

#include "lib/bpf.h"

static __always_inline bool prefix_matches(const void *prefix, __u32 bits, const void *address)
{
	const __u32 *p = prefix, *a = address;
	int i;

	for (i = 0; i < 4; i++) {
		__u32 here = bits > 32 ? 32 : bits, mask;

		if (!here)
			return true;
		mask = ~0u << (32 - here);
		if ((bpf_ntohl(p[i]) ^ bpf_ntohl(a[i])) & mask)
			return false;
		bits -= here;
	}
	return true;
}

static __always_inline bool end_matches(const struct sink_end *end, __u8 family,
					const void *address)
{
	if (!end->given)
		return true;
	if (family == 4)
		return end->given & SINK_GIVEN4 &&
		       prefix_matches(&end->address4, end->prefix4, address);
	return family == 6 && end->given & SINK_GIVEN6 &&
	       prefix_matches(end->address6, end->prefix6, address);
}

static __always_inline bool rule_matches(const struct sink *sink, __u32 rule)
{
	__u32 i;

	for (i = 0; i < SINK_RULES && i < sink->rule_count; i++)
		if (sink->rules[i] == rule)
			return true;
	return false;
}

/* `every`: a packet of a known flow, for those who asked for all of them. */
static __always_inline bool sink_wants(const struct sink *sink, const struct event *event,
				       bool every)
{
	__u16 source = bpf_ntohs(event->source_port), target = bpf_ntohs(event->destination_port);

	if (sink->flags & SINK_SHADOW ? !event->shadow : every && !(sink->flags & SINK_ALL))
		return false;
	if (event->allow && sink->flags & SINK_DROPS)
		return false;
	if ((sink->ifindex && sink->ifindex != event->ifindex) ||
	    (sink->flags & SINK_RULE && !rule_matches(sink, event->rule)) ||
	    (sink->flags & SINK_USER && sink->uid != event->uid) ||
	    (sink->protocol && sink->protocol != event->protocol) ||
	    (sink->port && sink->port != source && sink->port != target))
		return false;
	return end_matches(&sink->end[0], event->family, event->source) &&
	       end_matches(&sink->end[1], event->family, event->destination);
}

#endif
