/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A limit on what leaves by an interface: a token bucket (tc-tbf(8)). */
#ifndef NPCTL_NET_SHAPE_H
#define NPCTL_NET_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

struct nl_sock;

struct shape {
	uint64_t rate, burst; /* bits per second, bits; 0: no limit */
};

int shape_set(struct nl_sock *links, int ifindex, const struct shape *shape);
/* The interface has a bucket of that rate. */
int shape_is_set(struct nl_sock *links, int ifindex, const struct shape *shape, bool *set);

#endif
