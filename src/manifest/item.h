/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * JSON values for reading alone: flat, in one pool, many times faster to make
 * than jansson's. The stored documents of a large cluster are read by every
 * change, so this is what a change waits for.
 */
#ifndef NPCTL_MANIFEST_ITEM_H
#define NPCTL_MANIFEST_ITEM_H

#include <jansson.h>
#include "base/content.h"

enum item_kind {
	ITEM_NULL,
	ITEM_FALSE,
	ITEM_TRUE,
	ITEM_NUMBER,
	ITEM_FRACTION, /* its value is of no use to anybody here */
	ITEM_TEXT,
	ITEM_ARRAY,
	ITEM_OBJECT,
};

struct item {
	enum item_kind kind;
	uint32_t count; /* of children */
	const char *key;
	union {
		const char *text;
		int64_t number;
		struct item *children;
	};
};

/* Works in `text` itself, which must outlive the items. -1 when it is no JSON. */
int item_parse(struct pool *pool, char *text, size_t size, struct item *item);
/* The texts remain jansson's. */
void item_from_json(struct pool *pool, const json_t *value, struct item *item);

/* NULL when there is none, or null. */
const struct item *item_get(const struct item *object, const char *name);
const char *item_text(const struct item *object, const char *name, const char *fallback);
long item_number(const struct item *object, const char *name, long fallback);
bool item_true(const struct item *object, const char *name);
/* Of a text itself; "" when it is none. */
const char *item_string(const struct item *item);

static inline uint32_t item_count(const struct item *item)
{
	return item && item->kind >= ITEM_ARRAY ? item->count : 0;
}

static inline const struct item *item_first(const struct item *item)
{
	return item_count(item) ? item->children : NULL;
}

static inline const struct item *item_end(const struct item *item)
{
	return item_count(item) ? item->children + item->count : NULL;
}

#define ITEM_EACH(parent, child)                                                             \
	for (const struct item *child = item_first(parent), *child##_end = item_end(parent); \
	     child < child##_end; child++)

#endif
