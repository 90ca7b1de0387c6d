/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy allow, deny, default: the one-line rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy.h"
#include "kernel/enforce.h"
#include "policy/lines.h"
#include "policy/list_file.h"

const struct option policy_line_options[] = {
    {"port", VALUE_PORT, "PORT", "only this port: tcp/80, udp/53-60, icmp/8, 80", 'p', true},
    {"pod", VALUE_POD, "POD", "only for this pod, or dev:IF (default: all attached)", 0, true},
    {"egress", VALUE_NONE, NULL, "what the pod sends, not what it receives", 0, false},
    {"cidr-file", VALUE_FILE, "FILE", "the peers are the prefixes in FILE, one a line", 0, false},
    {"name", VALUE_TEXT, "NAME", "what that list is called (default: after FILE)", 0, false},
    {0},
};

const struct option policy_default_options[] = {
    {"pod", VALUE_POD, "POD", "only for this pod, or dev:IF (default: all)", 0, true},
    {"ingress", VALUE_NONE, NULL, "only what pods receive", 0, false},
    {"egress", VALUE_NONE, NULL, "only what pods send", 0, false},
    {0},
};

json_t *document_array(struct instance *instance, const char *name)
{
	json_t *array = document_get(instance, name);

	return array ? array : json_array();
}

static json_t *ports_of(const struct words *words)
{
	json_t *ports = json_array();
	const char *port;

	for (size_t i = 0; (port = word_nth(words, "port", i)); i++)
		json_array_append_new(ports, json_string(port));
	return ports;
}

/* Adds one rule for each subject; `rows` tells what became of it. */
static int put_rule(struct model *model, json_t *rules, struct line_words *line,
		    const struct words *words, json_t *rows)
{
	static const char *const changes[] = {
	    [LINE_ADDED] = "added", [LINE_REPLACED] = "replaced", [LINE_KEPT] = "unchanged"};
	size_t i = 0;
	int error;

	do {
		enum line_change change;
		json_t *rule;
		long id;

		line->subject = word_nth(words, "pod", i);
		error = line_make(model, line, &rule);
		if (error)
			return error;
		json_array_append(rows, rule);
		change = lines_put(rules, json_deep_copy(rule), &id);
		json_decref(rule);
		json_object_set_new(rule, "id", json_integer(id));
		json_object_set_new(rule, "state", json_string(changes[change]));
	} while (word_nth(words, "pod", ++i));
	return 0;
}

static int put_list(struct instance *instance, const char *file, const char *given, char **name)
{
	json_t *list;

	if (list_file_read(file, given, name, &list))
		return FAILED;
	{
		char *document = xprintf("lists/%s", *name);

		document_put(instance, document, list);
		free(document);
	}
	return 0;
}

static int put_rules(struct instance *instance, struct line_words *line, const struct words *words,
		     json_t *rows)
{
	json_t *rules = document_array(instance, "rules");
	const char *file = word_value(words, "cidr-file");
	struct model *model = NULL;
	char *name = NULL;
	int error = enforce_model(instance, &model);

	if (!error && file)
		error = put_list(instance, file, word_value(words, "name"), &name);
	if (!error && file) {
		line->list = name;
		error = put_rule(model, rules, line, words, rows);
	}
	for (int i = 0; !error && i < words->count; i++) {
		line->peer = words->word[i];
		error = put_rule(model, rules, line, words, rows);
	}
	if (!error) {
		document_put(instance, "rules", json_incref(rules));
		error = enforce_commit(instance);
	}
	json_decref(rules);
	model_free(model);
	free(name);
	return error;
}

static void say_peer(const json_t *rule)
{
	const json_t *peer = json_object_get(rule, "peer"), *subject;
	json_t *port;
	size_t i;

	if (json_is_string(peer))
		printf(" %s", json_string_value(peer));
	else
		printf(" list %s", json_string_value(json_object_get(peer, "list")));
	json_array_foreach (json_object_get(rule, "ports"), i, port)
		printf("%s%s", i ? "," : " ", json_string_value(port));
	subject = json_object_get(rule, "subject");
	if (subject)
		printf(" for %s", json_string_value(subject));
}

