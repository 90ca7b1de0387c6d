/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy delete: by rule number, by name, all, or what files declare. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "agent/domains.h"
#include "commit/enforce.h"
#include "model/rule.h"
#include "manifest/schema.h"
#include "store/documents.h"

const struct option policy_delete_options[] = {
    {"file", VALUE_FILE, "FILE", "the policies that this file or directory declares", 'f', true},
    {"all", VALUE_NONE, NULL, "every policy, rule, list and default", 0, false},
    {"open", VALUE_NONE, NULL, "open to everybody what the last allow rule closed", 0, false},
    TENTATIVE_OPTIONS,
    {0},
};

static int remove_list(const char *name, void *data)
{
	struct instance *instance = data;
	json_t *rules;

	if (strncmp(name, "lists/", 6) != 0)
		return 0;
	rules = rules_beside_prefixes(instance);
	if (!lines_name_list(rules, name + 6))
		document_put(instance, name, NULL);
	json_decref(rules);
	return 0;
}

/* A preset's rules go together; 1: there is no such rule. `kept` NULL: open what it closed. */
static int remove_rule(struct instance *instance, const char *word, json_t *kept)
{
	struct rule_store *rules = instance_rules(instance);
	char *end;
	long id = strtol(word, &end, 10);
	json_t *rule;
	int result = 0;

	if (!rules)
		return FAILED;
	rule = *end ? NULL : rule_store_get(rules, id);
	if (!rule)
		return 1;
	if (json_object_get(rule, "preset")) {
		fail("rule %ld is part of preset %s", id, field_text(rule, "preset", ""));
		result = fail_mend("npctl policy preset --remove");
	} else if (!rule_store_remove(rules, id)) {
		result = FAILED;
	} else if (kept && strcmp(field_text(rule, "action", ""), "allow") == 0) {
		keep_closed(instance, rule, kept);
	}
	json_decref(rule);
	return result;
}

struct removal {
	struct instance *instance;
	const char *name;
	size_t removed;
	bool only_count;
};

static bool is_policies(const char *document)
{
	return strncmp(document, "policies/", 9) == 0 ||
	       strcmp(document, "cluster-policies") == 0 || strcmp(document, "endpoints") == 0;
}

/* Whether the object, of that document, goes by `name`: "name" or "ns/name". */
static bool is_called(const char *document, const json_t *object, const char *name)
{
	const char *own =
	    json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
	const char *slash = strrchr(name, '/');
	size_t length = slash ? (size_t)(slash - name) : 0;

	if (!own)
		return false;
	if (!slash)
		return strcmp(own, name) == 0;
	return strncmp(document, "policies/", 9) == 0 && strlen(document) == 9 + length &&
	       strncmp(document + 9, name, length) == 0 && strcmp(own, slash + 1) == 0;
}

static int remove_from(const char *document, void *data)
{
	struct removal *removal = data;
	json_t *policies, *object;
	size_t i = 0, before = removal->removed;

	if (!is_policies(document))
		return 0;
	policies = document_get(removal->instance, document);
	while ((object = json_array_get(policies, i))) {
		if (!is_called(document, object, removal->name)) {
			i++;
			continue;
		}
		removal->removed++;
		json_array_remove(policies, i);
	}
	if (removal->removed != before && !removal->only_count)
		document_put(removal->instance, document,
			     json_array_size(policies) ? json_incref(policies) : NULL);
	json_decref(policies);
	return 0;
}

/* The agent would put it there again. */
static int fail_agents(struct instance *instance, const char *word)
{
	struct model *model;
	const char *title;
	char *rule;
	int error = enforce_model(instance, &model);

	if (error)
		return error;
	rule = xprintf("rule %s", word);
	title = policy_title_find(model, word);
	if (title || policy_title_find(model, rule))
		fail("%s \"%s\" is the agent's: it goes where it came from",
		     title ? "policy" : "rule", title ? title : word);
	else
		fail("policy or rule \"%s\" does not exist", word);
	free(rule);
	model_free(model);
	return FAILED;
}

static int remove_named(struct instance *instance, const char *word, json_t *kept)
{
	struct removal removal = {.instance = instance, .name = word, .only_count = true};

	int result = remove_rule(instance, word, kept);

	if (result <= 0)
		return result;
	document_each(instance, remove_from, &removal);
	if (removal.removed == 0)
		return fail_agents(instance, word);
	if (removal.removed > 1)
		return fail("%zu policies are called \"%s\": say NAMESPACE/%s", removal.removed,
			    word, word);
	removal.only_count = false;
	document_each(instance, remove_from, &removal);
	return 0;
}

static int remove_any(const char *document, void *data)
{
	if (is_policies(document) || strncmp(document, "lists/", 6) == 0)
		document_put(data, document, NULL);
	return 0;
}

static void remove_all(struct instance *instance)
{
	document_put(instance, "rules", NULL);
	document_put(instance, "defaults", NULL);
	document_each(instance, remove_any, instance);
}

int policy_delete(struct context *context, const struct words *words)
{
	bool all = word_flag(words, "all");
	struct instance *instance;
	json_t *kept;
	int error = 0;

	if (word_value(words, "file")) {
		if (all || words->count)
			return misuse("-f FILE stands alone");
		return policy_delete_files(context, words);
	}
	if (!all && !words->count)
		return misuse("which? a rule's number, a policy's name, -f FILE, or --all");
	error = tentative_words(context, words);
	if (!error)
		error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error)
		return error;
	kept = json_array();
	if (all)
		remove_all(instance);
	for (int i = 0; !error && !all && i < words->count; i++)
		error =
		    remove_named(instance, words->word[i], word_flag(words, "open") ? NULL : kept);
	if (!error) {
		document_each(instance, remove_list, instance);
		error = domains_settle(instance);
	}
	if (!error)
		error = endpoints_release(instance, NULL);
	if (!error)
		error = enforce_commit(instance);
	if (!error)
		kept_say(context, instance, kept);
	json_decref(kept);
	instance_close(instance);
	return error;
}
