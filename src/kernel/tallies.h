/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was denied, and what sockets were told, with nobody looking. */
#ifndef NPCTL_KERNEL_TALLIES_H
#define NPCTL_KERNEL_TALLIES_H

#include "kernel/instance.h"

/*
 * {"count", "subject", "direction", "peer", "peer_pod", "protocol", "port", "uid", "reason",
 *  "rule", "first_seconds", "last_seconds"}: the latest first; peer "others" stands for those
 * beyond a subject's share of the table.
 */
int tallies_drops(struct instance *instance, json_t **rows);
/* {"subject", "peer", "peer_pod", "protocol", "port", "allowed", "denied", "last_seconds"} */
int tallies_destinations(struct instance *instance, json_t **rows);
int tallies_clear(struct instance *instance);

#endif
