/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the user said at one time and at another, compared. */
#ifndef NPCTL_QUESTIONS_CHANGES_H
#define NPCTL_QUESTIONS_CHANGES_H

#include <jansson.h>

/*
 * Both sides: {"rules": {"3": RULE or null, …}, "documents": {"lists/x": VALUE or null, …}},
 * with the same names. Rows {"what": "rule 3", "change": "added"|"removed"|"changed",
 * "old", "new"}.
 */
json_t *changes_rows(const json_t *before, const json_t *after);
/* "rule 3 changed: deny …, was allow …"; freed by the caller. */
char *change_text(const json_t *row);

#endif
