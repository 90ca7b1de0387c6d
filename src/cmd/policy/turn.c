// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy turn: allow becomes deny, deny becomes allow, in one change. */
#include <stdio.h>
#include <stdlib.h>
#include "cmd/policy/policy.h"
#include "commit/enforce.h"
#include "manifest/schema.h"
#include "store/documents.h"

static int turn(struct rule_store *rules, const char *word, json_t *rows)
{
	char *end;
	long id = strtol(word, &end, 10);
	json_t *rule;

	if (*end || id <= 0)
		return misuse("\"%s\" is not the number of a rule", word);
	rule = rule_store_turn(rules, id);
	if (!rule)
		return *failure() ? FAILED : fail("rule %ld does not exist", id);
	json_array_append_new(rows, rule);
	if (json_object_get(rule, "preset")) {
		fail("rule %ld is part of preset %s", id, field_text(rule, "preset", ""));
		return fail_mend("npctl policy preset --remove");
	}
	json_object_del(rule, "since");
	json_object_set_new(rule, "state", json_string(line_change_word(LINE_REPLACED)));
	return 0;
}

int policy_turn(struct context *context, const struct words *words)
{
	json_t *rows = json_array(), *kept = json_array(), *row;
	struct rule_store *rules;
	struct instance *instance;
	int error = tentative_words(context, words);
	size_t i;

	if (!error)
		error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error) {
		json_decref(rows);
		json_decref(kept);
		return error;
	}
	rules = instance_rules(instance);
	if (!rules)
		error = FAILED;
	for (int i = 0; i < words->count && !error; i++)
		error = turn(rules, words->word[i], rows);
	if (!error && !word_flag(words, "open"))
		json_array_foreach (rows, i, row)
			keep_closed(instance, row, kept);
	if (!error)
		error = enforce_commit(instance);
	if (!error)
		kept_say(context, instance, kept);
	json_decref(kept);
	instance_close(instance);
	if (error)
		json_decref(rows);
	else
		rules_say(context, rows);
	return error;
}
