// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keys among the records:
 *   T                -> struct totals
 *   H version part   -> an entry, packed, in parts
 */
#include "store/history.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/author.h"
#include "base/pack.h"
#include "store/documents.h"

struct totals {
	uint64_t limit, bytes;
	uint32_t version; /* of the last commit that was noted; 0: none was */
	uint32_t pad;
};

struct part_key {
	char letter;
	unsigned char version[4], part[2];
};

static struct part_key part_key(uint32_t version, uint16_t part)
{
	struct part_key key = {.letter = 'H'};
	uint32_t ordered = htonl(version);
	uint16_t ordered_part = htons(part);

	memcpy(key.version, &ordered, sizeof(ordered));
	memcpy(key.part, &ordered_part, sizeof(ordered_part));
	return key;
}

static struct totals totals_get(const struct tree *records)
{
	struct totals totals = {.limit = HISTORY_BYTES};
	size_t size;
	const void *value = tree_get(records, "T", 1, &size);

	if (value)
		memcpy(&totals, value, sizeof(totals));
	return totals;
}

static int totals_put(struct tree *records, const struct totals *totals)
{
	return tree_put(records, "T", 1, totals, sizeof(*totals));
}

/* Entries in the records */

static int entry_put(struct tree *records, uint32_t version, const struct blob *blob)
{
	size_t done = 0;
	int error = 0;

	for (uint16_t part = 0; !error && done < blob->size; part++) {
		const struct part_key key = part_key(version, part);
		size_t left = blob->size - done;
		size_t size = left < TREE_VALUE_MOST ? left : TREE_VALUE_MOST;

		error = tree_put(records, &key, sizeof(key), (char *)blob->data + done, size);
		done += size;
	}
	return error;
}

static int first_take(const void *key, size_t length, const void *value, size_t size, void *data)
{
	(void)length;
	(void)value;
	(void)size;
	memcpy(data, key, sizeof(struct part_key));
	return FAILED;
}

static bool entry_oldest(const struct tree *records, uint32_t *version)
{
	struct part_key key;

	if (!tree_each(records, "H", 1, 1, first_take, &key))
		return false;
	memcpy(version, key.version, sizeof(*version));
	*version = ntohl(*version);
	return true;
}

/* Returns how many bytes it had. */
static size_t entry_drop(struct tree *records, uint32_t version)
{
	size_t bytes = 0, size;

	for (uint16_t part = 0;; part++) {
		const struct part_key key = part_key(version, part);

		if (!tree_get(records, &key, sizeof(key), &size))
			return bytes;
		tree_delete(records, &key, sizeof(key));
		bytes += size;
	}
}

/* The oldest go until the rest fits. */
static void entries_trim(struct tree *records, struct totals *totals, uint64_t limit)
{
	uint32_t version;

	while (totals->bytes > limit && entry_oldest(records, &version)) {
		size_t bytes = entry_drop(records, version);

		totals->bytes -= bytes < totals->bytes ? bytes : totals->bytes;
	}
}

static int part_add(const void *key, size_t length, const void *value, size_t size, void *data)
{
	(void)key;
	(void)length;
	fwrite(value, 1, size, data);
	return 0;
}

static json_t *entry_get(const struct tree *records, uint32_t version)
{
	const struct part_key key = part_key(version, 0);
	struct blob blob = {};
	FILE *to = open_memstream((char **)&blob.data, &blob.size);
	json_t *entry;

	if (!to)
		abort();
	tree_each(records, &key, sizeof(key), 1 + sizeof(key.version), part_add, to);
	fclose(to);
	entry = unpack_json(&blob);
	free(blob.data);
	return entry;
}

/* What a commit changes */

bool history_is_users(const char *document)
{
	return !strncmp(document, "policies/", 9) || !strncmp(document, "lists/", 6) ||
	       !strcmp(document, "cluster-policies") || !strcmp(document, "endpoints") ||
	       !strcmp(document, "defaults");
}

struct noting {
	struct instance *instance;
	json_t *documents, *others;
	bool lost;
};

