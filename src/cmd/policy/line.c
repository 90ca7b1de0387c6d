/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy allow, deny, default: the one-line rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/policy/policy.h"
#include "agent/domains.h"
#include "commit/enforce.h"
#include "model/dns_name.h"
#include "compile/identity.h"
#include "model/rule.h"
#include "manifest/list_file.h"
#include "store/documents.h"

const struct option policy_line_options[] = {
    {"port", VALUE_PORT, "PORT", "only this port: tcp/80, udp/53-60, icmp/8, 80", 'p', true},
    {"pod", VALUE_POD, "POD", "only for this pod, or dev:IF (default: all attached)", 0, true},
    {"egress", VALUE_NONE, NULL, "what the pod sends, not what it receives", 0, false},
    {"user", VALUE_USER, "USER", "only for this user: a name, a number, any, none", 0, true},
    {"dev", VALUE_DEV, "DEV", "the interface at which users are judged", 0, false},
    {"cgroup", VALUE_CGROUP, "PATH", "only for the processes in this cgroup or container", 0, true},
    {"rate", VALUE_TEXT, "N/s[:BURST]", "new connections to each destination", 0, false},
    {"grace", VALUE_TEXT, "SECONDS", "how long a name's old addresses stay (default: 60)", 0,
     false},
    {"between", VALUE_TEXT, "HH:MM-HH:MM", "only at that time of the day", 0, false},
    {"from-identity", VALUE_NUMBER, "N", "the peer is the identity of that number", 0, false},
    {"to-identity", VALUE_NUMBER, "N", "only for pods of that identity", 0, false},
    {"symmetric", VALUE_NONE, NULL, "both ways, between two identities", 0, false},
    {"cidr-file", VALUE_FILE, "FILE", "the peers are the prefixes in FILE, one a line", 0, false},
    {"name", VALUE_TEXT, "NAME", "what that list is called (default: after FILE)", 0, false},
    {"open", VALUE_NONE, NULL, "open to everybody what the last allow rule closed", 0, false},
    TENTATIVE_OPTIONS,
    {0},
};

