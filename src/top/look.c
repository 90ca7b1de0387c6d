// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "commit/enforce.h"
#include "watch/event_text.h"
#include "watch/statistics.h"
#include "net/topo.h"
#include "compile/plan.h"
#include "top/top.h"
#include "store/documents.h"
#include "store/waiting.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RING_BYTES (1 << 20)
#define MOST_AT_ONCE 1000 /* events between two looks at the keyboard */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

/* The subjects of the policy in force, compiled only when that has changed. */
static void read_states(struct instance *instance, struct look *look)
{
	json_t *attachments, *one;
	struct plan *plan = NULL;
	size_t i;

	if (look->states && look->version == version_in_force(instance->settings))
		return;
	json_decref(look->states);
	look->states = json_object();
	look->version = version_in_force(instance->settings);
	if (enforce_plan(instance, &plan)) {
		failure_clear();
		return;
	}
	attachments = document_get(instance, "attachments");
	json_array_foreach (attachments, i, one) {
		const char *subject = text_of(one, "subject");
		int index = plan_subject_find(plan, subject);
		const bool *enforced = index < 0 ? NULL : plan->subjects[index].enforced;
		const char *word = "open";

		if (enforced && (enforced[INGRESS] || enforced[EGRESS]))
			word = !enforced[EGRESS]    ? "policy in"
			       : !enforced[INGRESS] ? "policy out"
						    : "policy";
		json_object_set_new(look->states, subject, json_string(word));
	}
	json_decref(attachments);
	plan_free(plan);
}

static void add_endpoint(struct look *look, const char *pod, json_t *addresses, json_t *ports,
			 const char *link)
{
	const char *state = json_string_value(json_object_get(look->states, pod));
	const char *address = json_string_value(json_array_get(addresses, 0));

	if (!strcmp(link, "up") || !*link)
		link = state ? state : *link ? "unattached" : "open";
	json_array_append_new(look->endpoints,
			      json_pack("{s:s, s:s, s:O?, s:s}", "pod", pod, "address",
					address ? address : "", "ports", ports, "state", link));
}

static bool has_endpoint(const struct look *look, const char *pod)
{
	json_t *row;
	size_t i;

	json_array_foreach (look->endpoints, i, row)
		if (!strcmp(text_of(row, "pod"), pod))
			return true;
	return false;
}

/* Pods of the topology, and what else is attached. */
static void read_endpoints(struct instance *instance, struct look *look)
{
	json_t *topology = document_get(instance, "topology"), *rows, *row;
	const char *subject;
	size_t i;

	look->has_topology = topology != NULL;
	look->endpoints = json_array();
	rows = topology ? topo_rows(topology) : json_array();
	json_array_foreach (rows, i, row)
		add_endpoint(look, text_of(row, "pod"), json_object_get(row, "addresses"),
			     json_object_get(row, "ports"), text_of(row, "state"));
	json_object_foreach (look->states, subject, row)
		if (!has_endpoint(look, subject))
			add_endpoint(look, subject, NULL, NULL, "");
	json_decref(rows);
	json_decref(topology);
}

static json_t *same_rule(json_t *rows, const json_t *wanted)
{
	json_t *row, *number = json_object_get(wanted, "rule_number");
	size_t i;

	json_array_foreach (rows, i, row)
		if (json_equal(json_object_get(row, "rule_number"), number))
			return row;
	return NULL;
}

long rule_id(const json_t *row)
{
	const char *name = text_of(row, "rule");

	if (strcmp(text_of(row, "tier"), "rule") || strncmp(name, "rule ", 5))
		return 0;
	return strtol(name + 5, NULL, 10);
}

char *rule_key(const json_t *row)
{
	long id = rule_id(row);

	return id ? xprintf("rule %ld", id)
		  : xprintf("%s %s", text_of(row, "direction"), text_of(row, "rule"));
}

ssize_t rule_selected(const struct top *top)
{
	json_t *row;
	size_t i;

	json_array_foreach (top->look.rules, i, row) {
		char *key = rule_key(row);
		bool is = top->selected && !strcmp(key, top->selected);

		free(key);
		if (is)
			return (ssize_t)i;
	}
	return -1;
}

/* What is always exempt stands last: it is the same everywhere. */
static void order_rules(struct look *look)
{
	json_t *ordered = json_array(), *row;
	size_t i;

	for (int exempt = 0; exempt < 2; exempt++)
		json_array_foreach (look->rules, i, row)
			if ((strcmp(text_of(row, "tier"), "exempt") == 0) == (exempt == 1))
				json_array_append(ordered, row);
	json_decref(look->rules);
	look->rules = ordered;
}

static void add_rates(struct look *look, json_t *before)
{
	json_t *row;
	size_t i;

	json_array_foreach (look->rules, i, row) {
		const json_t *old = same_rule(before, row);
		double grown = number_of(row, "packets") - (old ? number_of(old, "packets") : 0);

		if (before && grown >= 0 && look->seconds > 0)
			json_object_set_new(row, "per_second", json_real(grown / look->seconds));
	}
}

static struct history *history_of(struct top *top, const char *name)
{
	struct history *history;

