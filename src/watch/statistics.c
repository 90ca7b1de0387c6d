// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch/statistics.h"
#include "datapath/apply.h"
#include "commit/enforce.h"
#include "datapath/flow_tables.h"
#include "maps/map.h"
#include "watch/labels.h"
#include "store/pins.h"
#include "datapath/objects.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int statistics_enable(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0 && errno == EPERM)
		return fail("count the runs of programs: not permitted (CAP_SYS_ADMIN is needed)");
	if (fd < 0)
		return fail("count the runs of programs: %s", strerror(errno));
	return fd;
}

struct rows {
	struct instance *instance;
	json_t *array;
};

static int add_program(const char *name, void *data)
{
	struct rows *rows = data;
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	int fd = program_open(rows->instance, name), error;

	if (fd < 0)
		return FAILED;
	error = bpf_obj_get_info_by_fd(fd, &info, &size);
	close(fd);
	if (error)
		return fail("program \"%s\": %s", name, strerror(-error));
	json_array_append_new(rows->array,
			      json_pack("{s:s, s:I, s:I, s:I}", "program", name, "id",
					(json_int_t)info.id, "runs", (json_int_t)info.run_cnt,
					"run_ns", (json_int_t)info.run_time_ns));
	return 0;
}

int statistics_programs(struct instance *instance, json_t **rows)
{
	struct rows all = {instance, json_array()};

	*rows = all.array;
	return pins_each(instance, "progs", add_program, &all);
}

static json_t *rule_row(const struct rule_info *rule, uint32_t number,
			const struct counter *counter)
{
	return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I, s:I}", "rule", rule->name, "rule_number",
			 (json_int_t)number, "tier",
			 rule->tier < TIER_COUNT ? tier_word(rule->tier) : "?", "verdict",
			 rule->allow ? "allow" : "deny", "direction",
			 rule->direction == INGRESS ? "ingress" : "egress", "packets",
			 (json_int_t)counter->packets, "bytes", (json_int_t)counter->bytes);
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The numbers of the rules in force, ascending; freed by the caller. */
static uint32_t *sorted_numbers(const struct numbers *numbers, size_t *count)
{
	const struct number_space *space = &numbers->space[NUMBER_RULE];
	uint32_t *sorted = xalloc(space->count * sizeof(*sorted));

	for (size_t i = 0; i < space->count; i++)
		sorted[i] = space->entries[i].number;
	qsort(sorted, space->count, sizeof(*sorted), compare_numbers);
	*count = space->count;
	return sorted;
}

static int add_rules(struct instance *instance, const struct numbers *numbers,
		     const struct names *names, json_t *rows)
{
	int counters = instance_map(instance, "counters"), error = 0;
	uint32_t *sorted;
	size_t count;

	if (counters < 0)
		return FAILED;
	sorted = sorted_numbers(numbers, &count);
	for (size_t i = 0; i < count && !error; i++) {
		const struct rule_info *rule = names_rule(names, sorted[i]);
		struct counter sum;

		if (!rule)
			continue;
		error = apply_counter(counters, sorted[i], &sum);
		if (!error)
			json_array_append_new(rows, rule_row(rule, sorted[i], &sum));
	}
	free(sorted);
	close(counters);
	return error;
}

int statistics_rules(struct instance *instance, json_t **rows)
{
	struct numbers *numbers = NULL;
	struct names *names = NULL;
	int error;

	*rows = json_array();
	error = enforce_numbers(instance, &numbers);
	if (!error)
		error = names_read(instance, &names);
	if (!error)
		error = add_rules(instance, numbers, names, *rows);
	names_free(names);
	numbers_free(numbers);
	return error;
}

static const char *wants(const struct sink *sink)
{
	if (sink->flags & SINK_DROPS)
		return sink->flags & SINK_ALL ? "every drop" : "drops";
	return sink->flags & SINK_ALL ? "every packet" : "verdicts";
}

static int add_listener(const struct map *map, const void *key, const void *value, void *data)
{
	const struct sink *sink = value;
	struct timespec now;

	(void)map;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (sink->lease > (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec)
		json_array_append_new(data, json_pack("{s:I, s:s, s:I, s:I}", "slot",
						      (json_int_t) * (const uint32_t *)key, "wants",
						      wants(sink), "sent", (json_int_t)sink->sent,
						      "lost", (json_int_t)sink->lost));
	return 0;
}

int statistics_events(struct instance *instance, json_t **rows)
{
	struct map *map;
	int error;

	*rows = json_array();
	if (map_open(instance->root, "sinks", &map))
		return FAILED;
	error = map_each(map, add_listener, *rows);
	map_close(map);
	return error;
}

#define NEARLY_FULL 90 /* per cent */

/* Arrays are always full, and tables of the least recently used are meant to be. */
static bool can_fill(const json_t *row)
{
	const char *type = json_string_value(json_object_get(row, "type"));

	return (strstr(type, "hash") && !strstr(type, "lru")) || !strcmp(type, "array_of_maps");
}

static void set_used(json_t *row, json_int_t entries)
{
	json_int_t most = json_integer_value(json_object_get(row, "max_entries"));

	if (!most)
		return;
	json_object_set_new(row, "used_percent", json_integer(entries * 100 / most));
	if (entries * 100 >= most * NEARLY_FULL)
		json_object_set_new(row, "warning", json_string("nearly full"));
}

/* This array has room for so many rules, and for none of number 0. */
static void set_rules_used(struct instance *instance, json_t *row)
{
	struct numbers *numbers = NULL;

	if (enforce_numbers(instance, &numbers)) {
		failure_clear();
		return;
	}
	set_used(row, (json_int_t)numbers->space[NUMBER_RULE].count + 1);
	numbers_free(numbers);
}

static int count_flow(struct flow_table *table, const void *key, const struct flow *flow,
		      void *data)
{
	(void)table;
	(void)key;
	(void)flow;
	++*(json_int_t *)data;
	return 0;
}

/* By flows, not by buckets of them. A full one forgets what matters least, so nobody is warned. */
static void set_flows_used(struct instance *instance, json_t *row, bool ipv4)
{
	struct flow_tables tables;
	struct flow_table *table = ipv4 ? &tables.ipv4 : &tables.ipv6;
	json_int_t count = 0;

	if (flow_tables_open(&tables, instance)) {
		failure_clear();
		return;
	}
	flow_table_each(table, count_flow, &count);
	json_object_set_new(row, "entries", json_integer(count));
	json_object_set_new(row, "max_entries",
			    json_integer((json_int_t)table->buckets * FLOW_WAYS));
	flow_tables_close(&tables);
}

int statistics_maps(struct instance *instance, json_t **rows)
{
	json_t *row;
	size_t i;
	int error = map_rows(instance->root, rows);

	json_array_foreach (*rows, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));

		if (!strcmp(name, "rules"))
			set_rules_used(instance, row);
		else if (!strcmp(name, "flows4") || !strcmp(name, "flows6"))
			set_flows_used(instance, row, !strcmp(name, "flows4"));
		else if (can_fill(row))
			set_used(row, json_integer_value(json_object_get(row, "entries")));
	}
	return error;
}