static void document_note(const char *name, bool was, bool is, void *data)
{
	struct noting *noting = data;
	json_t *old;

	(void)is;
	if (!strcmp(name, "rules")) {
		noting->lost = true; /* an earlier version's: becomes records */
	} else if (history_is_users(name)) {
		old = was ? document_before(noting->instance, name) : json_null();
		noting->lost |= !old;
		json_object_set_new(noting->documents, name, old);
	} else if (strcmp(name, "numbers") != 0) {
		json_array_append_new(noting->others, json_string(name));
	}
}

static json_t *rules_note(struct rule_store *store)
{
	json_t *rules = json_object(), *old, *now;

	list32_sort(&store->changed);
	for (size_t i = 0; i < store->changed.count; i++) {
		uint32_t number = store->changed.item[i];
		char name[16];

		old = rule_store_before(store, number);
		now = rule_store_get(store, number);
		snprintf(name, sizeof(name), "%u", number);
		if ((old || now) && !json_equal(old, now))
			json_object_set_new(rules, name, old ? json_incref(old) : json_null());
		json_decref(old);
		json_decref(now);
	}
	return rules;
}

/* Who logged in, which sudo does not change; -1: nobody did. */
static int64_t login_uid(void)
{
	FILE *file = fopen("/proc/self/loginuid", "re");
	uint32_t uid = UINT32_MAX;

	if (file && fscanf(file, "%u", &uid) != 1)
		uid = UINT32_MAX;
	if (file)
		fclose(file);
	return uid == UINT32_MAX ? -1 : (int64_t)uid;
}

static json_t *entry_make(void)
{
	json_t *entry =
	    json_pack("{s:I, s:I}", "time", (json_int_t)time(NULL), "uid", (json_int_t)getuid());
	json_t *command = json_string(author());
	int64_t login = login_uid();

	if (login >= 0)
		json_object_set_new(entry, "login", json_integer(login));
	json_object_set_new(entry, "command", command ? command : json_string("?"));
	return entry;
}

/* Too much to be kept: it is known that something was, and by whom. */
static struct blob entry_pack(json_t *entry, uint64_t limit)
{
	struct blob blob = pack_json(entry);

	if (blob.size <= limit / 2)
		return blob;
	free(blob.data);
	json_object_del(entry, "rules");
	json_object_del(entry, "documents");
	json_object_set_new(entry, "lost", json_true());
	return pack_json(entry);
}

static int entry_note(struct tree *records, struct totals *totals, json_t *entry)
{
	struct blob blob = entry_pack(entry, totals->limit);
	int error = 0;

	entries_trim(records, totals, totals->limit > blob.size ? totals->limit - blob.size : 0);
	if (blob.size <= totals->limit) {
		error = entry_put(records, totals->version, &blob);
		totals->bytes += blob.size;
	}
	free(blob.data);
	return error;
}

int history_note(struct instance *instance)
{
	struct tree *records = instance->rules.records;
	struct totals totals = totals_get(records);
	struct noting noting = {instance, json_object(), json_array(), false};
	uint32_t version = instance->settings->version, next = version_after(version);
	json_t *rules = rules_note(&instance->rules), *entry;
	int error = 0;

	documents_each_change(instance, document_note, &noting);
	/* a commit that failed may have noted this one already */
	totals.bytes -= entry_drop(records, next);
	noting.lost |=
	    totals.version && totals.version != tree_committed(records) && totals.version != next;
	totals.version = next;
	if (totals.version < version)
		entries_trim(records, &totals, 0); /* numbers begin again */
	if (totals.limit &&
	    (noting.lost || json_object_size(rules) || json_object_size(noting.documents) ||
	     json_array_size(noting.others))) {
		entry = entry_make();
		json_object_set(entry, "rules", rules);
		json_object_set(entry, "documents", noting.documents);
		json_object_set(entry, "others", noting.others);
		if (noting.lost)
			json_object_set_new(entry, "lost", json_true());
		error = entry_note(records, &totals, entry);
		json_decref(entry);
	}
	json_decref(rules);
	json_decref(noting.documents);
	json_decref(noting.others);
	return error ? error : totals_put(records, &totals);
}

uint64_t history_limit(const struct instance *instance)
{
	return totals_get(instance->rules.records).limit;
}

