/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Map "shadows": the sets by which the candidate would judge. */
#ifndef NPCTL_DATAPATH_APPLY_SHADOWS_H
#define NPCTL_DATAPATH_APPLY_SHADOWS_H

#include "datapath/apply.h"

/* Fills the idle half, or empties it when the plan has no candidate. */
int shadows_write(struct datapath *datapath, const struct plan *plan, const struct span *sets,
		  const struct binding *bindings, size_t count);
/* False when there is no entry in the half in force. */
bool shadow_set(const struct datapath *datapath, const struct binding *binding,
		enum direction direction, struct span *set);
void shadows_mark(struct datapath *datapath, uint32_t half);
/* Nothing that was counted by a candidate that is no more is told of the next one. */
int shadow_tallies_clear(struct instance *instance);

#endif
