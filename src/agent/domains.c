// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/domains.h"

#include <stdlib.h>
#include <string.h>
#include "commit/enforce.h"
#include "watch/statistics.h"
#include "net/resolve.h"
#include "net/sockets.h"
#include "model/dns_name.h"
#include "manifest/schema.h"
#include "store/documents.h"

#define RETRY 10	    /* seconds, after a failure or while a flow needs an old address */
#define LIFETIME_MOST 86400 /* some servers mean it for ever */

static json_t *array_get(struct instance *instance, const char *name)
{
	json_t *array = document_get(instance, name);

	return array ? array : json_array();
}

/* {"addresses": [text…], "lifetime"} */
static int ask(const char *name, json_t **answer)
{
	struct resolved resolved;
	json_t *addresses;
	char text[ADDRESS_TEXT];

	if (resolve(name, &resolved))
		return FAILED;
	if (resolved.lifetime > LIFETIME_MOST)
		resolved.lifetime = LIFETIME_MOST;
	addresses = json_array();
	for (size_t i = 0; i < resolved.count; i++)
		json_array_append_new(addresses,
				      json_string(address_text(&resolved.address[i], text)));
	free(resolved.address);
	*answer = json_pack("{s:o, s:I}", "addresses", addresses, "lifetime",
			    (json_int_t)(resolved.lifetime ? resolved.lifetime : 1));
	return 0;
}

static bool merge(json_t *names, const char *name, const json_t *answer)
{
	return domain_merge(names, name, field_get(answer, "addresses"),
			    field_number(answer, "lifetime", 0), time(NULL));
}

static void put_names(struct instance *instance, const json_t *names)
{
	document_put(instance, "names", json_array_size(names) ? json_deep_copy(names) : NULL);
}

/* A user's and the agent's; a new reference. */
static json_t *rules_get(struct instance *instance)
{
	json_t *users = rules_beside_prefixes(instance), *others = array_get(instance, AGENT_RULES);
	json_t *rules = json_array();

	/* the arrays themselves may be what other commands of a batch change */
	json_array_extend(rules, users);
	json_array_extend(rules, others);
	json_decref(users);
	json_decref(others);
	return rules;
}

static json_t *early; /* NAME -> the answer, or {"problem"} */

void domains_ask_early(const char *word)
{
	char name[DOMAIN_TEXT];
	json_t *answer;

	if (!domain_parse(word, name))
		return;
	if (ask(name, &answer)) {
		answer = json_pack("{s:s}", "problem", failure());
		failure_clear();
	}
	if (!early)
		early = json_object();
	json_object_set_new(early, name, answer);
}

static int recall_or_ask(const char *name, json_t **answer)
{
	json_t *known = json_object_get(early, name);

	if (!known)
		return ask(name, answer);
	if (field_get(known, "problem"))
		return fail("%s", field_text(known, "problem", ""));
	*answer = json_incref(known);
	return 0;
}

int domains_settle(struct instance *instance)
{
	json_t *rules = rules_get(instance), *names = array_get(instance, "names");
	json_t *wanted = domains_wanted(rules), *wish, *answer;
	bool changed = domains_forget(names, wanted);
	const char *name;
	int error = 0;

	json_object_foreach (wanted, name, wish) {
		if (error || domain_find(names, name))
			continue;
		error = recall_or_ask(name, &answer);
		if (error)
			continue;
		changed |= merge(names, name, answer);
		json_decref(answer);
	}
	if (!error && changed)
		put_names(instance, names);
	json_object_clear(early);
	json_decref(wanted);
	json_decref(names);
	json_decref(rules);
	return error;
}

/* Keeps in `texts` only addresses that no open flow is with. */
static void spare(json_t *texts, const char *used)
{
	size_t index;
	json_t *text;

	json_array_foreach (texts, index, text) {
		if (strcmp(json_string_value(text), used))
			continue;
		json_array_remove(texts, index);
		return;
	}
}

static int spare_flows(struct instance *instance, json_t *texts)
{
	size_t count = json_array_size(texts), index;
	struct prefix *peers;
	struct flow_filter filter = {.peer_count = count};
	json_t *rows, *row, *text;
	int error;

	if (!count || !instance_loaded(instance))
		return 0;
	filter.peers = peers = xalloc(count * sizeof(*peers));
	json_array_foreach (texts, index, text)
		prefix_parse(json_string_value(text), &peers[index]);
	error = statistics_flows(instance, &filter, &rows);
	free(peers);
	if (error)
		return error;
	json_array_foreach (rows, index, row)
		if (strcmp(field_text(row, "state", ""), "closing") != 0)
			spare(texts, field_text(row, "remote", ""));
	json_decref(rows);
	return 0;
}

/* Users have no flows: their packets are judged by their sockets. */
static int spare_sockets(json_t *texts)
{
	struct connection *connections;
	char text[ADDRESS_TEXT];
	size_t count;

	if (!json_array_size(texts))
		return 0;
	if (sockets_list(NULL, &connections, &count))
		return FAILED;
	for (size_t i = 0; i < count; i++)
		spare(texts, address_text(&connections[i].remote, text));
	free(connections);
	return 0;
}

