// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/watch/stat.h"
#include "watch/statistics.h"
#include "watch/tallies.h"
#include <string.h>

static double number_of(const json_t *row, const char *key)
{
	return json_number_value(json_object_get(row, key));
}

/* `runs` and `run_ns` grew by so much in `seconds`. */
static void refine_program(json_t *row, double seconds)
{
	double runs = number_of(row, "runs_per_second") * seconds;
	double ns = number_of(row, "run_ns_per_second") * seconds;

	json_object_set_new(row, "ns_per_run",
			    runs > 0 ? json_integer((json_int_t)(ns / runs + 0.5)) : json_null());
	json_object_set_new(row, "cpu_percent",
			    json_real((double)(int64_t)(ns / seconds / 1e5 + 0.5) / 100));
	json_object_del(row, "run_ns_per_second");
}

static void set_end(json_t *row, const char *key, const char *address_key, const char *port_key,
		    const char *pod_key)
{
	const char *pod = json_string_value(json_object_get(row, pod_key));
	const char *address = json_string_value(json_object_get(row, address_key));
	bool is6 = address && strchr(address, ':');

	json_object_set_new(row, key,
			    json_sprintf("%s%s%s%s%s:%lld", pod ? pod : "", pod ? " " : "",
					 is6 ? "[" : "", address ? address : "", is6 ? "]" : "",
					 (long long)number_of(row, port_key)));
}

static void prepare_flow(json_t *row)
{
	set_end(row, "local_end", "local", "local_port", "local_pod");
	set_end(row, "remote_end", "remote", "remote_port", "remote_pod");
}

static void prepare_user(json_t *row)
{
	json_t *user = json_object_get(row, "user");

	json_object_set(row, "who", user ? user : json_object_get(row, "uid"));
}

/* "7 s", "5 min", "9 h", "3 d" */
static void prepare_tally(json_t *row)
{
	static const struct {
		const char *unit;
		json_int_t seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
	json_int_t seconds = json_integer_value(json_object_get(row, "last_seconds"));
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && seconds < 2 * units[i].seconds)
		i++;
	json_object_set_new(
	    row, "ago",
	    json_sprintf("%lld %s", (long long)(seconds / units[i].seconds), units[i].unit));
	prepare_user(row);
}

static void prepare_map(json_t *row)
{
	json_t *percent = json_object_get(row, "used_percent");

	json_object_set_new(row, "memory",
			    json_string(human_bytes((uint64_t)number_of(row, "memory_bytes"))));
	if (percent)
		json_object_set_new(row, "used",
				    json_sprintf("%lld%%", (long long)json_integer_value(percent)));
}

static enum paint paint_warning(const char *text)
{
	return strcmp(text, "-") ? YELLOW : PLAIN;
}

static const struct column program_columns[] = {
    {.key = "program"},
    {.key = "id", .right = true},
    {.key = "runs", .right = true},
    {.key = "runs_per_second", .title = "RUNS/S", .right = true},
    {.key = "ns_per_run", .title = "NS/RUN", .right = true},
    {.key = "cpu_percent", .title = "CPU %", .right = true},
};

static const struct column rule_columns[] = {
    {.key = "rule"},
    {.key = "tier"},
    {.key = "verdict", .paint = paint_verdict},
    {.key = "direction"},
    {.key = "packets", .right = true},
    {.key = "packets_per_second", .title = "PACKETS/S", .right = true},
    {.key = "bytes", .right = true},
    {.key = "bytes_per_second", .title = "BYTES/S", .right = true},
};

static const struct column flow_columns[] = {
    {.key = "subject"},
    {.key = "protocol"},
    {.key = "state"},
    {.key = "direction"},
    {.key = "local_end", .title = "LOCAL"},
    {.key = "remote_end", .title = "REMOTE"},
    {.key = "age_seconds", .title = "AGE", .right = true},
    {.key = "idle_seconds", .title = "IDLE", .right = true},
    {.key = "packets_in", .title = "IN", .right = true},
    {.key = "packets_in_per_second", .title = "IN/S", .right = true},
    {.key = "packets_out", .title = "OUT", .right = true},
    {.key = "packets_out_per_second", .title = "OUT/S", .right = true},
    {.key = "verdict", .paint = paint_verdict},
    {.key = "rule"},
};

static const struct column map_columns[] = {
    {.key = "name"},
    {.key = "type"},
    {.key = "entries", .right = true},
    {.key = "max_entries", .title = "MAX", .right = true},
    {.key = "used", .right = true},
    {.key = "memory", .right = true},
    {.key = "warning", .paint = paint_warning},
};

static const struct column event_columns[] = {
    {.key = "slot", .right = true}, {.key = "wants"},
    {.key = "sent", .right = true}, {.key = "sent_per_second", .title = "SENT/S", .right = true},
    {.key = "lost", .right = true}, {.key = "lost_per_second", .title = "LOST/S", .right = true},
};

static const struct column drop_columns[] = {
    {.key = "count", .right = true},
    {.key = "count_per_second", .title = "COUNT/S", .right = true},
    {.key = "subject"},
    {.key = "direction"},
    {.key = "peer"},
    {.key = "peer_pod", .title = "POD"},
    {.key = "protocol"},
    {.key = "port", .right = true},
    {.key = "who", .title = "USER"},
    {.key = "ago", .title = "LAST", .right = true},
    {.key = "why"},
};

