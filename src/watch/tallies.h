/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was denied, and what sockets were told, with nobody looking. */
#ifndef NPCTL_WATCH_TALLIES_H
#define NPCTL_WATCH_TALLIES_H

#include "store/instance.h"

/*
 * {"count", "subject", "direction", "peer", "peer_pod", "protocol", "port", "uid", "user", "why",
 *  "reason", "tier", "rule", "rule_number", "first", "first_seconds", "last", "last_seconds"}: the
 * latest first; peer "others" stands for those beyond a subject's share of the table.
 */
int tallies_drops(struct instance *instance, json_t **rows);
/*
 * {"subject", "peer", "peer_pod", "protocol", "port", "uid", "user", "allowed", "denied", "last",
 *  "last_seconds"}
 */
int tallies_destinations(struct instance *instance, json_t **rows);
/* The same for what the candidate would decide otherwise: with "would", "allow" or "deny". */
int tallies_shadow(struct instance *instance, json_t **rows);
int tallies_clear(struct instance *instance);

#endif
