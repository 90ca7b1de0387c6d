/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test assert: what shall hold of manifests, proved or refuted. */
#include <stdio.h>
#include <stdlib.h>
#include "cmd/test/probes.h"
#include "cmd/test/test.h"
#include "manifest/manifest.h"
#include "questions/claims.h"
#include "questions/reach.h"
#include "manifest/schema.h"

const struct option test_assert_options[] = {
    {"file", VALUE_FILE, "FILE", "manifests: a file, a directory, - (may repeat)", 'f', true},
    {"rules", VALUE_FILE, "FILE", "what shall hold: a list in YAML or JSON (may repeat)", 'r',
     true},
    {0},
};

static int prove_file(struct model *model, const struct plan *plan, const char *path, json_t *all)
{
	json_t *rules, *rows;
	int result = claims_read(path, &rules);

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
	bool holds = json_is_true(json_object_get(row, "holds"));

	printf("%s  %s\n", painted(&context->out, holds ? GREEN : RED, holds ? "holds" : "FAILS"),
	       field_text(row, "rule", ""));
	witness_print(json_object_get(row, "counterexample"));
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
