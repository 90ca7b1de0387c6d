// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy rollback, and others about versions that were: what the user said then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/confirm.h"
#include "cmd/policy/policy.h"
#include "agent/domains.h"
#include "commit/enforce.h"
#include "manifest/schema.h"
#include "model/rule.h"
#include "questions/changes.h"
#include "store/history.h"

const struct option policy_rollback_options[] = {TENTATIVE_OPTIONS, {0}};

bool word_is_version(const char *word)
{
	return *word && !word[strspn(word, "0123456789")];
}

int version_of_word(const char *word, uint32_t *version)
{
	unsigned long long number = strtoull(word, NULL, 10);

	if (!word_is_version(word) || number > UINT32_MAX)
		return misuse("\"%s\" is not the number of a version", word);
	*version = (uint32_t)number;
	return 0;
}

/* What there is now of what `past` names. */
static json_t *present_of(struct instance *instance, const json_t *past)
{
	json_t *rules = json_object(), *documents = json_object(), *value;
	const char *name;

	json_object_foreach (json_object_get(past, "rules"), name, value) {
		value = rule_store_get(&instance->rules, strtol(name, NULL, 10));
		json_object_set_new(rules, name, value ? value : json_null());
	}
	json_object_foreach (json_object_get(past, "documents"), name, value) {
		value = document_get(instance, name);
		json_object_set_new(documents, name, value ? value : json_null());
	}
	return json_pack("{s:o, s:o}", "rules", rules, "documents", documents);
}

/* Names that the other has and `past` lacks did not change since. */
static void complete(json_t *past, const json_t *present)
{
	static const char *const parts[] = {"rules", "documents"};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		json_object_update_missing(json_object_get(past, parts[i]),
					   json_object_get(present, parts[i]));
}

/* Two versions, or one and what there is now. */
int past_diff(struct context *context, const struct words *words)
{
	static const struct column columns[] = {
	    {.key = "what"}, {.key = "change"}, {.key = "text"}};
	json_t *past[2] = {NULL, NULL}, *present[2] = {NULL, NULL}, *rows = NULL, *row;
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_READ);
	uint32_t version[2];
	size_t i;

	version[1] = error ? 0 : instance->settings->version;
	for (i = 0; i < 2 && !error; i++) {
		if ((int)i < words->count)
			error = version_of_word(words->word[i], &version[i]);
		if (!error)
			error = history_past(instance, version[i], &past[i]);
		if (!error)
			present[i] = present_of(instance, past[i]);
	}
	if (!error) {
		complete(past[0], present[1]);
		complete(past[1], present[0]);
		rows = changes_rows(past[0], past[1]);
		json_array_foreach (rows, i, row) {
			char *text = change_text(row);
			const char *colon = strstr(text, ": ");

			if (colon)
				json_object_set_new(row, "text", out_string(colon + 2));
			free(text);
		}
		error = json_array_size(rows) ? REPORTED : 0;
		out_table(&context->out, rows, columns, ARRAY_SIZE(columns), "nothing changed");
	}
	for (i = 0; i < 2; i++) {
		json_decref(past[i]);
		json_decref(present[i]);
	}
	instance_close(instance);
	return error;
}

/* A number may have been another rule's; what makes two the same must not meet. */
static bool is_in_the_way(const json_t *now, const json_t *then)
{
	struct signature one, two;

	if (json_is_null(now) || json_is_null(then))
		return json_is_null(then);
	one = line_sameness(now);
	two = line_sameness(then);
	return !signature_equal(&one, &two);
}

static int rules_restore(struct instance *instance, const json_t *now, const json_t *then)
{
	struct rule_store *rules = instance_rules(instance);
	const char *number;
	json_t *rule;
	int error = rules ? 0 : FAILED;

	json_object_foreach ((json_t *)then, number, rule)
		if (!error && is_in_the_way(json_object_get(now, number), rule))
			rule_store_remove(rules, strtol(number, NULL, 10));
	json_object_foreach ((json_t *)then, number, rule)
		if (!error && !json_is_null(rule))
			error = rule_store_set(rules, rule);
	return error;
}

