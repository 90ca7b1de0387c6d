/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an agent tells of itself, in Prometheus' text format. */
#ifndef NPCTL_AGENT_METRICS_H
#define NPCTL_AGENT_METRICS_H

#include <stdio.h>
#include "agent/source.h"

struct counts {
	uint64_t commits, failures;
	int64_t lag_ms, lag_sum_ms, lag_most_ms; /* from a change's coming to its being in force */
	int64_t commit_ms, commit_sum_ms;	 /* of that, the commit */
	int64_t last;				 /* seconds since 1970 */
};

/* `waited_ms` from the oldest change of it until the commit, which took `took_ms`. */
void counts_commit(struct counts *counts, int64_t waited_ms, int64_t took_ms);
void counts_print(const struct counts *counts, const struct source *source, bool well, FILE *to);

#endif
