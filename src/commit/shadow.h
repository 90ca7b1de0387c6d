/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The candidate: what is judged beside what is in force, and decides nothing. The
 * document "shadow" is {"old": {NAME: [VALUE, …], …}, "new": {…}}: which elements of
 * the documents NAME, "rules" among them, it takes away and which it adds.
 */
#ifndef NPCTL_COMMIT_SHADOW_H
#define NPCTL_COMMIT_SHADOW_H

#include "model/model.h"
#include "store/instance.h"

/*
 * Instances that are opened from here on for writing have their documents as the candidate
 * does, in memory, and what is committed becomes the candidate; or no longer.
 */
void shadow_begin(void);
void shadow_end(void);
bool shadow_is_meant(void);

bool shadow_exists(struct instance *instance);
/* All documents as the candidate has them, in memory. */
int shadow_take_on(struct instance *instance);
/* What differs from what is in force becomes the candidate; the rest is as it is in force. */
int shadow_put(struct instance *instance);
/* The commit to come changes it. */
bool shadow_changes(struct instance *instance);
/* Objects of a document in force, each on its sides; false: the candidate leaves it alone. */
bool shadow_add_document(const json_t *shadow, struct model *model, const char *name, char *text,
			 size_t size, int *error);
/* What the candidate adds, to its side alone. */
int shadow_add_new(const json_t *shadow, struct model *model);

#endif
