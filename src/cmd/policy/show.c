/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy list, show, lint: rules with their hits, and what is odd about them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cmd/policy/explain.h"
#include "cmd/test/probes.h"
#include "cmd/policy/policy.h"
#include "datapath/apply.h"
#include "commit/enforce.h"
#include "model/dns_name.h"
#include "questions/explain.h"
#include "questions/lint.h"
#include "questions/listing.h"
#include "manifest/schema.h"
#include "manifest/kept.h"
#include "store/documents.h"

const struct option policy_list_options[] = {
    {"at", VALUE_NUMBER, "VERSION", "as it was after that version", 0, false},
    {0},
};

const struct option policy_show_options[] = {
    {"pod", VALUE_POD, "POD", "the rules that judge this pod", 0, false},
    {"user", VALUE_USER, "USER", "the rules that judge this user", 0, false},
    {"dev", VALUE_DEV, "DEV", "at this interface", 0, false},
    {"at", VALUE_NUMBER, "VERSION", "as it was after that version", 0, false},
    {0},
};

const struct option policy_lint_options[] = {
    {"file", VALUE_FILE, "FILE", "these manifests instead of what is loaded", 'f', true},
    {0},
};

int hits_open(struct hits *hits, struct instance *instance)
{
	*hits = (struct hits){.counters = -1};
	if (!instance_loaded(instance))
		return 0;
	if (enforce_numbers(instance, &hits->numbers))
		return FAILED;
	hits->counters = instance_map(instance, "counters");
	return hits->counters < 0 ? FAILED : 0;
}

void hits_close(struct hits *hits)
{
	numbers_free(hits->numbers);
	if (hits->counters >= 0)
		close(hits->counters);
}

bool hits_count(void *data, const struct signature *rule, struct counter *counter)
{
	const struct hits *hits = data;
	const struct numbered *number;

	*counter = (struct counter){0};
	if (hits->counters < 0)
		return false;
	number = numbers_find(hits->numbers, NUMBER_RULE, rule);
	return !number || apply_counter(hits->counters, number->number, counter) == 0;
}

int loaded_open_at(struct loaded *loaded, struct context *context, enum loaded_view view,
		   const char *at)
{
	int error = instance_open(&loaded->instance, context->root, ACCESS_READ);

	loaded->model = NULL;
	loaded->plan = NULL;
	loaded->hits = (struct hits){.counters = -1};
	loaded->past = at != NULL;
	if (!error)
		error = at ? past_model(loaded->instance, at, &loaded->model)
			   : enforce_model(loaded->instance, &loaded->model);
	if (!error && view == LOADED_RULES)
		model_forget_lists(loaded->model);
	if (!error && view == LOADED_ALL)
		model_subjects_add_all(loaded->model);
	if (!error && view != LOADED_MODEL)
		error = loaded_compile(loaded);
	if (error)
		loaded_close(loaded);
	return error;
}

int loaded_open(struct loaded *loaded, struct context *context, enum loaded_view view)
{
	return loaded_open_at(loaded, context, view, NULL);
}

int loaded_compile(struct loaded *loaded)
{
	int error = plan_compile(loaded->model, &loaded->plan);

	return error || loaded->past ? error : hits_open(&loaded->hits, loaded->instance);
}

void loaded_close(struct loaded *loaded)
{
	hits_close(&loaded->hits);
	plan_free(loaded->plan);
	model_free(loaded->model);
	instance_close(loaded->instance);
}

static enum paint paint_dim(const char *text)
{
	(void)text;
	return DIM;
}

static enum paint paint_problem(const char *text)
{
	(void)text;
	return YELLOW;
}

static const struct column rule_columns[] = {
    {.key = "rule"},
    {.key = "tier", .paint = paint_dim},
    {.key = "verdict", .paint = paint_verdict},
    {.key = "direction"},
    {.key = "subject"},
    {.key = "peer"},
    {.key = "ports"},
    {.key = "between"},
    {.key = "preset"},
    {.key = "origin", .paint = paint_dim},
    {.key = "packets", .right = true},
    {.key = "bytes", .right = true},
    {.key = "problem", .paint = paint_problem},
};

