// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/table.h"
#include "commit/enforce.h"
#include "load/programs.h"
#include "store/history.h"

#define HISTORY_MOST (64 << 20)	   /* bytes: a quarter of all records */
#define MAP_LIMIT (1 << 26)	   /* entries: more than memory holds */
#define LIFETIME_LIMIT (7 * 86400) /* seconds: jiffies are counted in 32 bits */

static const char *const lifetime_names[LIFETIMES] = {
    [LIFE_TCP_OPENING] = "tcp-opening",
    [LIFE_TCP] = "tcp",
    [LIFE_TCP_CLOSING] = "tcp-closing",
    [LIFE_SCTP] = "sctp",
    [LIFE_UDP_OPENING] = "udp-opening",
    [LIFE_UDP] = "udp",
    [LIFE_ICMP] = "icmp",
    [LIFE_FRAGMENT] = "fragment",
};

static int read_lifetime(const char *word, struct load_sizes *sizes)
{
	const char *equals = strchr(word, '=');
	unsigned long seconds;
	char *end;
	size_t i;

	for (i = 0; equals && i < LIFETIMES; i++)
		if (strlen(lifetime_names[i]) == (size_t)(equals - word) &&
		    !strncmp(lifetime_names[i], word, equals - word))
			break;
	if (!equals || i == LIFETIMES)
		return misuse("--lifetime %s: expected NAME=SECONDS with one of tcp-opening, tcp, "
			      "tcp-closing, sctp, udp-opening, udp, icmp, fragment",
			      word);
	seconds = strtoul(equals + 1, &end, 10);
	if (equals[1] < '0' || equals[1] > '9' || *end || !seconds || seconds > LIFETIME_LIMIT)
		return misuse("--lifetime %s: seconds are 1 to %d", word, LIFETIME_LIMIT);
	sizes->lifetime_seconds[i] = seconds;
	return 0;
}

static int read_sizes(const struct words *words, struct load_sizes *sizes)
{
	const struct {
		const char *option;
		uint32_t *size;
	} options[] = {
	    {"flows", &sizes->flows},
	    {"rules", &sizes->rules},
	    {"fragments", &sizes->fragments},
	};
	const char *lifetime;
	uint64_t number;
	size_t i;
	int error;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		number = 0;
		error = word_number(words, options[i].option, 16, MAP_LIMIT, &number);
		if (error)
			return error;
		*options[i].size = number;
	}
	for (i = 0; (lifetime = word_nth(words, "lifetime", i)); i++) {
		error = read_lifetime(lifetime, sizes);
		if (error)
			return error;
	}
	return 0;
}

static void say(struct context *context, const char *state, const char *text)
{
	if (context->out.json)
		out_json(&context->out, json_pack("{s:s}", "state", state));
	else if (!quiet)
		puts(text);
}

static int unload(struct context *context, const char *file)
{
	struct instance *instance;
	int error;

	error = instance_open(&instance, context->root, ACCESS_REMOVE);
	if (error)
		return error;
	if (!instance) {
		say(context, "absent", "nothing is loaded");
		return 0;
	}
	error = file ? programs_unload_file(instance, file) : programs_unload(instance);
	instance_close(instance);
	if (!error)
		say(context, "unloaded", "unloaded");
	return error;
}

/* The classic mistake is found before anybody tries to attach it. */
static void warn_types(const json_t *report)
{
	json_t *row;
	size_t i;

	json_array_foreach (report, i, row) {
		const char *type = json_string_value(json_object_get(row, "type"));

		if (type && strcmp(type, "sched_cls") != 0)
			warn("program \"%s\" is of type %s: no interface takes it, SEC(\"tc\") "
			     "makes a sched_cls",
			     json_string_value(json_object_get(row, "name")), type);
	}
}

/* Room for it is a record, which comes into force as all do. */
static int keep_history(struct instance *instance, uint64_t bytes)
{
	if (bytes == UINT64_MAX || bytes == history_limit(instance))
		return 0;
	return history_set_limit(instance, bytes) ? FAILED : enforce_commit(instance);
}

static int load(struct context *context, const char *file, const struct load_sizes *sizes,
		uint64_t history)
{
	static const struct column columns[] = {
	    {.key = "kind"},  {.key = "name"}, {.key = "id", .right = true},
	    {.key = "state"}, {.key = "type"}, {.key = "pin"},
	};
	struct instance *instance;
	json_t *report = NULL;
	int error;

	error = instance_open(&instance, context->root, ACCESS_CREATE);
	if (error)
		return error;
	error = file ? programs_load_file(instance, file, &report)
		     : programs_load(instance, sizes, &report);
	if (error)
		instance_remove_if_empty(instance);
	else
		error = keep_history(instance, history);
	instance_close(instance);
	if (error) {
		json_decref(report);
		return error;
	}
	warn_types(report);
	out_table(&context->out, report, columns, ARRAY_SIZE(columns), "nothing to load");
	return 0;
}

static int run_load(struct context *context, const struct words *words)
{
	const char *file = words->count ? words->word[0] : NULL;
	struct load_sizes sizes = {};
	uint64_t history = UINT64_MAX;
	int error;

	if ((file || word_flag(words, "unload")) && words->given_count > word_flag(words, "unload"))
		return misuse("sizes and lifetimes go with a plain load");
	error = read_sizes(words, &sizes);
	if (!error)
		error = word_number(words, "history", 0, HISTORY_MOST, &history);
	if (error)
		return error;
	if (word_flag(words, "unload"))
		return unload(context, file);
	return load(context, file, &sizes, history);
}

static const struct option options[] = {
    {"unload", VALUE_NONE, NULL, "detach and remove what was loaded", 0, false},
    {"flows", VALUE_NUMBER, "N", "room for N IPv4 flows and half as many IPv6 ones", 0, false},
    {"rules", VALUE_NUMBER, "N", "room for N rules", 0, false},
    {"fragments", VALUE_NUMBER, "N", "room for N fragmented packets", 0, false},
    {"lifetime", VALUE_TEXT, "NAME=SECONDS", "forget idle flows of a kind after SECONDS", 0, true},
    {"history", VALUE_NUMBER, "SIZE", "bytes for what changed, and by whom (default: 4M)", 0,
     false},
    {0},
};

const struct command command_load = {
    "load",
    "load or upgrade the programs and maps",
    (const struct verb[]){
	{"", "[FILE.o]", "load npctl's programs, or those of an object of your own", 0, 1, options,
	 run_load, NULL},
	{0},
    },
};