int history_set_limit(struct instance *instance, uint64_t bytes)
{
	struct tree *records = instance->rules.records;
	struct totals totals = totals_get(records);

	totals.limit = bytes;
	entries_trim(records, &totals, bytes);
	return totals_put(records, &totals);
}

/* Walking back */

static int version_add(const void *key, size_t length, const void *value, size_t size, void *data)
{
	const struct part_key *part = key;
	uint32_t version;

	(void)length;
	(void)value;
	(void)size;
	memcpy(&version, part->version, sizeof(version));
	if (!part->part[0] && !part->part[1])
		list32_add(data, ntohl(version));
	return 0;
}

static json_t *rule_now(struct instance *instance, const char *number)
{
	json_t *rule = rule_store_get(&instance->rules, strtol(number, NULL, 10));

	return rule ? rule : json_null();
}

static json_t *document_now(struct instance *instance, const char *name)
{
	json_t *document = document_get(instance, name);

	return document ? document : json_null();
}

/* What came of what `before` names, as far as later entries say; else as it is now. */
static json_t *after_make(struct instance *instance, const json_t *before, const json_t *later,
			  json_t *(*now)(struct instance *, const char *))
{
	json_t *after = json_object(), *value;
	const char *name;

	json_object_foreach ((json_t *)before, name, value) {
		json_t *known = json_object_get(later, name);

		json_object_set_new(after, name, known ? json_incref(known) : now(instance, name));
	}
	return after;
}

/* One step further back: `past` has what there was before the entry, too. */
static int step_back(struct instance *instance, json_t *past, uint32_t version,
		     history_callback *callback, void *data)
{
	json_t *entry = entry_get(instance->rules.records, version);
	json_t *rules = json_object_get(past, "rules");
	json_t *documents = json_object_get(past, "documents"), *after;
	int result;

	if (!entry)
		return fail("the history of version %u in %s is damaged", version, instance->root);
	after = json_pack(
	    "{s:o, s:o}", "rules",
	    after_make(instance, json_object_get(entry, "rules"), rules, rule_now), "documents",
	    after_make(instance, json_object_get(entry, "documents"), documents, document_now));
	result = callback(version, entry, after, data);
	json_object_update(rules, json_object_get(entry, "rules"));
	json_object_update(documents, json_object_get(entry, "documents"));
	json_decref(after);
	json_decref(entry);
	return result;
}

static json_t *past_new(void)
{
	return json_pack("{s:{}, s:{}}", "rules", "documents");
}

int history_each(struct instance *instance, history_callback *callback, void *data)
{
	json_t *past = past_new();
	struct list32 versions = {0};
	int result = 0;

	tree_each(instance->rules.records, "H", 1, 1, version_add, &versions);
	for (size_t i = versions.count; !result && i-- > 0;)
		result = step_back(instance, past, versions.item[i], callback, data);
	list32_release(&versions);
	json_decref(past);
	return result;
}

struct going {
	uint32_t to, reached; /* the version that the past is of, at least */
	json_t *past;
};

#define ARRIVED 1

static int go_back(uint32_t version, const json_t *entry, const json_t *after, void *data)
{
	struct going *going = data;

	(void)after;
	if (version <= going->to)
		return ARRIVED;
	if (json_object_get(entry, "lost"))
		return fail("what version %u changed is not known any more", version);
	json_object_update(json_object_get(going->past, "rules"), json_object_get(entry, "rules"));
	json_object_update(json_object_get(going->past, "documents"),
			   json_object_get(entry, "documents"));
	going->reached = version - 1;
	return 0;
}

int history_past(struct instance *instance, uint32_t version, json_t **past)
{
	uint32_t now = instance->settings->version;
	struct going going = {.to = version, .reached = now, .past = past_new()};
	int result;

	if (version > now)
		result = fail("there is no version %u yet: this is %u", version, now);
	else
		result = history_each(instance, go_back, &going);
	if (!result && version < going.reached) {
		result = fail("history goes back to version %u only", going.reached);
		if (!history_limit(instance))
			fail_mend("npctl load --history 4M");
	}
	if (result < 0)
		json_decref(going.past);
	else
		*past = going.past;
	return result < 0 ? result : 0;
}