/* What names stand for, each once. */
static void show_names(struct context *context, const json_t *rows)
{
	static const struct column columns[] = {{.key = "name"},
						{.key = "address"},
						{.key = "age_seconds", "AGE", .right = true},
						{.key = "gone_seconds", "GONE", .right = true}};
	json_t *seen = json_object(), *shown = json_array(), *row, *each, *copy;
	size_t i, j;

	json_array_foreach (rows, i, row) {
		const char *name = field_text(row, "peer", "");

		if (json_object_get(seen, name))
			continue;
		json_array_foreach (json_object_get(row, "addresses"), j, each) {
			copy = json_pack("{s:s}", "name", name);
			json_object_update(copy, each);
			json_array_append_new(shown, copy);
			json_object_set(seen, name, each);
		}
	}
	if (json_array_size(shown)) {
		putchar('\n');
		out_table(&context->out, json_incref(shown), columns, ARRAY_SIZE(columns), "");
	}
	json_decref(shown);
	json_decref(seen);
}

/* `instance` NULL: nothing is known of names. */
static void show_rules(struct context *context, struct instance *instance, json_t *rows,
		       const char *nothing)
{
	json_t *names = instance ? document_get(instance, "names") : NULL;

	domains_annotate(rows, names, time(NULL));
	json_decref(names);
	json_incref(rows);
	out_table(&context->out, rows, rule_columns, ARRAY_SIZE(rule_columns), nothing);
	if (!context->out.json)
		show_names(context, rows);
	json_decref(rows);
}

int policy_list(struct context *context, const struct words *words)
{
	struct instance *instance;
	struct loaded loaded;
	int error = instance_open(&instance, context->root, ACCESS_TRY);

	if (error)
		return error;
	instance_close(instance);
	if (!instance) {
		show_rules(context, NULL, json_array(), "no rules");
		return 0;
	}
	error = loaded_open_at(&loaded, context, LOADED_RULES, word_value(words, "at"));
	if (error)
		return error;
	show_rules(context, loaded.instance,
		   listing_rows(loaded.model, loaded.plan, NULL, hits_count, &loaded.hits),
		   "no rules");
	loaded_close(&loaded);
	return 0;
}

static int show_user(struct context *context, struct loaded *loaded, const struct words *words)
{
	const char *interface = word_value(words, "dev");
	uint32_t uid;
	int error = user_uid_find(word_value(words, "user"), &uid), index;

	model_subjects_users(loaded->model);
	if (!error)
		error = loaded_compile(loaded);
	if (error)
		return error;
	index = user_subject_find(loaded->plan, interface, uid);
	if (index < 0)
		return fail("users are not judged at interface %s", interface);
	show_rules(context, loaded->instance,
		   listing_subject(loaded->model, loaded->plan, loaded->plan->subjects[index].name,
				   hits_count, &loaded->hits),
		   "no rules");
	return 0;
}

static int show_pod(struct context *context, struct loaded *loaded, const char *name)
{
	const struct pod *pod = model_pod_find(loaded->model, name);

	if (!pod)
		return fail("pod \"%s\" does not exist", name);
	if (pod->host_network)
		return fail("pod \"%s\" is on its node's network: no policy judges it", name);
	/* One that nothing enforces yet can be asked about, too. */
	model_subjects_only(loaded->model, pod, NULL);
	if (loaded_compile(loaded))
		return FAILED;
	show_rules(context, loaded->instance,
		   listing_pod(loaded->model, loaded->plan, pod, hits_count, &loaded->hits),
		   "no rules");
	return 0;
}

/* "ns/name", "name", "rule 3" or "3". */
static int show_policy(struct context *context, struct loaded *loaded, const char *word)
{
	size_t digits = strspn(word, "0123456789");
	char *title = digits && !word[digits] ? xprintf("rule %s", word) : xstrdup(word);
	const char *full = policy_title_find(loaded->model, title);
	int error = 0;

	if (full)
		show_rules(
		    context, loaded->instance,
		    listing_rows(loaded->model, loaded->plan, full, hits_count, &loaded->hits),
		    "this policy has no rules: it isolates and allows nothing");
	else
		error = fail("policy \"%s\" does not exist", word);
	free(title);
	return error;
}

