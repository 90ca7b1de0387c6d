/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pods' addresses hidden behind the node's for what leaves it: one nftables
 * table of npctl's own, replaced as a whole, so that nobody else's rules are
 * touched. Needs to be called in turn; who calls holds the instance's lock.
 */
#ifndef NPCTL_NET_MASQUERADE_H
#define NPCTL_NET_MASQUERADE_H

#include <stddef.h>
#include "base/cidr.h"

struct masquerade {
	const struct prefix *sources; /* whose packets are hidden */
	size_t source_count;
	const struct prefix *excepts; /* not on the way to these */
	size_t except_count;
};

/* Without sources the table goes. */
int masquerade_set(const char *table, const struct masquerade *masquerade);
/* The table is there. */
bool masquerade_is_set(const char *table);

#endif
