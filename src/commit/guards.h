/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Claims that every commit is proved against before it is in force. The document
 * "guards" is an array of {"name", "then": "alarm"|"hold", "claims": [as reach.h has them],
 * "broken": [those that are broken with our knowledge]}.
 */
#ifndef NPCTL_COMMIT_GUARDS_H
#define NPCTL_COMMIT_GUARDS_H

#include "compile/compile.h"
#include "store/instance.h"

/* Somebody else's words are committed, a cluster's or a container runtime's. */
void guards_for_others(void);
bool guards_exist(struct instance *instance);
/* Where in the document the guard of that name stands; its size when there is none. */
size_t guard_place(const json_t *guards, const char *name);
/*
 * FAILED with the counterexample when a claim that held would not any more. In the
 * words of others, a guard that says "alarm" lets it go on with a warning, and notes it.
 */
int guards_check(struct instance *instance, struct model *model, const struct plan *plan);
/* Rows {"guard", "then", "claim", "holds", "counterexample", "problem": why it is not asked}. */
json_t *guards_rows(struct instance *instance, struct model *model, const struct plan *plan);

#endif
