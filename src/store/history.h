/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every commit changed, and whose it was, within a bound of memory: the
 * oldest go. An entry says what there was before; what came in its place is
 * what the next one about it says, or what there is now.
 *
 *   {"time": seconds, "uid", "login", "command",
 *    "rules": {"3": RULE or null, …}, "documents": {"lists/x": OLD or null, …},
 *    "others": ["attachments", …], "lost": true}
 *
 * "documents" are the user's own; of the others only the names are kept. "lost":
 * what changed was too much to be kept, or an npctl without history changed it.
 */
#ifndef NPCTL_STORE_HISTORY_H
#define NPCTL_STORE_HISTORY_H

#include <jansson.h>
#include "store/instance.h"

#define HISTORY_BYTES (4u << 20) /* unless somebody says otherwise */

/* Notes what differs from what is in force, as the entry of the next version. FAILED. */
int history_note(struct instance *instance);

uint64_t history_limit(const struct instance *instance);
/* In force with the next commit, as all else is. 0: keeps none. */
int history_set_limit(struct instance *instance, uint64_t bytes);

/* The user's own: what a rollback brings back. */
bool history_is_users(const char *document);

/*
 * Calls back for each entry, the newest first, until one call returns non-zero, and returns
 * that. `after` has what came of its rules and documents, as the entry has what there was.
 */
typedef int history_callback(uint32_t version, const json_t *entry, const json_t *after,
			     void *data);
int history_each(struct instance *instance, history_callback *callback, void *data);

/*
 * What has to be put in the place of what there is now to have what there was in that version:
 * {"rules", "documents"} as above. fail() when that is not known.
 */
int history_past(struct instance *instance, uint32_t version, json_t **past);

#endif
