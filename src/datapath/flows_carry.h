/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Other tables of flows in the place of those that are pinned, of another size
 * or as an older npctl had them. The old ones stay pinned aside until what they
 * know is carried across, so a run that is killed is finished by the next.
 */
#ifndef NPCTL_DATAPATH_FLOWS_CARRY_H
#define NPCTL_DATAPATH_FLOWS_CARRY_H

#include "store/instance.h"

/* What of a table of flows is pinned. */
enum flows_pinned {
	FLOWS_NONE,
	FLOWS_OURS,
	FLOWS_OLDER,   /* an LRU hash */
	FLOWS_FOREIGN, /* nothing that could be read */
};

/* `family` 4 or 6; `room`: for how many flows. */
int flows_pinned(const struct instance *instance, int family, enum flows_pinned *pinned,
		 uint32_t *room);
/* The same for what was put aside. */
int flows_aside(const struct instance *instance, int family, enum flows_pinned *pinned,
		uint32_t *room);
int flows_put_aside(const struct instance *instance, int family);
/* Nothing came in their place. */
void flows_put_back(const struct instance *instance);

/* What is known aside and not here is known here. */
int flows_carry(struct instance *instance);
/* The same, and what was put aside is forgotten. */
int flows_finish(struct instance *instance);
bool flows_are_aside(const char *name);

#endif