int policy_show(struct context *context, const struct words *words)
{
	const char *pod = word_value(words, "pod"), *user = word_value(words, "user");
	struct loaded loaded;
	int error;

	if (!user != !word_value(words, "dev"))
		return misuse("--user and --dev go together");
	if ((pod != NULL) + (user != NULL) + (words->count != 0) != 1)
		return misuse("a policy's name, --pod POD, or --user USER --dev DEV");
	error = loaded_open_at(&loaded, context, pod || user ? LOADED_MODEL : LOADED_ALL,
			       word_value(words, "at"));
	if (error)
		return error;
	error = pod    ? show_pod(context, &loaded, pod)
		: user ? show_user(context, &loaded, words)
		       : show_policy(context, &loaded, words->word[0]);
	loaded_close(&loaded);
	return error;
}

/* When each policy and one-line rule was said, by title. */
static int note_since(const char *name, void *data)
{
	struct loaded *loaded = data;
	json_t *document, *object;
	size_t i;

	if (strncmp(name, "policies/", 9) != 0 && strcmp(name, "cluster-policies") != 0 &&
	    strcmp(name, "endpoints") != 0 && strcmp(name, "rules") != 0)
		return 0;
	document = document_get(loaded->instance, name);
	json_array_foreach (document, i, object) {
		long id = field_number(object, "id", 0);
		char *title = id ? xprintf("rule %ld", id) : object_title(object);

		if (json_object_get(object, "since"))
			json_object_set(loaded->since, title, json_object_get(object, "since"));
		free(title);
	}
	json_decref(document);
	return 0;
}

static void add_unhit_rule(json_t *rows, const json_t *since, const json_t *rule)
{
	time_t said = (time_t)field_number(since, field_text(rule, "policy", ""), 0);
	char text[32] = "it was applied";
	struct tm when;

	if (said && gmtime_r(&said, &when))
		strftime(text, sizeof(text), "%FT%TZ", &when);
	json_array_append_new(
	    rows, json_pack("{s:O, s:O, s:s, s:o}", "policy", json_object_get(rule, "policy"),
			    "rule", json_object_get(rule, "rule"), "problem", "never-hit", "detail",
			    json_sprintf("no packet has hit it since %s", text)));
}

/* Loaded rules that nothing has hit yet. */
static void add_unhit(json_t *rows, struct loaded *loaded)
{
	json_t *rules = listing_rows(loaded->model, loaded->plan, NULL, hits_count, &loaded->hits);
	json_t *rule, *packets;
	size_t i;

	loaded->since = json_object();
	document_each(loaded->instance, note_since, loaded);
	json_array_foreach (rules, i, rule) {
		packets = json_object_get(rule, "packets");
		if (packets && !json_integer_value(packets) && json_object_get(rule, "subject"))
			add_unhit_rule(rows, loaded->since, rule);
	}
	json_decref(loaded->since);
	json_decref(rules);
}

static int lint_files(const struct words *words, json_t **rows)
{
	struct model *model;
	struct plan *plan;
	int error = manifests_model(words, "file", &model, NULL);

	if (error)
		return error;
	model_give_addresses(model, false);
	model_subjects_add_all(model);
	error = plan_compile(model, &plan);
	if (!error)
		*rows = lint_rows(model, plan);
	plan_free(error ? NULL : plan);
	model_free(model);
	return error;
}

int policy_lint(struct context *context, const struct words *words)
{
	static const struct column columns[] = {
	    {.key = "policy"}, {.key = "rule"},	 {.key = "problem"},
	    {.key = "detail"}, {.key = "where"},
	};
	struct loaded loaded;
	json_t *rows = NULL;
	bool found;
	int error;

	if (word_value(words, "file")) {
		error = lint_files(words, &rows);
	} else {
		error = loaded_open(&loaded, context, LOADED_ALL);
		if (!error) {
			rows = lint_rows(loaded.model, loaded.plan);
			add_unhit(rows, &loaded);
			loaded_close(&loaded);
		}
	}
	if (error)
		return error;
	found = json_array_size(rows) > 0;
	out_table(&context->out, rows, columns, ARRAY_SIZE(columns), "nothing to complain about");
	return found ? REPORTED : 0;
}
