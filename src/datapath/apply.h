/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A plan into the maps: everything new is written where nothing points to
 * yet, then the idle half is made to point to it. The caller flips the
 * version; until then nothing has changed.
 */
#ifndef NPCTL_DATAPATH_APPLY_H
#define NPCTL_DATAPATH_APPLY_H

#include "datapath/datapath.h"
#include "compile/numbers.h"
#include "compile/plan.h"

enum binding_kind { BINDING_INTERFACE, BINDING_USER, BINDING_CONTAINER };

/* What a subject of the plan is to the kernel. */
struct binding {
	enum binding_kind kind;
	uint32_t subject;	   /* into plan->subjects */
	uint32_t ifindex;	   /* interfaces and users */
	uint32_t uid, flags;	   /* users */
	uint64_t cgroup;	   /* containers */
	struct address address[2]; /* interfaces: IPv4, IPv6; family 0 when unknown */
	uint8_t link_local6[16];   /* interfaces: of the pod's end, zero when unknown */
};

/*
 * Also notes in `numbers` where runs stand, and leaves the gaps of the arenas as they
 * will be. `old`: the numbers in force, or NULL.
 */
int apply_stage(struct datapath *datapath, const struct plan *plan, struct numbers *numbers,
		const struct numbers *old, const struct binding *bindings, size_t binding_count);
/* Makes what was staged the policy in force. */
void apply_flip(struct settings *settings);
/* After the flip: gives back what only the old version used. */
void apply_clean(struct datapath *datapath);

/* The parts of it, for whoever changes little. */
int apply_rule(struct datapath *datapath, uint32_t number, const struct plan_rule *rule);
uint32_t apply_answer(uint32_t number, const struct plan_rule *rule);
/* Fills the idle half; `sets` has where each set of the plan stands. */
int apply_subjects(struct datapath *datapath, const struct plan *plan, const struct span *sets,
		   const struct binding *bindings, size_t count);
/* False when the binding has no entry. */
bool apply_set_in_force(const struct datapath *datapath, const struct binding *binding,
			enum direction direction, struct span *set);
void apply_forget_subjects(struct datapath *datapath);

/* How many of each kind the maps hold, for such a plan. */
void apply_limits(const struct datapath *datapath, const struct plan *plan,
		  uint32_t limits[NUMBER_KINDS]);

/* Packets and bytes of a rule number, summed over the processors. */
int apply_counter(int counters, uint32_t rule, struct counter *sum);

#endif
