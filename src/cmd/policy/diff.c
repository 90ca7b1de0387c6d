/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy diff: what changes between two sets of manifests, all of it; or between versions. */
#include "cmd/test/probes.h"
#include "cmd/policy/policy.h"
#include "questions/reach.h"

const struct option policy_diff_options[] = {{0}};

static int read_side(const char *path, struct model **model, struct plan **plan)
{
	int result;

	*plan = NULL;
	*model = model_new();
	result = model_read(*model, path);
	if (result)
		return result;
	model_give_addresses(*model, false);
	model_subjects_add_all(*model);
	return plan_compile(*model, plan);
}

void verdicts_show(const struct out *out, json_t *rows)
{
	static const struct column columns[] = {
	    {.key = "from"},
	    {.key = "to"},
	    {.key = "ports"},
	    {.key = "old", .paint = paint_verdict},
	    {.key = "new", .paint = paint_verdict},
	    {.key = "rule"},
	};

	out_table(out, rows, columns, ARRAY_SIZE(columns), "no verdict changes");
}

int policy_diff(struct context *context, const struct words *words)
{
	struct model *models[2] = {NULL, NULL};
	struct plan *plans[2] = {NULL, NULL};
	json_t *rows;
	bool changed = false;
	int result;

	if (word_is_version(words->word[0]))
		return past_diff(context, words);
	if (words->count < 2)
		return misuse("two sets of manifests, or the number of a version");
	result = read_side(words->word[0], &models[0], &plans[0]);
	if (!result)
		result = read_side(words->word[1], &models[1], &plans[1]);
	if (!result) {
		rows = reach_diff(models[0], plans[0], models[1], plans[1]);
		changed = json_array_size(rows) > 0;
		verdicts_show(&context->out, rows);
	}
	for (int i = 0; i < 2; i++) {
		plan_free(plans[i]);
		model_free(models[i]);
	}
	return result ? result : changed ? REPORTED : 0;
}
