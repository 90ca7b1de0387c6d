// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/presets.h"
#include <stdlib.h>
#include <string.h>
#include "agent/domains.h"
#include "commit/enforce.h"
#include "model/rule.h"
#include "model/preset.h"
#include "manifest/schema.h"
#include "store/documents.h"

#define ANNOTATION "npctl.io/preset"
#define FIRST_ID 1000000 /* users' rules are far below */

/* "ns/pod" -> {"preset": NAME, "settings": {…}} */
static void note_pod(json_t *wanted, const struct mirror_object *pod)
{
	json_t *object = json_loads(pod->text, 0, NULL), *settings = json_object(), *value;
	json_t *annotations = field_get(field_get(object, "metadata"), "annotations");
	const char *key, *name = field_text(annotations, ANNOTATION, NULL);

	json_object_foreach (annotations, key, value)
		if (strncmp(key, ANNOTATION "-", sizeof(ANNOTATION)) == 0)
			json_object_set(settings, key + sizeof(ANNOTATION), value);
	if (name && *name)
		json_object_set_new(wanted, strchr(pod->key, ' ') + 1,
				    json_pack("{s:s, s:O}", "preset", name, "settings", settings));
	json_decref(settings);
	json_decref(object);
}

static json_t *find_wanted(const struct mirror *mirror)
{
	json_t *wanted = json_object();

	for (size_t i = 0; i < MIRROR_PARTS; i++)
		for (size_t j = 0; j < mirror->part[i].count; j++) {
			const struct mirror_object *object = &mirror->part[i].item[j];

			if (strncmp(object->key, "Pod ", 4) == 0 &&
			    strstr(object->text, "\"" ANNOTATION "\""))
				note_pod(wanted, object);
		}
	return wanted;
}

/* What is there of another preset stays; where nothing is, nothing may pass. */
static void deny(json_t *rules, const char *subject, const char *preset)
{
	json_t *rule;
	size_t i;
	long id;

	json_array_foreach (rules, i, rule)
		if (strcmp(field_text(rule, "subject", ""), subject) == 0)
			return;
	lines_put(rules,
		  json_pack("{s:s, s:s, s:s, s:s, s:[], s:s, s:s}", "kind", "Rule", "action",
			    "deny", "direction", "egress", "peer", "any", "ports", "subject",
			    subject, "preset", preset),
		  &id);
}

static int put_one(struct model *model, const char *subject, const json_t *wish, json_t *rules)
{
	struct preset_words words = {
	    .name = field_text(wish, "preset", ""),
	    .settings = json_object_get(wish, "settings"),
	    .subject = subject,
	};

	return preset_put(model, &words, rules, NULL);
}

/* With every name that they speak of resolved. */
static int put_all(struct instance *instance, struct model *model, json_t *wanted, json_t *rules)
{
	const char *subject;
	json_t *wish;

	json_object_foreach (wanted, subject, wish)
		if (put_one(model, subject, wish, rules))
			return FAILED;
	document_put(instance, AGENT_RULES, json_deep_copy(rules));
	return domains_settle(instance);
}

/* One by one, so that a preset that cannot be had is no other pod's. */
static void put_each(struct instance *instance, struct model *model, json_t *wanted, json_t *rules)
{
	const char *subject;
	json_t *wish;

	json_object_foreach (wanted, subject, wish) {
		json_t *tried = json_deep_copy(rules), *one = json_pack("{s:O}", subject, wish);

		if (put_all(instance, model, one, tried)) {
			warn("pod %s, preset %s: %s", subject, field_text(wish, "preset", ""),
			     failure());
			failure_clear();
			deny(rules, subject, field_text(wish, "preset", ""));
		} else {
			json_array_clear(rules);
			json_array_extend(rules, tried);
		}
		json_decref(tried);
		json_decref(one);
	}
	document_put(instance, AGENT_RULES, json_deep_copy(rules));
}

static void remove_unwanted(const json_t *wanted, json_t *rules)
{
	for (size_t i = 0; i < json_array_size(rules); i++) {
		const char *subject = field_text(json_array_get(rules, i), "subject", "");
		char *copy;

		if (!*subject || json_object_get(wanted, subject))
			continue;
		copy = xstrdup(subject);
		preset_remove(rules, copy, NULL);
		free(copy);
		i = 0;
	}
}

static int change_rules(struct instance *instance, json_t *wanted)
{
	json_t *rules = document_get(instance, AGENT_RULES), *tried;
	struct model *model;
	int result = 0;

	if (!rules)
		rules = json_pack("[{s:s, s:i}]", "kind", "RuleSequence", "next", FIRST_ID);
	if (enforce_model(instance, &model)) {
		json_decref(rules);
		return FAILED;
	}
	remove_unwanted(wanted, rules);
	tried = json_deep_copy(rules);
	if (put_all(instance, model, wanted, tried)) {
		failure_clear();
		put_each(instance, model, wanted, rules);
		result = PRESETS_INCOMPLETE;
	}
	model_free(model);
	json_decref(tried);
	json_decref(rules);
	return result;
}

int presets_write(const struct mirror *mirror, struct instance *instance, char **before)
{
	json_t *wanted = find_wanted(mirror);
	char *now = json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS);
	int result = 0;

	if (!json_object_size(wanted))
		document_put(instance, AGENT_RULES, NULL);
	else if (!*before || strcmp(*before, now) != 0)
		result = change_rules(instance, wanted);
	json_decref(wanted);
	free(*before);
	*before = now;
	if (result) {
		free(*before);
		*before = NULL;
	}
	return result;
}
