/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A plan into the maps: first beside the old one, then in its place. */
#ifndef NPCTL_KERNEL_APPLY_H
#define NPCTL_KERNEL_APPLY_H

#include "kernel/instance.h"
#include "policy/numbers.h"
#include "policy/plan.h"

/* Which interface a subject of the plan is. */
struct binding {
	uint32_t ifindex;
	uint32_t subject;	 /* into plan->subjects */
	uint8_t link_local6[16]; /* of the pod's end, zero when unknown */
};

struct apply; /* an application under way */

/* Writes everything beside what is in force; on failure nothing has changed. */
int apply_stage(struct instance *instance, const struct plan *plan, struct numbers *numbers,
		const struct numbers *old, const struct binding *bindings, size_t binding_count,
		struct apply **apply);
/* After the flip: frees what only the old version used. */
void apply_clean(struct apply *apply);
/* After a crash: drops whatever the version in force does not use. */
int apply_collect(struct instance *instance, const struct numbers *numbers);

/* Packets and bytes of a rule number, summed over the processors. */
int apply_counter(struct instance *instance, uint32_t rule, struct counter *sum);

#endif
