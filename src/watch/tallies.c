// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch/tallies.h"
#include "base/port.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "watch/event_text.h"
#include "kernel/jiffies.h"
#include "watch/labels.h"

struct entry {
	struct tally_key key;
	struct tally tally;
};

struct tallies {
	struct entry *entry;
	size_t count, capacity;
	struct names *names;
	struct jiffies clock;
};

static void add(struct tallies *tallies, const struct tally_key *key, const struct tally *tally)
{
	GROW(tallies->entry, tallies->count, tallies->capacity);
	tallies->entry[tallies->count++] = (struct entry){*key, *tally};
}

static void read_table(struct tallies *tallies, int map)
{
	struct tally_key key, next;
	struct tally tally;
	bool first = true;

	while (!bpf_map_get_next_key(map, first ? NULL : &key, &next)) {
		key = next;
		first = false;
		if (!bpf_map_lookup_elem(map, &key, &tally))
			add(tallies, &key, &tally);
	}
}

/*
 * What a processor has of its own is not in the table, or in it with what it
 * was before. An older npctl's map has no second entry.
 */
static void read_recents(struct tallies *tallies, int map, uint32_t which)
{
	int processors = libbpf_num_possible_cpus();
	struct tally_recent *recents = xalloc((size_t)processors * sizeof(*recents));

	_Static_assert(sizeof(*recents) % 8 == 0, "a per-CPU array's stride");
	if (bpf_map_lookup_elem(map, &which, recents))
		processors = 0;
	for (int i = 0; i < processors; i++)
		if (recents[i].tally.count)
			add(tallies, &recents[i].key, &recents[i].tally);
	free(recents);
}

