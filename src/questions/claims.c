// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "questions/claims.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/base.h"
#include "base/read_file.h"
#include "manifest/schema.h"
#include "manifest/yaml.h"

/* All documents of the file, their lists put together. */
static int take_list(void *data, json_t *document, unsigned int line)
{
	json_t *all = data;

	(void)line;
	if (json_is_array(document))
		json_array_extend(all, document);
	else if (json_is_array(field_get(document, "assertions")))
		json_array_extend(all, field_get(document, "assertions"));
	else if (!json_is_null(document))
		json_array_append(all, document);
	json_decref(document);
	return 0;
}

int claims_read(const char *path, json_t **claims)
{
	struct value_lines *lines;
	size_t size;
	char *text;
	int result;

	if (file_read(path, &text, &size))
		return FAILED;
	lines = xalloc(sizeof(*lines));
	*claims = json_array();
	result = yaml_read(path, text, size, lines, take_list, *claims);
	if (!result && !json_array_size(*claims))
		result = fail("%s: holds no assertions", path);
	if (result)
		json_decref(*claims);
	value_lines_free(lines);
	free(text);
	return result;
}

char *witness_text(const json_t *witness)
{
	return xprintf("%s to %s %s/%lld: %s", field_text(witness, "from", ""),
		       field_text(witness, "to", ""), field_text(witness, "protocol", ""),
		       (long long)json_integer_value(json_object_get(witness, "port")),
		       field_text(witness, "verdict", ""));
}

const char *witness_rule(const json_t *witness, const char *side)
{
	return field_text(json_object_get(witness, side), "rule", NULL);
}

void witness_print(const json_t *witness)
{
	static const char *const sides[] = {"egress", "ingress"};
	char *text = witness_text(witness);

	if (witness)
		printf("       %s\n", text);
	for (size_t i = 0; witness && i < ARRAY_SIZE(sides); i++)
		if (witness_rule(witness, sides[i]))
			printf("       %s: %s\n", sides[i], witness_rule(witness, sides[i]));
	free(text);
}