static int restore(struct instance *instance, const json_t *now, const json_t *then)
{
	json_t *documents = json_object_get(then, "documents"), *value;
	json_t *endpoints = json_object_get(documents, "endpoints"), *rows;
	const char *name;
	int error =
	    rules_restore(instance, json_object_get(now, "rules"), json_object_get(then, "rules"));

	json_object_foreach (documents, name, value)
		document_put(instance, name, json_is_null(value) ? NULL : json_incref(value));
	if (!error)
		error = domains_settle(instance);
	if (!error)
		error = enforce_commit(instance);
	if (error || !endpoints)
		return error;
	rows = json_array();
	error = endpoints_attach(instance, rows);
	endpoints_warn(instance);
	json_decref(rows);
	return error;
}

static int last_own(uint32_t version, const json_t *entry, const json_t *after, void *data)
{
	(void)after;
	if (!json_object_get(entry, "lost") && !json_object_size(json_object_get(entry, "rules")) &&
	    !json_object_size(json_object_get(entry, "documents")))
		return 0;
	*(uint32_t *)data = version - 1;
	return 1;
}

/* Before the last change that was the user's own. */
static int version_before_last(struct instance *instance, uint32_t *version)
{
	int found = history_each(instance, last_own, version);

	if (found)
		return found < 0 ? found : 0;
	return fail("there is nothing to go back to: history knows of no change");
}

void changes_print(const json_t *changes)
{
	json_t *change;
	size_t i;

	json_array_foreach ((json_t *)changes, i, change) {
		char *text = change_text(change);

		if (!quiet)
			puts(text);
		free(text);
	}
}

static void say(struct context *context, json_t *changes, uint32_t then, uint32_t now)
{
	if (context->out.json) {
		out_json(&context->out,
			 json_pack("{s:I, s:I, s:o}", "version", (json_int_t)now, "restored",
				   (json_int_t)then, "changes", changes));
		return;
	}
	changes_print(changes);
	if (!quiet && json_array_size(changes))
		printf("version %u: as after version %u\n", now, then);
	else if (!quiet)
		printf("nothing differs from version %u\n", then);
	json_decref(changes);
}

int policy_rollback(struct context *context, const struct words *words)
{
	json_t *then = NULL, *now = NULL, *changes = NULL;
	struct instance *instance;
	bool waited = false;
	uint32_t version = 0;
	int error = tentative_words(context, words);

	if (!error && !words->count)
		error = confirm_take_back(context, &waited);
	if (error || waited)
		return error;
	error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (!error)
		error = words->count ? version_of_word(words->word[0], &version)
				     : version_before_last(instance, &version);
	if (!error)
		error = history_past(instance, version, &then);
	if (!error) {
		now = present_of(instance, then);
		changes = changes_rows(now, then);
		error = json_array_size(changes) ? restore(instance, now, then) : 0;
	}
	if (!error)
		say(context, json_incref(changes), version, instance->settings->version);
	instance_close(instance);
	json_decref(changes);
	json_decref(now);
	json_decref(then);
	return error;
}

/* All rules as they were: an array as model/rule.h has it. */
static json_t *rules_at(struct instance *instance, const json_t *then)
{
	json_t *all = rule_store_all(&instance->rules), *rules = json_array(), *rule;
	const char *number;
	size_t i;

	json_array_foreach (all, i, rule) {
		char *own = xprintf("%ld", field_number(rule, "id", 0));

		if (!json_object_get(then, own))
			json_array_append(rules, rule);
		free(own);
	}
	json_object_foreach ((json_t *)then, number, rule)
		if (!json_is_null(rule))
			json_array_append(rules, rule);
	json_decref(all);
	return rules;
}

int past_model(struct instance *instance, const char *word, struct model **model)
{
	json_t *then, *rules, *value;
	const char *name;
	uint32_t version;
	int error = version_of_word(word, &version);

	if (!error)
		error = history_past(instance, version, &then);
	if (error)
		return error;
	/* this run's only: nothing is committed */
	json_object_foreach (json_object_get(then, "documents"), name, value)
		document_put(instance, name, json_is_null(value) ? NULL : json_incref(value));
	rules = rules_at(instance, json_object_get(then, "rules"));
	error = enforce_model_with(instance, rules, model);
	json_decref(rules);
	json_decref(then);
	return error;
}
