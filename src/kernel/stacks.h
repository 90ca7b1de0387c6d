/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's stacks at which packets were dropped or sent on. */
#ifndef NPCTL_KERNEL_STACKS_H
#define NPCTL_KERNEL_STACKS_H

#include <jansson.h>
#include "base.h"

struct stacks;

/* On these interfaces of this network namespace; passes as well, or drops alone. */
int stacks_open(const uint32_t *ifindexes, size_t count, bool passes, struct stacks **stacks);
/* Packets so far. */
uint64_t stacks_total(const struct stacks *stacks);
/*
 * {"count", "verdict": "drop"|"pass", "reason", "ifindex", "frames": [innermost first]},
 * equal stacks once, the most frequent first.
 */
int stacks_read(struct stacks *stacks, json_t **rows);
void stacks_close(struct stacks *stacks); /* NULL is fine */

#endif
