/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects as the documents keep them: in arrays, each kind and namespace its own. */
#ifndef NPCTL_MANIFEST_KEPT_H
#define NPCTL_MANIFEST_KEPT_H

#include <jansson.h>
#include <stdbool.h>

enum object_change { OBJECT_CREATED, OBJECT_CONFIGURED, OBJECT_UNCHANGED };

/* "policies/NS", "pods/NS", "namespaces" …; NULL for what is not kept. Freed by the caller. */
char *object_document(const json_t *object);
bool object_is_policy(const json_t *object);
/* "ns/name", or "name" of a cluster's; freed by the caller. */
char *object_title(const json_t *object);
/* What matters of it, with its namespace spelled out. A new reference. */
json_t *object_slim(const json_t *object);

/* Takes over `object`. Its field "since" does not count as a change. */
enum object_change objects_put(json_t *array, json_t *object);
/* The object of the same kind and name; borrowed, NULL. */
json_t *objects_find(const json_t *array, const json_t *like);
bool objects_remove(json_t *array, const json_t *like);

#endif
