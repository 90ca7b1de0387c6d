/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a change would do beside verdicts (reach.h): to open connections, and to rules. */
#ifndef NPCTL_QUESTIONS_IMPACT_H
#define NPCTL_QUESTIONS_IMPACT_H

#include <jansson.h>
#include "model/model.h"

/*
 * Takes over rows as `stat flows` has them; returns those whose verdict changes, with
 * "effect", "cut" or "let in", and the "verdict" and "rule" that will be.
 */
json_t *impact_flows(const struct plan *before, const struct plan *after, json_t *flows);
/*
 * Rows as lint.h has them, of rules that never decide anything, and did before or were not
 * there. All pods of both models become subjects.
 */
int impact_dead(struct model *before, struct model *after, json_t **rows);

#endif
