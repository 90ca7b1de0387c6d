/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy preset: whole sets of one-line rules by name. */
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "agent/domains.h"
#include "commit/enforce.h"
#include "model/rule.h"
#include "model/preset.h"
#include "store/documents.h"

const struct option policy_preset_options[] = {
    {"pod", VALUE_POD, "POD", "for this pod, or dev:IF (default: all attached)", 0, true},
    {"user", VALUE_USER, "USER", "for this user: a name, a number, any, none", 0, true},
    {"dev", VALUE_DEV, "DEV", "the interface at which users are judged", 0, false},
    {"cgroup", VALUE_CGROUP, "PATH", "for the processes in this cgroup or container", 0, true},
    {"set", VALUE_TEXT, "KEY=VALUE", "a setting of the preset; commas part several", 0, true},
    {"show", VALUE_NONE, NULL, "what the preset says, and in which file", 0, false},
    {"remove", VALUE_NONE, NULL, "take the preset's rules away again", 0, false},
    TENTATIVE_OPTIONS,
    {0},
};

static int list_presets(struct context *context)
{
	static const struct column columns[] = {
	    {.key = "preset"}, {.key = "description"}, {.key = "file"}, {.key = "problem"}};

	out_table(&context->out, presets_list(), columns, ARRAY_SIZE(columns),
		  "no presets where NPCTL_PRESETS says, in /etc/npctl/presets, or installed");
	return 0;
}

static int show_preset(struct context *context, const char *name)
{
	json_t *preset;
	int error = preset_read(name, &preset);

	if (!error)
		out_object(&context->out, preset);
	return error;
}

/* KEY=VALUE, the same key again adds to it. */
static int settings_read(const struct words *words, json_t *settings)
{
	const char *text, *equals;
	json_t *values;
	char *key;

	for (size_t i = 0; (text = word_nth(words, "set", i)); i++) {
		equals = strchr(text, '=');
		if (!equals || equals == text)
			return misuse("--set \"%s\" is not KEY=VALUE", text);
		key = strndup(text, (size_t)(equals - text));
		values = json_object_get(settings, key);
		if (!values) {
			values = json_array();
			json_object_set_new(settings, key, values);
		}
		json_array_append_new(values, json_string(equals + 1));
		free(key);
	}
	return 0;
}

/* What is gone can still be named: nobody needs its rules any more. */
static int remove_from(struct model *model, const char *subject, json_t *rules, json_t *rows)
{
	json_t *own = NULL;
	int result = 0;

	if (line_subject(model, subject, &own)) {
		failure_clear();
		own = json_string(subject);
	}
	if (!preset_remove(rules, json_string_value(own), rows))
		result = fail("no preset is in force for %s", subject ? subject : "all pods");
	json_decref(own);
	return result;
}

static int change_rules(const struct words *words, struct model *model, json_t *rules, json_t *rows)
{
	struct preset_words preset = {.name = words->count ? words->word[0] : NULL};
	json_t *settings = json_object();
	int error = settings_read(words, settings);

	preset.settings = settings;
	for (size_t i = 0; !error; i++) {
		char *subject;

		error = subject_of_words(words, i, &subject);
		if (error || (i && !subject))
			break;
		preset.subject = subject;
		error = word_flag(words, "remove") ? remove_from(model, subject, rules, rows)
						   : preset_put(model, &preset, rules, rows);
		free(subject);
		if (!subject)
			break;
	}
	json_decref(settings);
	return error;
}

static int change(struct context *context, const struct words *words)
{
	struct instance *instance;
	struct model *model = NULL;
	json_t *rules, *rows = json_array();
	int error = tentative_words(context, words);

	if (!error)
		error = instance_open(&instance, context->root, ACCESS_CREATE);

	if (error) {
		json_decref(rows);
		return error;
	}
	rules = document_array(instance, "rules");
	error = enforce_model(instance, &model);
	if (!error)
		error = change_rules(words, model, rules, rows);
	if (!error) {
		document_put(instance, "rules", json_incref(rules));
		error = domains_settle(instance);
	}
	if (!error)
		error = enforce_commit(instance);
	json_decref(rules);
	model_free(model);
	instance_close(instance);
	if (!error)
		rules_say(context, json_incref(rows));
	json_decref(rows);
	return error;
}

int policy_preset(struct context *context, const struct words *words)
{
	bool show = word_flag(words, "show"), remove = word_flag(words, "remove");

	if (!word_value(words, "user") != !word_value(words, "dev"))
		return misuse("--user and --dev go together");
	if (show && (remove || !words->count))
		return misuse("--show stands behind a preset's name alone");
	if (remove && (words->count || word_value(words, "set")))
		return misuse("--remove takes whatever preset is in force, and needs no name");
	if (show)
		return show_preset(context, words->word[0]);
	if (!words->count && !remove) {
		if (words->given_count)
			return misuse("which preset? `npctl policy preset` lists them");
		return list_presets(context);
	}
	return change(context, words);
}