const struct option policy_default_options[] = {
    {"pod", VALUE_POD, "POD", "only for this pod, or dev:IF (default: all)", 0, true},
    {"ingress", VALUE_NONE, NULL, "only what pods receive", 0, false},
    {"egress", VALUE_NONE, NULL, "only what pods send", 0, false},
    {"cgroup", VALUE_CGROUP, "PATH", "only for the processes in this cgroup or container", 0, true},
    TENTATIVE_OPTIONS,
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

/* What a command changes, and what it tells of it. */
struct putting {
	struct instance *instance;
	const struct words *words;
	struct model *model;
	struct line_words line;
	struct rule_store *rules;
	json_t *rows;
	json_t *kept; /* closed, though no rule allows anything any more */
};

static int put_rule(struct putting *putting)
{
	enum line_change change;
	json_t *rule;
	long id;
	int error = line_make(putting->model, &putting->line, &rule);

	if (error)
		return error;
	json_object_set_new(rule, "since", json_integer(time(NULL)));
	error = rule_store_put(putting->rules, json_deep_copy(rule), &change, &id);
	if (error) {
		json_decref(rule);
		return error;
	}
	json_object_del(rule, "since");
	json_object_set_new(rule, "id", json_integer(id));
	json_object_set_new(rule, "state", json_string(line_change_word(change)));
	if (change == LINE_TURNED && !putting->line.allow && !word_flag(putting->words, "open"))
		keep_closed(putting->instance, rule, putting->kept);
	json_array_append_new(putting->rows, rule);
	return 0;
}

/* One rule for each subject, or one for all. */
static int put_for_subjects(struct putting *putting)
{
	bool egress = putting->line.egress;
	char *subject;
	int error = 0;

	for (size_t i = 0; !error; i++) {
		error = subject_of_words(putting->words, i, &subject);
		if (error || (i && !subject))
			break;
		putting->line.subject = subject;
		putting->line.egress = egress || (subject && (strncmp(subject, "user:", 5) == 0 ||
							      strncmp(subject, "cgroup:", 7) == 0));
		error = put_rule(putting);
		free(subject);
		if (!subject)
			break;
	}
	return error;
}

static int find_identity(struct putting *putting, const char *option, char **selector)
{
	struct numbers *numbers = NULL;
	struct plan *plan = NULL;
	uint64_t identity = 0;
	int error = word_number(putting->words, option, 0, UINT32_MAX, &identity);

	*selector = NULL;
	if (error)
		return error;
	error = plan_compile(putting->model, &plan);
	if (!error)
		error = enforce_numbers(putting->instance, &numbers);
	if (!error)
		error =
		    identity_selector(putting->model, plan, numbers, (uint32_t)identity, selector);
	numbers_free(numbers);
	plan_free(plan);
	return error;
}

/* In at the second, from the first; and, if so said, the other way round. */
static int put_for_identities(struct putting *putting)
{
	char *from, *to = NULL;
	int error = find_identity(putting, "from-identity", &from);

	if (!error)
		error = find_identity(putting, "to-identity", &to);
	if (!error) {
		putting->line.peer = from;
		putting->line.subject = to;
		error = put_rule(putting);
	}
	if (!error && word_flag(putting->words, "symmetric")) {
		putting->line.peer = to;
		putting->line.subject = from;
		error = put_rule(putting);
	}
	free(from);
	free(to);
	return error;
}

static int put_list(struct putting *putting)
{
	const char *file = word_value(putting->words, "cidr-file");
	char *name, *document;
	json_t *list;
	int error;

	if (list_file_read(file, word_value(putting->words, "name"), &name, &list))
		return FAILED;
	document = xprintf("lists/%s", name);
	document_put(putting->instance, document, list);
	free(document);
	putting->line.list = name;
	error = put_for_subjects(putting);
	free(name);
	return error;
}

/* Whether the pods must be known to understand the words; reading them takes time. */
static bool names_pods(const struct words *words)
{
	struct prefix prefix;
	bool names = word_value(words, "pod") || word_value(words, "from-identity");

	for (int i = 0; i < words->count; i++)
		names |= prefix_parse(words->word[i], &prefix) != 0;
	return names;
}

/* Others need no name server, and leave no name without a rule. */
static bool names_domains(const struct words *words)
{
	char name[DOMAIN_TEXT];
	bool names = false;

	for (int i = 0; i < words->count; i++)
		names |= domain_parse(words->word[i], name);
	return names;
}

static int put_rules(struct putting *putting)
{
	const struct words *words = putting->words;
	int error = 0;

	putting->rules = instance_rules(putting->instance);
	if (!putting->rules)
		return FAILED;
	if (names_pods(words))
		error = enforce_model(putting->instance, &putting->model);
	else
		putting->model = model_new();
	if (!error && word_value(words, "from-identity"))
		error = put_for_identities(putting);
	if (!error && word_value(words, "cidr-file"))
		error = put_list(putting);
	for (int i = 0; !error && i < words->count; i++) {
		putting->line.peer = words->word[i];
		error = put_for_subjects(putting);
	}
	if (!error && names_domains(words))
		error = domains_settle(putting->instance);
	if (!error)
		error = enforce_commit(putting->instance);
	model_free(putting->model);
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
	if (json_object_get(rule, "between"))
		printf(" between %s", json_string_value(json_object_get(rule, "between")));
}

void rules_say(struct context *context, json_t *rows)
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

static bool is_attached(const json_t *attachments, const char *subject)
{
	json_t *row;
	size_t i;

	json_array_foreach ((json_t *)attachments, i, row) {
		const char *name = json_string_value(json_object_get(row, "subject"));
		size_t length = name ? strlen(name) : 0;

		if (!name)
			continue;
		/* a rule is for one user of "user:IF", or for whom labels select */
		if (!subject || strchr(subject, '=') || !strcmp(name, subject) ||
		    (!strncmp(name, "user:", 5) && !strncmp(subject, name, length) &&
		     subject[length] == ':'))
			return true;
	}
	return false;
}

/* Whoever adds a rule thinks that it holds from now on; of many at once one is looked at. */
static bool warned;

static void warn_unenforced(struct instance *instance, const json_t *rules)
{
	json_t *attachments = document_get(instance, "attachments"), *rule;
	size_t i;

	warned = true;
	if (!instance_loaded(instance)) {
		warn("nothing enforces it yet: the datapath is not loaded (mend: npctl load)");
		json_decref(attachments);
		return;
	}
	json_array_foreach ((json_t *)rules, i, rule) {
		const char *subject = json_string_value(json_object_get(rule, "subject"));

		if (is_attached(attachments, subject))
			continue;
		warn("nothing enforces it yet: %s is attached (mend: npctl attach)",
		     subject ? "no such subject" : "nothing");
		break;
	}
	json_decref(attachments);
}

static int check_words(const struct words *words)
{
	bool from = word_value(words, "from-identity"), to = word_value(words, "to-identity");

	if (from != to)
		return misuse("--from-identity and --to-identity go together");
	if (!word_value(words, "user") != !word_value(words, "dev"))
		return misuse("--user and --dev go together");
	if (from && (words->count || word_value(words, "pod") || word_flag(words, "egress")))
		return misuse("identities stand instead of PEER, --pod and --egress");
	if (!from && word_flag(words, "symmetric"))
		return misuse("--symmetric goes with two identities");
	if (!from && !words->count && !word_value(words, "cidr-file"))
		return misuse(
		    "whom? an address, a prefix, a pod, labels, a name, any, or --cidr-file");
	return 0;
}

static int add_rules(struct context *context, const struct words *words, bool allow)
{
	struct putting putting = {
	    .words = words,
	    .line = {.allow = allow,
		     .egress = word_flag(words, "egress"),
		     .rate = word_value(words, "rate"),
		     .grace = word_value(words, "grace"),
		     .between = word_value(words, "between")},
	};
	int error = check_words(words);

	if (!error)
		error = tentative_words(context, words);
	for (int i = 0; i < words->count && !error; i++)
		domains_ask_early(words->word[i]);
	if (!error)
		error = instance_open(&putting.instance, context->root, ACCESS_CREATE);
	if (error)
		return error;
	putting.rows = json_array();
	putting.kept = json_array();
	putting.line.ports = ports_of(words);
	error = put_rules(&putting);
	if (!error)
		kept_say(context, putting.instance, putting.kept);
	if (!error && !(putting.instance->held && warned))
		warn_unenforced(putting.instance, putting.rows);
	instance_close(putting.instance);
	json_decref(putting.line.ports);
	json_decref(putting.kept);
	if (error)
		json_decref(putting.rows);
	else
		rules_say(context, putting.rows);
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

/* A cgroup's sockets are judged when they begin something. */
static bool only_sends(const char *subject)
{
	return subject && strncmp(subject, "cgroup:", 7) == 0;
}

/* The subject as the documents name it; NULL: all pods and interfaces. */
static int default_subject(const struct model *model, bool reset, char **subject)
{
	const struct pod *pod;
	char *word = *subject;

	if (!word || strncmp(word, "dev:", 4) == 0 || only_sends(word))
		return 0;
	if (reset && strchr(word, '='))
		return 0; /* what a rule for these labels closed */
	pod = model_pod_find(model, word);
	if (!pod)
		fail("pod \"%s\" does not exist", word);
	*subject = pod ? xprintf("%s/%s", pod->namespace, pod->name) : NULL;
	free(word);
	return pod ? 0 : FAILED;
}

static int put_defaults(const struct model *model, const struct words *words, json_t *defaults)
{
	const char *verdict = strcmp(words->word[0], "auto") == 0 ? NULL : words->word[0];
	bool ingress = word_flag(words, "ingress"), egress = word_flag(words, "egress");
	char *subject;

	for (size_t i = 0;; i++) {
		int error = subject_of_words(words, i, &subject);

		if (error || (i && !subject))
			return error;
		if (default_subject(model, !verdict, &subject))
			return FAILED;
		if ((ingress || !egress) && !only_sends(subject))
			defaults_put(defaults, verdict, false, subject);
		if (egress || !ingress || only_sends(subject))
			defaults_put(defaults, verdict, true, subject);
		if (!subject)
			return 0;
		free(subject);
	}
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
	error = tentative_words(context, words);
	if (!error)
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
