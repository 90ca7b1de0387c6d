/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a domain name stands for, and for how long. */
#ifndef NPCTL_NET_RESOLVE_H
#define NPCTL_NET_RESOLVE_H

#include <stddef.h>
#include "base/cidr.h"

struct resolved {
	struct address *address; /* of both families, each once; freed by the caller */
	size_t count, capacity;
	uint32_t lifetime; /* of the shortest-lived record, in seconds */
};

/*
 * By /etc/hosts where that has the name, else by the name servers that
 * /etc/resolv.conf says; the name is complete, no search list is tried. Fails
 * unless both families were answered: half an answer would take addresses away.
 */
int resolve(const char *name, struct resolved *resolved);

#endif