static int compare_keys(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void join(struct tally *tally, const struct tally *more)
{
	tally->count += more->count;
	if (more->first < tally->first)
		tally->first = more->first;
	if (more->last > tally->last)
		tally->last = more->last;
}

static void join_equal(struct tallies *tallies)
{
	size_t kept = 0;

	if (tallies->count)
		qsort(tallies->entry, tallies->count, sizeof(*tallies->entry), compare_keys);
	for (size_t i = 0; i < tallies->count; i++)
		if (kept && !compare_keys(&tallies->entry[kept - 1], &tallies->entry[i]))
			join(&tallies->entry[kept - 1].tally, &tallies->entry[i].tally);
		else
			tallies->entry[kept++] = tallies->entry[i];
	tallies->count = kept;
}

static int tallies_read(struct instance *instance, struct tallies *tallies)
{
	int table = instance_map(instance, "tallies"), recents = -1, error = FAILED;

	*tallies = (struct tallies){0};
	if (table < 0)
		return FAILED;
	recents = instance_map(instance, "tally_recents");
	if (recents < 0 || names_read(instance, &tallies->names))
		goto out;
	jiffies_read(&tallies->clock);
	read_table(tallies, table);
	read_recents(tallies, recents, TALLY_LAST);
	read_recents(tallies, recents, TALLY_OTHERS);
	join_equal(tallies);
	error = 0;
out:
	close(table);
	if (recents >= 0)
		close(recents);
	return error;
}

static void tallies_release(struct tallies *tallies)
{
	names_free(tallies->names);
	free(tallies->entry);
}

/* "last_seconds" ago, which was at "last". */
static void set_moment(json_t *row, const struct tallies *tallies, const char *name, uint64_t then)
{
	uint64_t seconds = jiffies_seconds_since(&tallies->clock, then);
	char *key = xprintf("%s_seconds", name), text[TIME_TEXT];

	json_object_set_new(row, key, json_integer((json_int_t)seconds));
	json_object_set_new(row, name, json_string(time_utc(time(NULL) - (time_t)seconds, text)));
	free(key);
}

static struct event event_of(const struct tally_key *key)
{
	struct event event = {
	    .rule = key->answer & ANSWER_RULE,
	    .reason = key->reason,
	    .hook = key->hook,
	    .uid = USER_ANY, /* who it was has a place of its own */
	    .ifindex = key->hook == HOOK_CONTAINER ? 0 : (uint32_t)key->subject,
	    .cgroup = key->hook == HOOK_CONTAINER ? key->subject : 0,
	};

	return event;
}

static json_t *entry_row(const struct tallies *tallies, const struct tally_key *key)
{
	const struct event event = event_of(key);
	const char *subject = names_event_subject(tallies->names, &event), *pod = NULL;
	struct address peer = {.family = key->family};
	json_t *row = json_object();
	char text[ADDRESS_TEXT];

	json_object_set_new(row, "subject",
			    subject ? json_string(subject)
				    : json_sprintf("%llu", (unsigned long long)key->subject));
	json_object_set_new(row, "direction",
			    json_string(key->direction == INGRESS ? "ingress" : "egress"));
	memcpy(peer.bytes, key->peer, key->family == 4 ? 4 : 16);
	if (key->family)
		pod = names_pod(tallies->names, &peer);
	json_object_set_new(row, "peer",
			    json_string(key->family ? address_text(&peer, text) : "others"));
	if (pod)
		json_object_set_new(row, "peer_pod", json_string(pod));
	if (key->family)
		json_object_set_new(row, "protocol", json_string(ip_protocol_text(key->protocol)));
	if (ip_protocol_has_ports(key->protocol))
		json_object_set_new(row, "port", json_integer(key->port));
	if (key->uid != USER_ANY)
		event_user_json(row, key->uid);
	return row;
}

static json_t *drop_row(const struct tallies *tallies, const struct entry *entry)
{
	const struct event event = event_of(&entry->key);
	char *why = event_why(tallies->names, &event);
	json_t *row = entry_row(tallies, &entry->key);

	json_object_set_new(row, "count", json_integer((json_int_t)entry->tally.count));
	json_object_set_new(row, "why", json_string(why));
	event_rule_json(row, tallies->names, &event);
	set_moment(row, tallies, "first", entry->tally.first);
	set_moment(row, tallies, "last", entry->tally.last);
	free(why);
	return row;
}

static int compare_last(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->tally.last < y->tally.last ? 1 : x->tally.last > y->tally.last ? -1 : 0;
}

int tallies_drops(struct instance *instance, json_t **rows)
{
	struct tallies tallies;
	int error = tallies_read(instance, &tallies);

	*rows = json_array();
	if (tallies.count)
		qsort(tallies.entry, tallies.count, sizeof(*tallies.entry), compare_last);
	for (size_t i = 0; !error && i < tallies.count; i++)
		if (!(tallies.entry[i].key.answer & ANSWER_ALLOW) &&
		    tallies.entry[i].key.reason != REASON_SHADOW)
			json_array_append_new(*rows, drop_row(&tallies, &tallies.entry[i]));
	tallies_release(&tallies);
	return error;
}

int tallies_shadow(struct instance *instance, json_t **rows)
{
	struct tallies tallies;
	int error = tallies_read(instance, &tallies);

	*rows = json_array();
	if (tallies.count)
		qsort(tallies.entry, tallies.count, sizeof(*tallies.entry), compare_last);
	for (size_t i = 0; !error && i < tallies.count; i++) {
		const struct entry *entry = &tallies.entry[i];
		json_t *row;

		if (entry->key.reason != REASON_SHADOW)
			continue;
		row = drop_row(&tallies, entry);
		json_object_set_new(
		    row, "would", json_string(entry->key.answer & ANSWER_ALLOW ? "allow" : "deny"));
		json_array_append_new(*rows, row);
	}
	tallies_release(&tallies);
	return error;
}

/* Whatever was said to it, and why. */
struct destination {
	struct tally_key key; /* without the verdict and its reason */
	uint64_t denied, allowed, last;
};

static int compare_destinations(const void *a, const void *b)
{
	const struct destination *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static int compare_visits(const void *a, const void *b)
{
	const struct destination *x = a, *y = b;

	return x->last < y->last ? 1 : x->last > y->last ? -1 : compare_destinations(a, b);
}

static void destination_take(struct destination *destination, const struct entry *entry)
{
	bool allowed = entry->key.answer & ANSWER_ALLOW;

	destination->key = entry->key;
	destination->key.answer = 0;
	destination->key.reason = 0;
	*(allowed ? &destination->allowed : &destination->denied) = entry->tally.count;
	destination->last = entry->tally.last;
}

/* One for each destination, the last seen first; freed by the caller. */
static struct destination *destinations_make(const struct tallies *tallies, size_t *count)
{
	struct destination *all = xalloc((tallies->count + 1) * sizeof(*all));
	size_t taken = 0, kept = 0;

	for (size_t i = 0; i < tallies->count; i++)
		if (tallies->entry[i].key.direction == EGRESS &&
		    tallies->entry[i].key.reason != REASON_SHADOW)
			destination_take(&all[taken++], &tallies->entry[i]);
	qsort(all, taken, sizeof(*all), compare_destinations);
	for (size_t i = 0; i < taken; i++) {
		struct destination *before = &all[kept ? kept - 1 : 0];

		if (!kept || compare_destinations(before, &all[i])) {
			all[kept++] = all[i];
			continue;
		}
		before->allowed += all[i].allowed;
		before->denied += all[i].denied;
		if (all[i].last > before->last)
			before->last = all[i].last;
	}
	qsort(all, kept, sizeof(*all), compare_visits);
	*count = kept;
	return all;
}

static json_t *destination_row(const struct tallies *tallies, const struct destination *destination)
{
	json_t *row = entry_row(tallies, &destination->key);

	json_object_del(row, "direction");
	json_object_set_new(row, "allowed", json_integer((json_int_t)destination->allowed));
	json_object_set_new(row, "denied", json_integer((json_int_t)destination->denied));
	set_moment(row, tallies, "last", destination->last);
	return row;
}

int tallies_destinations(struct instance *instance, json_t **rows)
{
	struct destination *all = NULL;
	struct tallies tallies;
	size_t count = 0;
	int error = tallies_read(instance, &tallies);

	*rows = json_array();
	if (!error)
		all = destinations_make(&tallies, &count);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(*rows, destination_row(&tallies, &all[i]));
	free(all);
	tallies_release(&tallies);
	return error;
}

static int empty_map(struct instance *instance, const char *name)
{
	int map = instance_map(instance, name);
	char key[sizeof(struct tally_key)];

	if (map < 0)
		return FAILED;
	while (!bpf_map_get_next_key(map, NULL, key))
		if (bpf_map_delete_elem(map, key) && errno != ENOENT)
			break;
	close(map);
	return 0;
}

int tallies_clear(struct instance *instance)
{
	int map = instance_map(instance, "tally_recents"), error = 0;
	int processors = libbpf_num_possible_cpus();
	struct tally_recent *none;
	uint32_t last = TALLY_LAST, others = TALLY_OTHERS;

	if (map < 0)
		return FAILED;
	none = xalloc((size_t)processors * sizeof(*none));
	if (bpf_map_update_elem(map, &last, none, BPF_ANY) ||
	    (bpf_map_update_elem(map, &others, none, BPF_ANY) && errno != E2BIG))
		error = fail("map %s/maps/tally_recents: %s", instance->root, strerror(errno));
	free(none);
	close(map);
	if (!error)
		error = empty_map(instance, "tallies");
	return error ? error : empty_map(instance, "tally_shares");
}