static const struct column destination_columns[] = {
    {.key = "subject"},
    {.key = "peer"},
    {.key = "peer_pod", .title = "POD"},
    {.key = "protocol"},
    {.key = "port", .right = true},
    {.key = "who", .title = "USER"},
    {.key = "allowed", .right = true},
    {.key = "allowed_per_second", .title = "ALLOWED/S", .right = true},
    {.key = "denied", .right = true},
    {.key = "denied_per_second", .title = "DENIED/S", .right = true},
    {.key = "ago", .title = "LAST", .right = true},
};

/* Peers are without number: they are summed, for a series each is not what its readers want. */
static const struct metric drop_metrics[] = {
    {"npctl_drops_total", "counter",
     "Packets, and sockets' attempts, that were denied, whoever the peer.", "count", 1},
    {0},
};

static const struct metric destination_metrics[] = {
    {"npctl_egress_allowed_total", "counter",
     "What users and containers sent or connected to and was allowed, as a verdict was given.",
     "allowed", 1},
    {"npctl_egress_denied_total", "counter", "The same for what was denied, also to pods.",
     "denied", 1},
    {0},
};

static const struct metric program_metrics[] = {
    {"npctl_program_runs_total", "counter", "Runs of a program, counted while statistics are on.",
     "runs", 1},
    {"npctl_program_run_seconds_total", "counter",
     "Time spent in a program, counted while statistics are on.", "run_ns", 1e-9},
    {0},
};

static const struct metric rule_metrics[] = {
    {"npctl_rule_packets_total", "counter", "Packets that a rule decided.", "packets", 1},
    {"npctl_rule_bytes_total", "counter", "Bytes of the packets that a rule decided.", "bytes", 1},
    {0},
};

static const struct metric flow_metrics[] = {
    {"npctl_flows", "gauge", "Connections that are known and alive.", NULL, 1},
    {0},
};

static const struct metric map_metrics[] = {
    {"npctl_map_entries", "gauge", "Entries in a map.", "entries", 1},
    {"npctl_map_max_entries", "gauge", "Entries that a map has room for.", "max_entries", 1},
    {"npctl_map_used_ratio", "gauge", "How full a map is that can be full: 1 is full.",
     "used_percent", 0.01},
    {"npctl_map_memory_bytes", "gauge", "Memory that a map takes.", "memory_bytes", 1},
    {0},
};

static const struct metric event_metrics[] = {
    {"npctl_listener_events_total", "counter", "Events sent to a listener.", "sent", 1},
    {"npctl_listener_events_lost_total", "counter",
     "Events that did not fit in a listener's ring buffer.", "lost", 1},
    {0},
};

#define COLUMNS(name) .columns = name, .column_count = ARRAY_SIZE(name)

const struct stat_kind stat_kinds[] = {
    {.name = "programs",
     .read = statistics_programs,
     .id = {"program"},
     .counters = {"runs", "run_ns"},
     .refine = refine_program,
     COLUMNS(program_columns),
     .nothing = "no programs are loaded",
     .counts_runs = true,
     .metrics = program_metrics,
     .labels = {"program"}},
    {.name = "rules",
     .read = statistics_rules,
     .id = {"rule_number"},
     .counters = {"packets", "bytes"},
     COLUMNS(rule_columns),
     .nothing = "no rules are in force",
     .totals = true,
     .metrics = rule_metrics,
     .labels = {"rule", "tier", "verdict", "direction", "rule_number"}},
    {.name = "flows",
     .prepare = prepare_flow,
     COLUMNS(flow_columns),
     .nothing = "no connections are known",
     .id = {"subject", "protocol", "local", "local_port", "remote", "remote_port"},
     .counters = {"packets_in", "packets_out"},
     .metrics = flow_metrics,
     .labels = {"subject", "protocol", "state", "direction"}},
    {.name = "drops",
     .read = tallies_drops,
     COLUMNS(drop_columns),
     .id = {"subject", "direction", "peer", "protocol", "port", "uid", "user", "why"},
     .counters = {"count"},
     .prepare = prepare_tally,
     .nothing = "nothing was denied",
     .metrics = drop_metrics,
     .labels = {"subject", "direction", "reason", "tier", "rule"}},
    {.name = "destinations",
     .read = tallies_destinations,
     COLUMNS(destination_columns),
     .id = {"subject", "peer", "protocol", "port", "uid", "user"},
     .counters = {"allowed", "denied"},
     .prepare = prepare_tally,
     .nothing = "no destinations are known",
     .metrics = destination_metrics,
     .labels = {"subject", "uid", "user"}},
    {.name = "maps",
     .read = statistics_maps,
     .prepare = prepare_map,
     COLUMNS(map_columns),
     .nothing = "no maps are pinned",
     .metrics = map_metrics,
     .labels = {"name", "type"}},
    {.name = "events",
     .read = statistics_events,
     .id = {"slot"},
     .counters = {"sent", "lost"},
     COLUMNS(event_columns),
     .nothing = "nobody listens",
     .metrics = event_metrics,
     .labels = {"slot"}},
    {0},
};