static void say_rules(struct context *context, json_t *rows)
{
	json_t *rule;
	size_t i;

	if (context->out.json) {
		out_json(&context->out, rows);
		return;
	}
	json_array_foreach (rows, i, rule) {
		if (quiet)
			break;
		printf("rule %lld: %s %s",
		       (long long)json_integer_value(json_object_get(rule, "id")),
		       json_string_value(json_object_get(rule, "action")),
		       json_string_value(json_object_get(rule, "direction")));
		say_peer(rule);
		printf(" (%s)\n", json_string_value(json_object_get(rule, "state")));
	}
	json_decref(rows);
}

static int add_rules(struct context *context, const struct words *words, bool allow)
{
	struct line_words line = {.allow = allow, .egress = word_flag(words, "egress")};
	struct instance *instance;
	json_t *rows;
	int error;

	if (!words->count && !word_value(words, "cidr-file"))
		return misuse("whom? an address, a prefix, a pod, labels, any, or --cidr-file");
	error = instance_open(&instance, context->root, ACCESS_CREATE);
	if (error)
		return error;
	rows = json_array();
	line.ports = ports_of(words);
	error = put_rules(instance, &line, words, rows);
	instance_close(instance);
	json_decref(line.ports);
	if (error)
		json_decref(rows);
	else
		say_rules(context, rows);
	return error;
}

int policy_allow(struct context *context, const struct words *words)
{
	return add_rules(context, words, true);
}

int policy_deny(struct context *context, const struct words *words)
{
	return add_rules(context, words, false);
}

/* The subject as the documents name it, from the nth --pod; NULL: all. */
static int default_subject(const struct model *model, const char *word, char **subject)
{
	const struct pod *pod;

	*subject = NULL;
	if (!word)
		return 0;
	if (strncmp(word, "dev:", 4) == 0) {
		*subject = xstrdup(word);
		return 0;
	}
	pod = model_pod_find(model, word);
	if (!pod)
		return fail("pod \"%s\" does not exist", word);
	*subject = xprintf("%s/%s", pod->namespace, pod->name);
	return 0;
}

static int put_defaults(const struct model *model, const struct words *words, json_t *defaults)
{
	const char *verdict = strcmp(words->word[0], "auto") == 0 ? NULL : words->word[0];
	bool ingress = word_flag(words, "ingress"), egress = word_flag(words, "egress");
	size_t i = 0;

	do {
		char *subject;

		if (default_subject(model, word_nth(words, "pod", i), &subject))
			return FAILED;
		if (ingress || !egress)
			defaults_put(defaults, verdict, false, subject);
		if (egress || !ingress)
			defaults_put(defaults, verdict, true, subject);
		free(subject);
	} while (word_nth(words, "pod", ++i));
	return 0;
}

int policy_default(struct context *context, const struct words *words)
{
	const char *word = words->word[0];
	struct instance *instance;
	struct model *model = NULL;
	json_t *defaults;
	int error;

	if (strcmp(word, "allow") != 0 && strcmp(word, "deny") != 0 && strcmp(word, "auto") != 0)
		return misuse("the default is allow, deny or auto, not \"%s\"", word);
	error = instance_open(&instance, context->root, ACCESS_CREATE);
	if (error)
		return error;
	defaults = document_array(instance, "defaults");
	error = enforce_model(instance, &model);
	if (!error)
		error = put_defaults(model, words, defaults);
	if (!error) {
		document_put(instance, "defaults",
			     json_array_size(defaults) ? json_incref(defaults) : NULL);
		error = enforce_commit(instance);
	}
	instance_close(instance);
	model_free(model);
	if (!error)
		out_json(&context->out, json_incref(defaults));
	json_decref(defaults);
	return error;
}
