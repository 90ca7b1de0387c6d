/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses to identities: the plan's bounds as the index and runs of one half. */
#ifndef NPCTL_KERNEL_PEERS_H
#define NPCTL_KERNEL_PEERS_H

#include "kernel/datapath.h"
#include "policy/plan.h"

/* Marks what the given half uses. */
void peers_mark(struct datapath *datapath, uint32_t half);

/*
 * Writes the idle half for both families. What the half in force has word for
 * word is shared with it, unless all is to be written `anew`.
 */
int peers_write(struct datapath *datapath, const struct plan *plan, const uint32_t *identity,
		uint32_t idle, bool anew);

#endif
