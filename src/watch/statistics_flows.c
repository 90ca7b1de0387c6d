// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The flow tables, as a list of connections. */
#include "watch/event_text.h"
#include "base/port.h"
#include "datapath/flow_tables.h"
#include "kernel/jiffies.h"
#include "watch/statistics.h"
#include <arpa/inet.h>
#include <string.h>

static const char *const states[LIFETIMES] = {
    [LIFE_TCP_OPENING] = "opening", [LIFE_TCP] = "open",     [LIFE_TCP_CLOSING] = "closing",
    [LIFE_UDP_OPENING] = "asked",   [LIFE_UDP] = "answered", [LIFE_SCTP] = "open",
    [LIFE_ICMP] = "asked",
};

/* What both kinds of key say. */
struct ends {
	uint32_t ifindex;
	struct address local, remote;
	uint16_t local_port, remote_port;
	uint8_t protocol;
};

struct listing {
	const struct flow_filter *filter;
	json_t *rows; /* NULL: they are deleted */
	size_t deleted;
	struct names *names;
	const struct settings *settings;
	struct jiffies clock;
};

static bool is_alive(const struct listing *listing, const struct flow *flow)
{
	const struct jiffies *clock = &listing->clock;
	uint32_t lifetime = listing->settings->lifetime[flow->lifetime & (LIFETIMES - 1)];

	return !flow->last.version ||
	       jiffies_since(clock, jiffies_whole(clock, flow->seen)) <= lifetime;
}

static json_t *seconds_since(const struct listing *listing, uint32_t then)
{
	const struct jiffies *clock = &listing->clock;

	return json_integer((json_int_t)jiffies_seconds_since(clock, jiffies_whole(clock, then)));
}

static void set_end(json_t *row, const struct names *names, const struct address *address,
		    uint16_t port, const char *const keys[3])
{
	const char *pod = names_pod(names, address);
	char text[ADDRESS_TEXT];

	json_object_set_new(row, keys[0], json_string(address_text(address, text)));
	json_object_set_new(row, keys[1], json_integer(port));
	if (pod)
		json_object_set_new(row, keys[2], json_string(pod));
}

static void set_rule(json_t *row, const struct names *names, const struct flow *flow)
{
	const struct rule_info *rule = names_rule(names, flow->last.answer & ANSWER_RULE);

	if (!flow->last.version) {
		json_object_set_new(row, "verdict", json_string("not judged yet"));
		return;
	}
	json_object_set_new(row, "verdict",
			    json_string(flow->last.answer & ANSWER_ALLOW ? "allow" : "deny"));
	if (rule)
		json_object_set_new(row, "rule", json_string(rule->name));
}

static bool is_peer(const struct flow_filter *filter, const struct address *address)
{
	bool is = !filter->peer_count;

	for (size_t i = 0; i < filter->peer_count && !is; i++)
		is = prefix_contains(&filter->peers[i], address);
	return is;
}

static bool is_meant(const struct flow_filter *filter, const struct ends *ends)
{
	return (!filter->ifindex || filter->ifindex == ends->ifindex) &&
	       (!filter->protocol || filter->protocol == ends->protocol) &&
	       (!filter->port || filter->port == ends->local_port ||
		filter->port == ends->remote_port) &&
	       is_peer(filter, &ends->remote);
}

static json_t *flow_row(const struct listing *listing, const struct ends *ends,
			const struct flow *flow)
{
	static const char *const local[] = {"local", "local_port", "local_pod"};
	static const char *const remote[] = {"remote", "remote_port", "remote_pod"};
	const char *subject = names_subject(listing->names, ends->ifindex);
	const char *state = flow->lifetime < LIFETIMES ? states[flow->lifetime] : NULL;
	json_t *row =
	    json_pack("{s:s, s:s, s:s, s:s}", "subject", subject ? subject : "", "protocol",
		      ip_protocol_text(ends->protocol), "state", state ? state : "?", "direction",
		      flow->initiator == INGRESS ? "ingress" : "egress");

	set_end(row, listing->names, &ends->local, ends->local_port, local);
	set_end(row, listing->names, &ends->remote, ends->remote_port, remote);
	json_object_set_new(row, "age_seconds", seconds_since(listing, flow->created));
	json_object_set_new(row, "idle_seconds", seconds_since(listing, flow->seen));
	json_object_set_new(row, "packets_in", json_integer(flow->packets[INGRESS]));
	json_object_set_new(row, "packets_out", json_integer(flow->packets[EGRESS]));
	set_rule(row, listing->names, flow);
	return row;
}

/* One that the datapath has forgotten meanwhile is deleted as well. */
static int take_flow(struct listing *listing, struct flow_table *table, const void *key,
		     const struct ends *ends, const struct flow *flow)
{
	if (!is_alive(listing, flow) || !is_meant(listing->filter, ends))
		return 0;
	if (listing->rows)
		json_array_append_new(listing->rows, flow_row(listing, ends, flow));
	else if (flow_table_delete(table, key))
		listing->deleted++;
	return 0;
}

static int take_flow4(struct flow_table *table, const void *key, const struct flow *value,
		      void *data)
{
	const struct flow4_key *flow = key;
	struct ends ends = {flow->ifindex,
			    {.family = 4},
			    {.family = 4},
			    ntohs(flow->local_port),
			    ntohs(flow->remote_port),
			    flow->protocol};

	memcpy(ends.local.bytes, &flow->local, 4);
	memcpy(ends.remote.bytes, &flow->remote, 4);
	return take_flow(data, table, key, &ends, value);
}

static int take_flow6(struct flow_table *table, const void *key, const struct flow *value,
		      void *data)
{
	const struct flow6_key *flow = key;
	struct ends ends = {flow->ifindex,
			    {.family = 6},
			    {.family = 6},
			    ntohs(flow->local_port),
			    ntohs(flow->remote_port),
			    flow->protocol};

	memcpy(ends.local.bytes, flow->local, 16);
	memcpy(ends.remote.bytes, flow->remote, 16);
	return take_flow(data, table, key, &ends, value);
}

static int walk(struct instance *instance, struct listing *listing)
{
	struct flow_tables flows;
	int error = names_read(instance, &listing->names);

	listing->settings = instance->settings;
	jiffies_read(&listing->clock);
	if (!error)
		error = flow_tables_open(&flows, instance);
	if (!error) {
		error = flow_tables_each(&flows, take_flow4, take_flow6, listing);
		flow_tables_close(&flows);
	}
	names_free(listing->names);
	return error;
}

int statistics_flows(struct instance *instance, const struct flow_filter *filter, json_t **rows)
{
	struct listing listing = {.filter = filter, .rows = json_array()};

	*rows = listing.rows;
	return walk(instance, &listing);
}

int flows_delete(struct instance *instance, const struct flow_filter *filter, size_t *count)
{
	struct listing listing = {.filter = filter};
	int error = walk(instance, &listing);

	*count = listing.deleted;
	return error;
}
