// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy turn: allow becomes deny, deny becomes allow, in one change. */
#include <stdio.h>
#include <stdlib.h>
#include "cmd/policy.h"
#include "kernel/enforce.h"
#include "policy/lines.h"

static int turn(json_t *rules, const char *word, json_t *rows)
{
	char *end;
	long id = strtol(word, &end, 10);
	json_t *rule = *end || id <= 0 ? NULL : lines_turn(rules, id), *row;

	if (*end || id <= 0)
		return misuse("\"%s\" is not the number of a rule", word);
	if (!rule)
		return fail("rule %ld does not exist", id);
	if (lines_preset(rules, id)) {
		fail("rule %ld is part of preset %s", id, lines_preset(rules, id));
		return fail_mend("npctl policy preset --remove");
	}
	row = json_deep_copy(rule);
	json_object_del(row, "since");
	json_object_set_new(row, "state", json_string(line_change_word(LINE_REPLACED)));
	json_array_append_new(rows, row);
	return 0;
}

int policy_turn(struct context *context, const struct words *words)
{
	json_t *rules, *rows = json_array(), *kept = json_array(), *row;
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_WRITE);
	size_t i;

	if (error) {
		json_decref(rows);
		json_decref(kept);
		return error;
	}
	rules = document_array(instance, "rules");
	for (int i = 0; i < words->count && !error; i++)
		error = turn(rules, words->word[i], rows);
	if (!error && !word_flag(words, "open"))
		json_array_foreach (rows, i, row)
			keep_closed(instance, rules, row, kept);
	if (!error) {
		document_put(instance, "rules", json_incref(rules));
		error = enforce_commit(instance);
	}
	if (!error)
		kept_say(context, instance, kept);
	json_decref(rules);
	json_decref(kept);
	instance_close(instance);
	if (error)
		json_decref(rows);
	else
		rules_say(context, rows);
	return error;
}
