/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a verdict is what it is: every rule that could have had a say. */
#ifndef NPCTL_QUESTIONS_EXPLAIN_H
#define NPCTL_QUESTIONS_EXPLAIN_H

#include <jansson.h>
#include "questions/matrix.h"

/*
 * One side of a probe: {"verdict", "tier", "policy", "rule", "peer" (the peer of
 * the rule that matched), "why", "lost": [rules that matched, too], "near": [rules
 * that allow but for the peer or the port], "advice"}; null where nothing judges.
 */
json_t *explain_side(const struct model *model, const struct plan *plan,
		     const struct matrix_probe *probe, enum direction direction);

/* The policies, by name, that select the pod: rows {"policy", "kind", "tier", "direction",
 * "because"}. */
json_t *policies_of_pod(const struct model *model, const struct pod *pod);

#endif
