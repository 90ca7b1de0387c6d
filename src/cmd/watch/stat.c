// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/watch/filter.h"
#include "cmd/watch/stat.h"
#include "base/interrupt.h"
#include "watch/statistics.h"
#include "watch/tallies.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct watch {
	struct context *context;
	const struct words *words;
	const struct stat_kind *kind;
	bool again, prometheus;
	uint64_t interval_s, count; /* count 0: for ever */
	json_t *before;		    /* rows of the last look, NULL at the first */
	double seconds;		    /* since then */
	struct timespec looked;
};

/* The peers are kept for the filter. */
struct flow_words {
	struct flow_filter filter;
	struct prefix peers[FILTER_PREFIXES];
};

static int parse_flows(const struct words *words, struct instance *instance,
		       struct flow_words *flows)
{
	const char *pod = word_value(words, "pod"), *peer = word_value(words, "peer");
	const char *port = word_value(words, "port");
	struct flow_filter *filter = &flows->filter;
	struct names *names;
	int error = names_read(instance, &names);

	*flows = (struct flow_words){.filter.peers = flows->peers};
	if (error)
		return error;
	if (port)
		error = filter_port(port, &filter->protocol, &filter->port);
	if (!error && pod)
		error = filter_pod(pod, names, &filter->ifindex);
	if (!error && peer)
		error = filter_peer(peer, names, flows->peers, &filter->peer_count);
	names_free(names);
	return error;
}

static int read_flows(struct instance *instance, const struct words *words, json_t **rows)
{
	struct flow_words flows;
	int error = parse_flows(words, instance, &flows);

	return error ? error : statistics_flows(instance, &flows.filter, rows);
}

static int read_rows(const struct context *context, const struct words *words,
		     const struct stat_kind *kind, json_t **rows)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_READ);

	*rows = NULL;
	if (error)
		return error;
	error = kind->read ? kind->read(instance, rows) : read_flows(instance, words, rows);
	instance_close(instance);
	if (error) {
		json_decref(*rows);
		*rows = NULL;
	}
	return error;
}

/* By what they are known by. */
static json_t *index_rows(const struct stat_kind *kind, json_t *rows)
{
	json_t *index = json_object(), *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		char *id = stat_labels(row, kind->id);

		json_object_set(index, id, row);
		free(id);
	}
	return index;
}

static void add_row_rates(const struct watch *watch, json_t *row, const json_t *old)
{
	const struct stat_kind *kind = watch->kind;

	for (size_t i = 0; i < STAT_NAMES && kind->counters[i]; i++) {
		const char *key = kind->counters[i];
		json_int_t was = json_integer_value(json_object_get(old, key));
		json_int_t is = json_integer_value(json_object_get(row, key));
		double rate = (double)(is >= was ? is - was : is) / watch->seconds;
		char name[40];

		snprintf(name, sizeof(name), "%s_per_second", key);
		json_object_set_new(row, name, json_real((double)(int64_t)(rate * 10 + 0.5) / 10));
	}
	if (kind->refine)
		kind->refine(row, watch->seconds);
}

/* What began after the last look, or began anew, grew from nothing. */
static void add_rates(const struct watch *watch, json_t *rows)
{
	json_t *index = index_rows(watch->kind, watch->before), *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		char *id = stat_labels(row, watch->kind->id);

		add_row_rates(watch, row, json_object_get(index, id));
		free(id);
	}
	json_decref(index);
}

