/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML documents as JSON values, with the line of each. */
#ifndef NPCTL_MANIFEST_YAML_H
#define NPCTL_MANIFEST_YAML_H

#include <jansson.h>
#include <stddef.h>

/* Which line a value stands in, by its address. */
struct value_lines {
	struct value_line {
		const json_t *value;
		unsigned int line;
	} * slots;
	size_t count, capacity;
};

void value_lines_put(struct value_lines *lines, const json_t *value, unsigned int line);
unsigned int value_lines_get(const struct value_lines *lines, const json_t *value); /* 0 */
void value_lines_clear(struct value_lines *lines); /* the values are gone */
void value_lines_free(struct value_lines *lines);

/* Takes over the document; stops at a non-zero return. */
typedef int (*yaml_document)(void *data, json_t *document, unsigned int line);

int yaml_read(const char *path, const char *text, size_t size, struct value_lines *lines,
	      yaml_document take, void *data);

#endif
