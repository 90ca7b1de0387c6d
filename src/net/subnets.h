/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which addresses the pods of a topology have, and which are still free. */
#ifndef NPCTL_NET_SUBNETS_H
#define NPCTL_NET_SUBNETS_H

#include "base/base.h"
#include "base/cidr.h"

struct subnet {
	struct prefix prefix;
	struct address gateway;
	uint32_t next; /* where the search for a free address begins */
};

/* The bridge, or the cable of one pod: who is on it reaches each other without a gateway. */
struct segment {
	struct subnet *subnets;
	size_t count, capacity;
};

struct addressing {
	struct prefix choices[16]; /* where pods without addresses may get some */
	size_t choice_count;
	struct segment bridge;
	struct address *taken;
	size_t taken_count, taken_capacity;
};

bool address_is_taken(const struct addressing *addressing, const struct address *address);
void address_take(struct addressing *addressing, const struct address *address);
/* The next free address of a subnet; fail() when there is none. */
int subnet_allocate(struct addressing *addressing, struct subnet *subnet, struct address *address);

struct subnet *subnet_of(const struct segment *segment, const struct address *address); /* NULL */
struct subnet *subnet_add(struct segment *segment, const struct prefix *prefix);
/* The bridge gets an address in it: the first that no pod has. */
int bridge_add(struct addressing *addressing, const struct prefix *prefix);
/* Makes sure that an address that a manifest gives is on the bridge's link. */
int bridge_cover(struct addressing *addressing, const struct address *address);

#endif