static void show(const struct watch *watch, json_t *rows)
{
	const struct out *out = &watch->context->out;
	const struct stat_kind *kind = watch->kind;
	json_t *row;
	size_t i;

	if (watch->prometheus) {
		stat_metrics(stdout, kind, rows);
		json_decref(rows);
		return;
	}
	if (!out->json && kind->prepare)
		json_array_foreach (rows, i, row)
			kind->prepare(row);
	if (watch->again && !out->json && isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	out_table(out, rows, kind->columns, kind->column_count, kind->nothing);
	if (watch->again && !out->json)
		putchar('\n');
}

static int look(struct watch *watch, json_t **rows)
{
	struct timespec now;
	int error = read_rows(watch->context, watch->words, watch->kind, rows);

	if (error)
		return error;
	clock_gettime(CLOCK_MONOTONIC, &now);
	watch->seconds = (double)(now.tv_sec - watch->looked.tv_sec) +
			 (double)(now.tv_nsec - watch->looked.tv_nsec) / 1e9;
	watch->looked = now;
	if (watch->before && watch->kind->id[0])
		add_rates(watch, *rows);
	return 0;
}

static json_t *totals(const json_t *rules, const char *verdict)
{
	json_int_t packets = 0, bytes = 0;
	json_t *row;
	size_t i;

	json_array_foreach (rules, i, row) {
		if (strcmp(json_string_value(json_object_get(row, "verdict")), verdict) != 0)
			continue;
		packets += json_integer_value(json_object_get(row, "packets"));
		bytes += json_integer_value(json_object_get(row, "bytes"));
	}
	return json_pack("{s:I, s:I}", "packets", packets, "bytes", bytes);
}

/* What a watch of rules comes to in the end, for people. */
static void say_totals(const struct watch *watch)
{
	json_t *allowed, *denied;

	if (!watch->kind->totals || !watch->before || watch->context->out.json || quiet)
		return;
	allowed = totals(watch->before, "allow");
	denied = totals(watch->before, "deny");
	fprintf(stderr,
		"npctl: allowed %lld packets, %lld bytes; denied %lld packets, %lld bytes\n",
		json_integer_value(json_object_get(allowed, "packets")),
		json_integer_value(json_object_get(allowed, "bytes")),
		json_integer_value(json_object_get(denied, "packets")),
		json_integer_value(json_object_get(denied, "bytes")));
	json_decref(allowed);
	json_decref(denied);
}

/* Rates need two looks; then one for each interval. */
static int follow(struct watch *watch)
{
	const struct timespec pause = {.tv_sec = (time_t)watch->interval_s};
	uint64_t shown = 0;
	json_t *rows;
	int error = look(watch, &watch->before);

	while (!error && !interrupted) {
		if (nanosleep(&pause, NULL))
			break;
		error = look(watch, &rows);
		if (error)
			break;
		json_decref(watch->before);
		watch->before = json_deep_copy(rows);
		show(watch, rows);
		if (fflush(stdout) || ++shown == watch->count)
			break;
	}
	say_totals(watch);
	json_decref(watch->before);
	return error;
}

static int show_once(struct watch *watch)
{
	json_t *rows;
	int error = look(watch, &rows);

	if (!error)
		show(watch, rows);
	return error;
}

static int check_watch(const struct context *context, const struct words *words,
		       const struct stat_kind *kind)
{
	bool again = word_flag(words, "watch"), prometheus = word_flag(words, "prometheus");

	if (prometheus && again)
		return misuse("--prometheus and --watch do not go together");
	if (prometheus && context->out.json)
		return misuse("--prometheus and -j do not go together");
	if (!again && word_flag(words, "count"))
		return misuse("--count only goes with --watch");
	if (!again && !kind->counts_runs && word_flag(words, "interval"))
		return misuse("--interval only goes with --watch");
	return 0;
}

static int run_kind(struct context *context, const struct words *words,
		    const struct stat_kind *kind)
{
	struct watch watch = {.context = context,
			      .words = words,
			      .kind = kind,
			      .again = word_flag(words, "watch"),
			      .prometheus = word_flag(words, "prometheus"),
			      .interval_s = 1};
	int error = word_number(words, "interval", 1, 86400, &watch.interval_s), statistics = -1;

	if (!error)
		error = word_number(words, "count", 1, INT64_MAX, &watch.count);
	if (!error)
		error = check_watch(context, words, kind);
	if (error)
		return error;
	if (!watch.again)
		watch.count = 1;
	if (kind->counts_runs) {
		statistics = statistics_enable();
		if (statistics < 0)
			return statistics;
	}
	interrupt_catch();
	error = watch.again || kind->counts_runs ? follow(&watch) : show_once(&watch);
	if (statistics >= 0)
		close(statistics);
	return error;
}

static const struct stat_kind *kind_named(const char *name)
{
	const struct stat_kind *kind = stat_kinds;

	while (strcmp(kind->name, name) != 0)
		kind++;
	return kind;
}

#define RUN(kind)                                                                 \
	static int run_##kind(struct context *context, const struct words *words) \
	{                                                                         \
		return run_kind(context, words, kind_named(#kind));               \
	}
RUN(programs)
RUN(rules)
RUN(maps)
RUN(events)

static int delete_flows(struct context *context, const struct words *words)
{
	struct flow_words flows;
	struct instance *instance;
	size_t count = 0;
	int error;

	if (!word_flag(words, "all") && !word_value(words, "pod") && !word_value(words, "peer") &&
	    !word_value(words, "port"))
		return misuse("which flows: --pod, --peer, --port or --all");
	if (word_flag(words, "watch") || word_flag(words, "prometheus"))
		return misuse("--delete shows nothing to watch or to export");
	error = instance_open(&instance, context->root, ACCESS_READ);
	if (error)
		return error;
	error = parse_flows(words, instance, &flows);
	if (!error)
		error = flows_delete(instance, &flows.filter, &count);
	instance_close(instance);
	if (error)
		return error;
	if (context->out.json)
		out_json(&context->out, json_pack("{s:I}", "deleted", (json_int_t)count));
	else
		printf("deleted %zu flow%s\n", count, count == 1 ? "" : "s");
	return 0;
}

static int run_flows(struct context *context, const struct words *words)
{
	if (word_flag(words, "delete"))
		return delete_flows(context, words);
	if (word_flag(words, "all"))
		return misuse("--all only goes with --delete");
	return run_kind(context, words, kind_named("flows"));
}

static int run_tallies(struct context *context, const struct words *words, const char *kind)
{
	struct instance *instance;
	int error;

	if (!word_flag(words, "clear"))
		return run_kind(context, words, kind_named(kind));
	if (word_flag(words, "watch") || word_flag(words, "prometheus"))
		return misuse("--clear stands alone");
	error = instance_open(&instance, context->root, ACCESS_READ);
	if (error)
		return error;
	error = tallies_clear(instance);
	instance_close(instance);
	return error;
}

static int run_drops(struct context *context, const struct words *words)
{
	return run_tallies(context, words, "drops");
}

static int run_destinations(struct context *context, const struct words *words)
{
	return run_tallies(context, words, "destinations");
}

static int read_kind(struct context *context, const struct words *words, const char *name,
		     json_t **rows)
{
	return read_rows(context, words, kind_named(name), rows);
}

static int run_summary(struct context *context, const struct words *words)
{
	json_t *rules = NULL, *flows = NULL, *events = NULL;
	int error = read_kind(context, words, "rules", &rules);

	if (!error)
		error = read_kind(context, words, "flows", &flows);
	if (!error)
		error = read_kind(context, words, "events", &events);
	if (!error)
		out_object(&context->out,
			   json_pack("{s:I, s:o, s:o, s:I, s:I}", "rules",
				     (json_int_t)json_array_size(rules), "allowed",
				     totals(rules, "allow"), "denied", totals(rules, "deny"),
				     "flows", (json_int_t)json_array_size(flows), "listeners",
				     (json_int_t)json_array_size(events)));
	json_decref(rules);
	json_decref(flows);
	json_decref(events);
	return error;
}

int stat_metrics_all(const struct context *context, FILE *to)
{
	static const struct words none;
	json_t *rows;
	int error = 0;

	for (const struct stat_kind *kind = stat_kinds; kind->name && !error; kind++) {
		error = read_rows(context, &none, kind, &rows);
		if (!error)
			stat_metrics(to, kind, rows);
		json_decref(rows);
	}
	return error;
}

static int run_all(struct context *context, const struct words *words)
{
	if (word_flag(words, "prometheus") && context->out.json)
		return misuse("--prometheus and -j do not go together");
	if (word_flag(words, "prometheus"))
		return stat_metrics_all(context, stdout);
	return run_summary(context, words);
}

#define PROMETHEUS                                                                                \
	{                                                                                         \
		"prometheus", VALUE_NONE, NULL, "print the text format that Prometheus reads", 0, \
		    false                                                                         \
	}

static const struct option summary_options[] = {PROMETHEUS, {0}};

#define WATCH                                                                                     \
	{"watch", VALUE_NONE, NULL, "look again and again, and show rates", 0, false},            \
	    {"interval", VALUE_NUMBER, "SECONDS", "between two looks: 1 unless given", 0, false}, \
	{                                                                                         \
		"count", VALUE_NUMBER, "N", "with --watch: end after showing N times", 0, false   \
	}

static const struct option options[] = {WATCH, PROMETHEUS, {0}};

static const struct option tally_options[] = {
    {"clear", VALUE_NONE, NULL, "forget drops and destinations, and count anew", 0, false},
    WATCH,
    PROMETHEUS,
    {0},
};

static const struct option flow_options[] = {
    {"pod", VALUE_POD, "POD", "judged for this pod", 0, false},
    {"peer", VALUE_PEER, "PEER", "with this address, prefix or pod", 0, false},
    {"port", VALUE_PORT, "PORT", "from or to this port: 80 or tcp/80", 0, false},
    {"delete", VALUE_NONE, NULL, "forget them: the next packet is judged as a first one", 0, false},
    {"all", VALUE_NONE, NULL, "with --delete: every flow", 0, false},
    WATCH,
    PROMETHEUS,
    {0},
};

static const struct verb verbs[] = {
    {"", "", "totals of what was allowed and denied", 0, 0, summary_options, run_all, NULL},
    {"programs", "", "what the programs cost: runs, time, share of a processor", 0, 0, options,
     run_programs, NULL},
    {"rules", "", "packets and bytes that each rule decided", 0, 0, options, run_rules, NULL},
    {"flows", "", "connections that are known, with the rule that let them in", 0, 0, flow_options,
     run_flows, NULL},
    {"drops", "", "what was denied, with nobody looking, the latest first", 0, 0, tally_options,
     run_drops, NULL},
    {"destinations", "", "where users and containers went, allowed and denied", 0, 0, tally_options,
     run_destinations, NULL},
    {"maps", "", "how full the maps are", 0, 0, options, run_maps, NULL},
    {"events", "", "listeners, events sent and lost", 0, 0, options, run_events, NULL},
    {0},
};

const struct command command_stat = {"stat", "counters, connections, costs", verbs};
