/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a trace shows: mostly left to the datapath, the rest is sifted here. */
#ifndef NPCTL_CMD_WATCH_TRACE_FILTER_H
#define NPCTL_CMD_WATCH_TRACE_FILTER_H

#include "words/command.h"
#include "cmd/watch/filter.h"

struct trace_filter {
	struct sink sink; /* for the datapath */
	/* a pod with several addresses does not fit in a sink: from, to */
	struct prefix prefixes[2][FILTER_PREFIXES];
	size_t prefix_count[2];
	const char *rule; /* its number or name, or the policy's; NULL: any */
	bool sift_rules;  /* nor do more than SINK_RULES */
};

int trace_filter_parse(const struct words *words, const struct names *names,
		       struct trace_filter *filter);
/* The numbers of the rules now: they change with the policy. */
void trace_filter_rules(struct trace_filter *filter, const struct names *names);
bool trace_filter_wants(const struct trace_filter *filter, const struct names *names,
			const struct event *event);

#endif
