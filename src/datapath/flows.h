/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of known flows, seen from user space. */
#ifndef NPCTL_DATAPATH_FLOWS_H
#define NPCTL_DATAPATH_FLOWS_H

#include "store/instance.h"

/*
 * Makes the connections that a namespace already has known on the interface,
 * as flows that nobody has judged: the first packet of either side is judged
 * as the first packet of the connection would be. `guests`: only those that
 * others began, where they are kept apart, for users.
 */
int flows_seed(struct instance *instance, uint32_t ifindex, const char *netns, bool guests);
/*
 * The flows and the tallies of interfaces that are no more; the tables by
 * themselves would forget them only when they are full.
 */
void interfaces_forget(struct instance *instance, const uint32_t *ifindexes, size_t count);

#endif