	for (size_t i = 0; i < top->programs; i++)
		if (!strcmp(top->history[i].name, name))
			return &top->history[i];
	if (top->programs == PROGRAMS)
		return NULL;
	history = &top->history[top->programs++];
	strncpy(history->name, name, sizeof(history->name) - 1);
	return history;
}

static void add_history(struct top *top, json_t *before)
{
	json_t *row, *old;
	size_t i, k;

	json_array_foreach (top->look.programs, i, row) {
		struct history *history = history_of(top, text_of(row, "program"));
		double runs = 0, ns = 0;

		json_array_foreach (before, k, old)
			if (json_equal(json_object_get(old, "id"), json_object_get(row, "id"))) {
				runs = number_of(row, "runs") - number_of(old, "runs");
				ns = number_of(row, "run_ns") - number_of(old, "run_ns");
			}
		if (!history || top->look.seconds <= 0)
			continue;
		history->runs = (uint64_t)number_of(row, "runs");
		history->runs_per_second = runs / top->look.seconds;
		if (runs > 0)
			history->ns_per_run = ns / runs;
		history->share = ns / top->look.seconds / 1e9;
		history->past[history->count++ % HISTORY] = (float)history->share;
	}
}

static void read_all(struct top *top, struct instance *instance)
{
	struct look *look = &top->look;
	json_t *rules = look->rules, *programs = look->programs;
	int error = 0;

	look->rules = look->programs = NULL;
	look->loaded = instance_loaded(instance);
	read_states(instance, look);
	read_endpoints(instance, look);
	if (look->loaded)
		error = statistics_rules(instance, &look->rules);
	if (look->loaded && !error)
		error = statistics_programs(instance, &look->programs);
	if (error)
		look->trouble = xstrdup(failure());
	order_rules(look);
	add_rates(look, rules);
	if (programs)
		add_history(top, programs);
	json_decref(rules);
	json_decref(programs);
}

static void listen_begin(struct top *top, struct instance *instance)
{
	const struct sink all = {0};
	char *pin = instance_path(instance, "maps", "sinks");
	struct stat info = {0};
	bool there = !stat(pin, &info);

	free(pin);
	if (top->listener && (!there || info.st_ino != top->sinks))
		listen_end(top);
	if (top->look.loaded && (!top->names || names_are_stale(top->names))) {
		names_free(top->names);
		if (names_read(instance, &top->names))
			top->names = NULL;
	}
	if (top->listener || !there || !top->names)
		return;
	top->sinks = info.st_ino;
	if (listener_open(instance, &all, RING_BYTES, &top->listener)) {
		top->listener = NULL;
		free(top->look.trouble);
		top->look.trouble = xstrdup(failure());
	}
}

void listen_end(struct top *top)
{
	listener_close(top->listener);
	names_free(top->names);
	top->listener = NULL;
	top->names = NULL;
}

void look_now(struct top *top)
{
	struct look *look = &top->look;
	struct instance *instance;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	look->seconds =
	    (double)(now.tv_sec - look->at.tv_sec) + (double)(now.tv_nsec - look->at.tv_nsec) / 1e9;
	look->at = now;
	free(look->trouble);
	look->trouble = NULL;
	json_decref(look->endpoints);
	look->endpoints = NULL;
	top->changed = true;
	if (instance_open(&instance, top->context->root, ACCESS_TRY)) {
		look->trouble = xstrdup(failure());
		instance = NULL;
	}
	look->present = instance != NULL;
	if (instance) {
		read_all(top, instance);
		listen_begin(top, instance);
		instance_close(instance);
	} else {
		listen_end(top);
		look_release(look);
		look->loaded = look->has_topology = false;
	}
	failure_clear();
}

void look_release(struct look *look)
{
	json_decref(look->endpoints);
	json_decref(look->states);
	json_decref(look->rules);
	json_decref(look->programs);
	look->endpoints = look->states = look->rules = look->programs = NULL;
}

static int on_event(void *data, const struct event *event)
{
	struct top *top = data;
	char *from = event_end(top->names, event, true, false);
	char *to = event_end(top->names, event, false, false);
	char *why = event_why(top->names, event), *size = event_size(event);
	time_t seconds = (time_t)(event_wall_us(event) / 1000000);
	struct tm local;

	localtime_r(&seconds, &local);
	log_add(&top->log, event->allow ? GREEN : RED, "%02d:%02d:%02d %s %s %s -> %s %s%s%s%s  %s",
		local.tm_hour, local.tm_min, local.tm_sec, event->allow ? "ALLOW" : "DROP ",
		event->direction == INGRESS ? "in " : "out", from, to, event_protocol(event),
		*size ? " " : "", size, *size ? " bytes" : "", why);
	free(size);
	free(from);
	free(to);
	free(why);
	top->changed = true;
	return ++top->events[!!event->allow] % MOST_AT_ONCE == 0;
}

void listen_now(struct top *top)
{
	uint64_t sent;

	if (!top->listener)
		return;
	if (listener_poll(top->listener, 0, on_event, top) == -ESTALE)
		listen_end(top);
	else
		listener_totals(top->listener, &sent, &top->lost);
	failure_clear();
}
