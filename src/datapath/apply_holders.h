/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The entries of those who hold sockets: users and containers. */
#ifndef NPCTL_DATAPATH_APPLY_HOLDERS_H
#define NPCTL_DATAPATH_APPLY_HOLDERS_H

#include "datapath/apply.h"

/* Fills the idle half: `sets` has where each set of the plan stands. */
int holders_write(struct datapath *datapath, const struct plan *plan, const struct span *sets,
		  const struct binding *bindings, size_t count);
/* The set that judges a user or container, in force; false when there is no entry. */
bool holder_set(const struct datapath *datapath, const struct binding *binding, struct span *set);
/* Marks the sets of one half. */
void holders_mark(struct datapath *datapath, uint32_t half);
/* After the flip: removes the entries that the version in force does not have. */
void holders_clean(struct datapath *datapath);

#endif
