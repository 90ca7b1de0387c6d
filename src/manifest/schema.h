/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the API server would say of an object, before anything is read from it. */
#ifndef NPCTL_MANIFEST_SCHEMA_H
#define NPCTL_MANIFEST_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The line of a value, 0 when unknown; manifest.c knows while it reads. */
typedef unsigned int (*schema_line)(const void *data, const json_t *value);

struct schema_place {
	const char *where; /* "file.yml:12" */
	schema_line line;  /* may be NULL */
	const void *data;
};

/* An object of a kind that npctl knows: 0 or FAILED with one sentence; unknown fields warn. */
int schema_check(const json_t *object, const struct schema_place *place);

/* In some API version. */
bool schema_knows(const char *kind);

bool schema_is_dns_label(const char *text);
bool schema_is_dns_subdomain(const char *text);
bool schema_is_label_key(const char *text);
bool schema_is_label_value(const char *text);

/* null counts as missing. */
json_t *field_get(const json_t *object, const char *name);
const char *field_text(const json_t *object, const char *name, const char *fallback);
long field_number(const json_t *object, const char *name, long fallback);

#endif
