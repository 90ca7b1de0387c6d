/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test assert: what shall hold of manifests, proved or refuted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/test/probes.h"
#include "cmd/test/test.h"
#include "manifest/manifest.h"
#include "questions/reach.h"
#include "base/read_file.h"
#include "manifest/schema.h"
#include "manifest/yaml.h"

const struct option test_assert_options[] = {
    {"file", VALUE_FILE, "FILE", "manifests: a file, a directory, - (may repeat)", 'f', true},
    {"rules", VALUE_FILE, "FILE", "what shall hold: a list in YAML or JSON (may repeat)", 'r',
     true},
    {0},
};

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

static int read_rules(const char *path, json_t **rules)
{
	struct value_lines *lines;
	size_t size;
	char *text;
	int result;

	if (file_read(path, &text, &size))
		return FAILED;
	lines = xalloc(sizeof(*lines));
	*rules = json_array();
	result = yaml_read(path, text, size, lines, take_list, *rules);
	if (!result && !json_array_size(*rules))
		result = fail("%s: holds no assertions", path);
	if (result)
		json_decref(*rules);
	value_lines_free(lines);
	free(text);
	return result;
}

static int prove_file(struct model *model, const struct plan *plan, const char *path, json_t *all)
{
	json_t *rules, *rows;
	int result = read_rules(path, &rules);

	if (result)
		return result;
	result = prove(model, plan, rules, path, &rows);
	if (!result) {
		json_array_extend(all, rows);
		json_decref(rows);
	}
	json_decref(rules);
	return result;
}

static void show_row(struct context *context, const json_t *row)
{
	const json_t *witness = json_object_get(row, "counterexample");
	bool holds = json_is_true(json_object_get(row, "holds"));
	static const char *const sides[] = {"egress", "ingress"};

	printf("%s  %s\n", painted(&context->out, holds ? GREEN : RED, holds ? "holds" : "FAILS"),
	       field_text(row, "rule", ""));
	if (!witness)
		return;
	printf("       %s to %s %s/%lld: %s\n", field_text(witness, "from", ""),
	       field_text(witness, "to", ""), field_text(witness, "protocol", ""),
	       (long long)json_integer_value(json_object_get(witness, "port")),
	       field_text(witness, "verdict", ""));
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++)
		if (json_is_object(json_object_get(witness, sides[i])))
			printf("       %s: %s\n", sides[i],
			       field_text(json_object_get(witness, sides[i]), "rule", ""));
}

static int show(struct context *context, json_t *rows)
{
	size_t index, failed = 0;
	json_t *row;

	json_array_foreach (rows, index, row) {
		failed += !json_is_true(json_object_get(row, "holds"));
		if (!context->out.json)
			show_row(context, row);
	}
	out_json(&context->out, rows);
	return failed ? REPORTED : 0;
}

int test_assert(struct context *context, const struct words *words)
{
	struct model *model;
	struct plan *plan = NULL;
	const char *path;
	json_t *rows;
	int result;

	if (!word_value(words, "rules"))
		return misuse("what shall hold? --rules FILE");
	result = manifests_model(words, "file", &model, NULL);
	if (result)
		return result;
	rows = json_array();
	model_give_addresses(model, false);
	model_subjects_add_all(model);
	result = plan_compile(model, &plan);
	for (size_t i = 0; !result && (path = word_nth(words, "rules", i)); i++)
		result = prove_file(model, plan, path, rows);
	if (!result)
		result = show(context, rows);
	else
		json_decref(rows);
	plan_free(plan);
	model_free(model);
	return result;
}
