/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's stacks at which packets were dropped or sent on. */
#ifndef NPCTL_WATCH_STACKS_H
#define NPCTL_WATCH_STACKS_H

#include <jansson.h>
#include "base/base.h"

struct stacks;
struct sink;

struct stacks_interface {
	uint32_t ifindex;   /* in this network namespace */
	unsigned int netns; /* number of the pod's, for drops in there; 0: not known */
};

struct stacks_wanted {
	const struct stacks_interface *interfaces;
	size_t count;
	bool passes;		   /* as well, or drops alone */
	bool kernel;		   /* drops of its own as well, those at the pod's end, too */
	const struct sink *filter; /* the packets; NULL: all */
};

int stacks_open(const struct stacks_wanted *wanted, struct stacks **stacks);
/* Packets so far. */
uint64_t stacks_total(const struct stacks *stacks);
/*
 * {"count", "verdict": "drop"|"pass", "direction" of the pod, "reason", "by": "npctl"|"kernel",
 *  "where": "host"|"pod", "ifindex", "frames": [innermost first]}, equal stacks once, the most
 * frequent first. A drop by any program at a pod's interface counts as npctl's.
 */
int stacks_read(struct stacks *stacks, json_t **rows);
/* Packets for which there was no room. */
uint64_t stacks_lost(const struct stacks *stacks);
void stacks_close(struct stacks *stacks); /* NULL is fine */

#endif
