// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy guard: claims that stay with the policy, and that every change is proved against. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/policy/policy.h"
#include "commit/enforce.h"
#include "commit/guards.h"
#include "manifest/schema.h"
#include "questions/claims.h"

const struct option policy_guard_options[] = {
    {"name", VALUE_TEXT, "NAME", "what the guard is called (default: after FILE)", 0, false},
    {"hold", VALUE_NONE, NULL, "hold back what a cluster says, too, instead of an alarm", 0, false},
    {0},
};

/* "rules/db.yml" is db. */
static char *name_of(const char *path)
{
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	size_t length = strcspn(base, ".");

	return xprintf("%.*s", (int)length, base);
}

static int put(const struct words *words, json_t *guards, const char *path)
{
	const char *given = word_value(words, "name");
	char *name = given ? xstrdup(given) : name_of(path);
	json_t *claims = NULL, *guard;
	size_t place = guard_place(guards, name);
	int error = 0;

	if (!*name || !strcmp(name, "-"))
		error = misuse("what is it called? --name NAME");
	if (!error)
		error = claims_read(path, &claims);
	if (!error) {
		guard = json_pack("{s:s, s:s, s:I, s:o}", "name", name, "then",
				  word_flag(words, "hold") ? "hold" : "alarm", "since",
				  (json_int_t)time(NULL), "claims", claims);
		if (place < json_array_size(guards))
			json_array_set_new(guards, place, guard);
		else
			json_array_append_new(guards, guard);
	}
	free(name);
	return error;
}

static int take(json_t *guards, const char *name)
{
	size_t place = guard_place(guards, name);

	if (place == json_array_size(guards))
		return fail("there is no guard \"%s\"", name);
	json_array_remove(guards, place);
	return 0;
}

/* Of all guards, by what the instance says now. */
static int prove_all(struct instance *instance, json_t **rows)
{
	struct model *model;
	struct plan *plan = NULL;
	int error = enforce_model(instance, &model);

	if (error)
		return error;
	error = plan_compile(model, &plan);
	if (!error)
		*rows = guards_rows(instance, model, plan);
	plan_free(plan);
	model_free(model);
	return error;
}

/* Claims that cannot be read are refused now: later they are not asked. */
static int check_readable(struct instance *instance)
{
	json_t *rows, *row;
	int error = prove_all(instance, &rows);
	size_t i;

	if (error)
		return error;
	json_array_foreach (rows, i, row)
		if (!error && json_object_get(row, "problem"))
			error = fail("%s", field_text(row, "problem", ""));
	json_decref(rows);
	return error;
}

static int change(struct context *context, const struct words *words, bool add)
{
	struct instance *instance;
	json_t *guards;
	int error;

	if (words->count < 2)
		return misuse("policy guard %s: which?", add ? "add" : "delete");
	if (add && words->count > 2 && word_value(words, "name"))
		return misuse("--name is for one file");
	error = instance_open(&instance, context->root, add ? ACCESS_CREATE : ACCESS_WRITE);
	if (error)
		return error;
	guards = document_array(instance, "guards");
	for (int i = 1; i < words->count && !error; i++)
		error = add ? put(words, guards, words->word[i]) : take(guards, words->word[i]);
	if (!error) {
		document_put(instance, "guards",
			     json_array_size(guards) ? json_incref(guards) : NULL);
		error = add ? check_readable(instance) : 0;
	}
	if (!error)
		error = enforce_commit(instance);
	if (!error && add && !quiet && !context->out.json)
		puts("every change is proved against it from now on");
	json_decref(guards);
	instance_close(instance);
	return error;
}

static int list(struct context *context)
{
	static const struct column columns[] = {{.key = "guard"},
						{.key = "then", .title = "CLUSTER"},
						{.key = "claims", .right = true},
						{.key = "broken", .right = true}};
	struct instance *instance;
	json_t *guards, *guard, *rows = json_array();
	int error = instance_open(&instance, context->root, ACCESS_TRY);
	size_t i;

	if (error)
		return error;
	guards = instance ? document_array(instance, "guards") : json_array();
	json_array_foreach (guards, i, guard)
		json_array_append_new(
		    rows, json_pack("{s:O, s:O, s:I, s:I}", "guard", json_object_get(guard, "name"),
				    "then", json_object_get(guard, "then"), "claims",
				    (json_int_t)json_array_size(json_object_get(guard, "claims")),
				    "broken",
				    (json_int_t)json_array_size(json_object_get(guard, "broken"))));
	out_table(&context->out, rows, columns, ARRAY_SIZE(columns), "no guards");
	json_decref(guards);
	instance_close(instance);
	return 0;
}

static void row_show(const struct out *out, const json_t *row)
{
	const char *problem = field_text(row, "problem", NULL);
	bool holds = json_is_true(json_object_get(row, "holds"));
	char *claim = json_dumps(json_object_get(row, "claim"), JSON_SORT_KEYS);

	printf("%s  %s  %s\n",
	       problem ? painted(out, YELLOW, "not asked")
		       : painted(out, holds ? GREEN : RED, holds ? "holds" : "FAILS"),
	       field_text(row, "guard", ""), problem ? problem : claim);
	witness_print(json_object_get(row, "counterexample"));
	free(claim);
}

static int check(struct context *context)
{
	struct instance *instance;
	json_t *rows, *row;
	size_t i, failed = 0;
	int error = instance_open(&instance, context->root, ACCESS_READ);

	if (error)
		return error;
	error = prove_all(instance, &rows);
	instance_close(instance);
	if (error)
		return error;
	json_array_foreach (rows, i, row) {
		failed += !json_is_true(json_object_get(row, "holds"));
		if (!context->out.json)
			row_show(&context->out, row);
	}
	if (!json_array_size(rows) && !context->out.json)
		puts("no guards");
	out_json(&context->out, rows);
	return failed ? REPORTED : 0;
}

int policy_guard(struct context *context, const struct words *words)
{
	const char *what = words->count ? words->word[0] : "";

	if (!strcmp(what, "add") || !strcmp(what, "delete"))
		return change(context, words, *what == 'a');
	if (word_value(words, "name") || word_flag(words, "hold"))
		return misuse("--name and --hold go with policy guard add");
	if (!words->count)
		return list(context);
	if (strcmp(what, "check") != 0 || words->count > 1)
		return misuse("policy guard: expected add FILE, delete NAME or check");
	return check(context);
}
