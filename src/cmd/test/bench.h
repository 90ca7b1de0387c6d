/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of `npctl test bench`. */
#ifndef NPCTL_CMD_TEST_BENCH_H
#define NPCTL_CMD_TEST_BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include "base/cidr.h"

#define BENCH_SAMPLES 65536

/* As lists of countries look; `samples` (or NULL): addresses, every other one in them. */
struct prefix *bench_prefixes(size_t count, uint32_t *samples);
char *bench_prefixes_text(const struct prefix *prefixes, size_t count);
uint32_t bench_median(uint32_t *values, size_t count); /* sorts them */

/*
 * Real connects on the loopback of a namespace of its own, from cgroups with
 * and without policy: rows {"connect", "policy", "ns", "over_none_ns"}.
 */
int bench_connects(bool quick, json_t **rows);

/*
 * Real packets of one connection in a room of its own, through the programs for
 * pods and for users alike: rows {"packet", "program", "ns", "times_pod"}.
 */
int bench_users(bool quick, json_t **rows);

#endif
