/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tc has on an interface, by netlink. */
#ifndef NPCTL_ATTACH_ATTACH_TC_H
#define NPCTL_ATTACH_ATTACH_TC_H

#include "base/base.h"

enum qdisc { QDISC_NONE, QDISC_INGRESS, QDISC_CLSACT };

struct qdiscs { /* interfaces that have either */
	struct qdisc_row {
		int ifindex;
		enum qdisc kind;
	} * row;
	size_t count, capacity;
};

struct filter {
	uint32_t handle, id; /* id 0: classic BPF, or no BPF at all */
	uint16_t priority;
	bool direct;  /* direct-action */
	bool actions; /* of its own */
	char kind[16], name[64];
};

struct filters { /* in the order in which packets meet them */
	struct filter *filter;
	size_t count, capacity;
};

int qdiscs_list(struct qdiscs *qdiscs);
enum qdisc qdisc_of(const struct qdiscs *qdiscs, int ifindex);
int filters_list(int ifindex, bool egress, struct filters *filters);

#endif
