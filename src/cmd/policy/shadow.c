// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy shadow, policy promote: a candidate judged on live packets, which decides nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "agent/domains.h"
#include "commit/enforce.h"
#include "commit/shadow.h"
#include "manifest/schema.h"
#include "questions/changes.h"
#include "watch/tallies.h"

const struct option policy_shadow_options[] = {
    {"drop", VALUE_NONE, NULL, "forget the candidate", 0, false},
    {0},
};

const struct option policy_promote_options[] = {
    TENTATIVE_CHANGE_OPTIONS,
    {0},
};

/* In changes.h's form: rules by number, documents by name; a list is its own document. */
static json_t *side_of(const json_t *part)
{
	json_t *rules = json_object(), *documents = json_object(), *array, *rule;
	const char *name;
	size_t i;

	json_array_foreach (json_object_get(part, "rules"), i, rule) {
		char *number = xprintf("%ld", field_number(rule, "id", 0));

		json_object_set(rules, number, rule);
		free(number);
	}
	json_object_foreach ((json_t *)part, name, array)
		if (strcmp(name, "rules") != 0)
			json_object_set(documents, name,
					strncmp(name, "lists/", 6) ? array
								   : json_array_get(array, 0));
	return json_pack("{s:o, s:o}", "rules", rules, "documents", documents);
}

/* What the other side alone has, this one has not. */
static void fill(json_t *side, const json_t *other)
{
	json_t *names, *value;
	const char *part, *name;

	json_object_foreach (side, part, names)
		json_object_foreach (json_object_get(other, part), name, value)
			if (!json_object_get(names, name))
				json_object_set_new(names, name, json_null());
}

static json_t *changes_of(struct instance *instance)
{
	json_t *shadow = document_get(instance, "shadow");
	json_t *before = side_of(json_object_get(shadow, "old"));
	json_t *after = side_of(json_object_get(shadow, "new")), *rows;

	fill(before, after);
	fill(after, before);
	rows = changes_rows(before, after);
	json_decref(before);
	json_decref(after);
	json_decref(shadow);
	return rows;
}

static int show(struct context *context, struct instance *instance)
{
	static const struct column columns[] = {
	    {.key = "would", .paint = paint_verdict},
	    {.key = "count", .title = "PACKETS", .right = true},
	    {.key = "subject"},
	    {.key = "direction"},
	    {.key = "peer"},
	    {.key = "peer_pod", .title = "POD"},
	    {.key = "user"},
	    {.key = "protocol"},
	    {.key = "port", .right = true},
	    {.key = "rule"},
	    {.key = "first"},
	    {.key = "last"},
	};
	json_t *changes = changes_of(instance), *rows = json_array();
	int error = 0;

	if (instance_loaded(instance)) {
		json_decref(rows);
		error = tallies_shadow(instance, &rows);
	}
	if (error) {
		json_decref(changes);
		json_decref(rows);
		return error;
	}
	if (context->out.json) {
		out_json(&context->out,
			 json_pack("{s:o, s:o}", "changes", changes, "differs", rows));
		return 0;
	}
	changes_print(changes);
	json_decref(changes);
	out_table(&context->out, rows, columns, ARRAY_SIZE(columns),
		  "no packet yet would have met another fate");
	return 0;
}

static int no_candidate(void)
{
	fail("there is no candidate");
	return fail_mend("npctl policy allow|deny|apply|delete … --shadow");
}

static int drop(struct context *context)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_WRITE);

	if (error)
		return error;
	if (!shadow_exists(instance))
		error = no_candidate();
	document_put(instance, "shadow", NULL);
	if (!error)
		error = enforce_commit(instance);
	if (!error && !quiet && !context->out.json)
		puts("the candidate is forgotten");
	instance_close(instance);
	return error;
}

int policy_shadow(struct context *context, const struct words *words)
{
	struct instance *instance;
	int error;

	if (word_flag(words, "drop"))
		return drop(context);
	error = instance_open(&instance, context->root, ACCESS_READ);
	if (error)
		return error;
	error = shadow_exists(instance) ? show(context, instance) : no_candidate();
	instance_close(instance);
	return error;
}

int policy_promote(struct context *context, const struct words *words)
{
	struct instance *instance;
	json_t *changes = NULL;
	int error = tentative_words(context, words);

	if (!error)
		error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error)
		return error;
	if (!shadow_exists(instance))
		error = no_candidate();
	if (!error) {
		changes = changes_of(instance);
		error = shadow_take_on(instance);
	}
	if (!error) {
		document_put(instance, "shadow", NULL);
		error = domains_settle(instance);
	}
	if (!error)
		error = enforce_commit(instance);
	if (!error && context->out.json)
		out_json(&context->out, json_incref(changes));
	else if (!error)
		changes_print(changes);
	json_decref(changes);
	instance_close(instance);
	return error;
}