/* Drops what has outlived its grace; whether there was something. */
static int expire(struct instance *instance, json_t *domain, const json_t *wish, bool *changed)
{
	json_t *outlived =
	    domain_outlived(domain, field_number(wish, "grace", GRACE_DEFAULT), time(NULL));
	int error = spare_flows(instance, outlived);

	if (!error && field_get(wish, "users"))
		error = spare_sockets(outlived);
	if (!error && json_array_size(outlived)) {
		domain_drop(domain, outlived);
		*changed = true;
	}
	json_decref(outlived);
	return error;
}

/* What a refresh works with. */
struct refresh {
	json_t *wanted, *answers; /* NAME -> */
	json_t *rows, *names;
	bool changed;

	char *problem; /* of the first that failed */
};

static int read_wanted(const char *root, struct refresh *refresh)
{
	struct instance *instance;
	json_t *rules;
	int error = instance_open(&instance, root, ACCESS_TRY);

	if (error)
		return error;
	rules = instance ? rules_get(instance) : NULL;
	refresh->wanted = domains_wanted(rules);
	json_decref(rules);
	instance_close(instance);
	return 0;
}

static bool is_due(const struct domains_clock *clock, const char *name)
{
	const json_t *due = clock ? json_object_get(clock->due, name) : NULL;

	return !due || json_integer_value(due) <= time(NULL);
}

static void note_due(struct domains_clock *clock, const char *name, long seconds)
{
	if (!clock)
		return;
	if (!clock->due)
		clock->due = json_object();
	json_object_set_new(clock->due, name, json_integer(time(NULL) + seconds));
}

static void ask_all(struct refresh *refresh, struct domains_clock *clock)
{
	json_t *wish, *answer;
	const char *name;

	json_object_foreach (refresh->wanted, name, wish) {
		if (!is_due(clock, name))
			continue;
		if (!ask(name, &answer)) {
			note_due(clock, name, field_number(answer, "lifetime", RETRY));
			json_object_set_new(refresh->answers, name, answer);
			continue;
		}
		note_due(clock, name, RETRY);
		json_array_append_new(refresh->rows,
				      json_pack("{s:s, s:s, s:s}", "name", name, "state", "failed",
						"problem", failure()));
		if (!refresh->problem)
			refresh->problem = xstrdup(failure());
		failure_clear();
	}
}

static int take_answer(struct instance *instance, struct refresh *refresh, const char *name,
		       const json_t *wish)
{
	const json_t *answer = json_object_get(refresh->answers, name);
	bool changed = answer && merge(refresh->names, name, answer);
	json_t *domain = domain_find(refresh->names, name);
	int error = domain ? expire(instance, domain, wish, &changed) : 0;

	refresh->changed |= changed;
	if (!error && answer)
		json_array_append_new(refresh->rows,
				      json_pack("{s:s, s:s, s:O, s:O}", "name", name, "state",
						changed ? "changed" : "unchanged", "lifetime",
						json_object_get(answer, "lifetime"), "addresses",
						json_object_get(answer, "addresses")));
	return error;
}

/* When the next old address has outlived its grace, unless an answer is due before. */
static time_t next_of(const struct refresh *refresh, const struct domains_clock *clock)
{
	time_t next = 0, when, now = time(NULL);
	const char *name;
	json_t *wish, *address;
	size_t index;

	json_object_foreach (refresh->wanted, name, wish) {
		const json_t *domain = domain_find(refresh->names, name);

		when = (time_t)field_number(clock->due, name, now);
		next = !next || when < next ? when : next;
		json_array_foreach (field_get(domain, "addresses"), index, address) {
			if (!field_get(address, "gone"))
				continue;
			when = field_number(address, "gone", 0) +
			       field_number(wish, "grace", GRACE_DEFAULT);
			when = when > now ? when : now + RETRY;
			next = when < next ? when : next;
		}
	}
	return next;
}

static int write_answers(const char *root, struct refresh *refresh, struct domains_clock *clock)
{
	struct instance *instance;
	json_t *rules, *wish;
	const char *name;
	int error = instance_open(&instance, root, ACCESS_WRITE);

	if (error)
		return error;
	/* Rules may have changed while name servers thought. */
	rules = rules_get(instance);
	json_decref(refresh->wanted);
	refresh->wanted = domains_wanted(rules);
	json_decref(rules);
	refresh->names = array_get(instance, "names");
	refresh->changed = domains_forget(refresh->names, refresh->wanted);
	json_object_foreach (refresh->wanted, name, wish)
		error = error ? error : take_answer(instance, refresh, name, wish);
	if (!error && refresh->changed) {
		put_names(instance, refresh->names);
		error = enforce_commit(instance);
	}
	instance_close(instance);
	if (!error && clock)
		clock->next = next_of(refresh, clock);
	return error;
}

int domains_refresh(const char *root, struct domains_clock *clock, json_t **rows)
{
	struct refresh refresh = {.answers = json_object(), .rows = json_array()};
	int error = read_wanted(root, &refresh);

	if (clock)
		clock->next = 0;
	if (!error && json_object_size(refresh.wanted)) {
		ask_all(&refresh, clock);
		error = write_answers(root, &refresh, clock);
	}
	if (!error && refresh.problem)
		error = fail("%s: its addresses stay as they were", refresh.problem);
	if (rows)
		*rows = json_incref(refresh.rows);
	json_decref(refresh.rows);
	json_decref(refresh.answers);
	json_decref(refresh.wanted);
	json_decref(refresh.names);
	free(refresh.problem);
	return error;
}

void domains_clock_release(struct domains_clock *clock)
{
	json_decref(clock->due);
	*clock = (struct domains_clock){0};
}
