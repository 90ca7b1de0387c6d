/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses to identities: the plan's bounds as the index and runs of one half. */
#ifndef NPCTL_DATAPATH_PEERS_H
#define NPCTL_DATAPATH_PEERS_H

#include "datapath/sets.h"
#include "compile/plan.h"

/* Marks what the given half uses. */
void peers_mark(struct datapath *datapath, uint32_t half);

/*
 * Writes the idle half for both families. What the half in force has word for
 * word is shared with it, unless all is to be written `anew`.
 */
int peers_write(struct datapath *datapath, const struct plan *plan, const uint32_t *identity,
		uint32_t idle, bool anew);

struct range4 {
	uint32_t first, last;
};

struct range6 {
	uint64_t high, low, last_high, last_low;
};

/* A change of some ranges; the plan need not be right beyond them. */
struct peers_patch {
	struct datapath *datapath;
	const struct plan *plan;
	const uint32_t *identity;     /* of each class that is met there */
	struct spans *freed, *freed6; /* what is replaced is added */
};

/* The idle half becomes what is in force; then ranges of it change. */
void peers_copy(struct datapath *datapath);
int peers_patch4(const struct peers_patch *patch, struct range4 range);
int peers_patch6(const struct peers_patch *patch, struct range6 range);

#endif
