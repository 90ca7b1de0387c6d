// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Documents are packed by zlib and cut into parts of the documents map. A
 * directory, itself a document, says under which id each one lies; the half of
 * settings.version says which directory. A change takes fresh ids, so the
 * directory in force and all that it names stay untouched until the flip.
 * The rules, of which there may be very many, are records instead (store/), but
 * can be had and put as a document, too.
 */
#include "store/documents.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/pack.h"

#define DIRECTORY_ID(version) (1 + ((version)&1))
#define FIRST_ID 3

struct document {
	char *name;
	uint32_t id;	  /* in force; 0: none */
	uint32_t staged;  /* written, not yet in force; 0: none */
	bool changed;	  /* to `blob`, without data: removed */
	struct blob blob; /* when not changed: what is stored, if that was read */
	/* while many commands are one change: unpacked; `loose`: not packed yet */
	json_t *value;
	bool loose;
};

struct directory {
	struct document *documents; /* sorted by name */
	size_t count, capacity;
	uint32_t version; /* that this directory was read at */
	uint32_t next_id; /* where the search for a free one begins */
};

static void parts_delete(int map, uint32_t id)
{
	struct document_key key = {.id = id};

	while (!bpf_map_delete_elem(map, &key))
		key.part++;
}

/* What lies under an id; without data when nothing, or not all of it, does. */
static struct blob parts_read(int map, uint32_t id)
{
	struct document_key key = {.id = id};
	struct document_part part;
	struct blob blob = {};
	size_t done = 0;

	do {
		if (bpf_map_lookup_elem(map, &key, &part) || part.length > sizeof(part.data) ||
		    (blob.data && part.total != blob.size) || done + part.length > part.total ||
		    !part.length) {
			free(blob.data);
			return (struct blob){};
		}
		if (!blob.data)
			blob = (struct blob){xalloc(part.total), part.total};
		memcpy(blob.data + done, part.data, part.length);
		done += part.length;
		key.part++;
	} while (done < blob.size);
	return blob;
}

static int parts_write(int map, uint32_t id, const struct blob *blob)
{
	struct document_key key = {.id = id};
	size_t done;

	for (done = 0; done < blob->size; key.part++) {
		struct document_part part = {.total = blob->size};
		size_t left = blob->size - done;

		part.length = left < sizeof(part.data) ? left : sizeof(part.data);
		memcpy(part.data, blob->data + done, part.length);
		if (bpf_map_update_elem(map, &key, &part, BPF_ANY))
			return -errno;
		done += part.length;
	}
	return 0;
}

static struct document *document_add(struct directory *directory, size_t at, const char *name)
{
	struct document *documents;

	GROW(directory->documents, directory->count, directory->capacity);
	documents = directory->documents;
	memmove(&documents[at + 1], &documents[at], (directory->count++ - at) * sizeof(*documents));
	documents[at] = (struct document){.name = xstrdup(name)};
	return &documents[at];
}

/* The document, or NULL and where it would have to stand. */
static struct document *document_find(struct directory *directory, const char *name, size_t *at)
{
	size_t low = 0, high = directory->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(directory->documents[middle].name, name);

		if (!order)
			return &directory->documents[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return NULL;
}

static int records_open(struct instance *instance)
{
	enum tree_access access = instance->writable ? TREE_WRITE
				  : instance->locked ? TREE_READ
						     : TREE_SNAPSHOT;
	char *pins = instance_path(instance, "maps", "records");
	int error = tree_open(&instance->rules.records, pins, instance->settings->version, access);

	free(pins);
	return error;
}

int documents_open(struct instance *instance)
{
	struct directory *directory = xalloc(sizeof(*directory));
	struct blob blob;
	const char *name;
	json_t *ids, *id;
	size_t at;

	instance->directory = directory;
	directory->version = instance->settings->version;
	directory->next_id = FIRST_ID;
	if (records_open(instance))
		return FAILED;
	blob = parts_read(instance->documents, DIRECTORY_ID(directory->version));
	if (!blob.data && !directory->version)
		return 0;
	ids = blob.data ? unpack_json(&blob) : NULL;
	free(blob.data);
	if (!ids)
		return fail("%s/maps/documents is damaged", instance->root);
	json_object_foreach (ids, name, id)
		if (!document_find(directory, name, &at))
			document_add(directory, at, name)->id = json_integer_value(id);
	json_decref(ids);
	return 0;
}

void documents_release(struct instance *instance)
{
	struct directory *directory = instance->directory;
	size_t i;

	if (!directory)
		return;
	for (i = 0; i < directory->count; i++) {
		free(directory->documents[i].name);
		free(directory->documents[i].blob.data);
		json_decref(directory->documents[i].value);
	}
	free(directory->documents);
	free(directory);
	instance->directory = NULL;
	rule_store_settle(&instance->rules);
	tree_close(instance->rules.records);
	instance->rules.records = NULL;
}

static bool read_all(struct instance *instance)
{
	struct directory *directory = instance->directory;
	size_t i;

	for (i = 0; i < directory->count; i++) {
		struct document *document = &directory->documents[i];

		document->blob = parts_read(instance->documents, document->id);
		if (!document->blob.data)
			return false;
	}
	return true;
}

bool documents_snapshot(struct instance *instance)
{
	const uint32_t *version = &instance->settings->version;
	int tries;

	for (tries = 0; tries < 16; tries++) {
		if (!documents_open(instance) && read_all(instance) &&
		    instance->directory->version == __atomic_load_n(version, __ATOMIC_ACQUIRE))
			return true;
		failure_clear();
		documents_release(instance);
	}
	return false;
}

static bool document_exists(const struct document *document)
{
	if (document->loose)
		return true;
	return document->changed ? document->blob.data != NULL : document->id != 0;
}

/* An earlier version kept the rules as a document. */
static bool has_rules_document(struct instance *instance)
{
	const struct document *document;
	size_t at;

	document = document_find(instance->directory, "rules", &at);
	return document && document_exists(document);
}

/* The name means the records. */
static bool is_records(struct instance *instance, const char *name)
{
	return !strcmp(name, "rules") && !has_rules_document(instance);
}

size_t document_count(struct instance *instance)
{
	struct directory *directory = instance->directory;
	size_t i, count = 0;

	for (i = 0; i < directory->count; i++)
		count += document_exists(&directory->documents[i]);
	return count + !rule_store_is_empty(&instance->rules);
}

/* Takes over the blob. What is stored already needs no new parts. */
static void document_set(struct instance *instance, struct document *document, struct blob blob)
{
	struct blob stored = {};

	free(document->blob.data);
	document->blob = blob;
	document->changed = true;
	if (!document->id || !blob.data)
		return;
	stored = parts_read(instance->documents, document->id);
	if (stored.size == blob.size && !memcmp(stored.data, blob.data, blob.size)) {
		free(blob.data);
		document->blob = (struct blob){};
		document->changed = false;
	}
	free(stored.data);
}

static void document_tighten(struct instance *instance, struct document *document)
{
	if (document->loose)
		document_set(instance, document, pack_json(document->value));
	document->loose = false;
}

/* Unpacked, with a zero behind it; NULL when there is none. */
static void *document_read(struct instance *instance, const char *name, size_t *size)
{
	struct document *document;
	struct blob stored = {};
	void *data;
	size_t at;

	document = document_find(instance->directory, name, &at);
	if (!document || !document_exists(document))
		return NULL;
	document_tighten(instance, document);
	if (!document->blob.data)
		stored = parts_read(instance->documents, document->id);
	data = unpack(document->blob.data ? &document->blob : &stored, size);
	free(stored.data);
	if (!data)
		warn("the document \"%s\" in %s/maps/documents is damaged", name, instance->root);
	return data;
}

/* Many commands to one change read and write the same documents again and again. */
static json_t *document_keep(struct instance *instance, const char *name, json_t *value)
{
	struct document *document;
	size_t at;

	document = document_find(instance->directory, name, &at);
	if (document && !document->value)
		document->value = json_deep_copy(value);
	return value;
}

json_t *document_get(struct instance *instance, const char *name)
{
	struct document *document;
	json_t *value;
	size_t size, at;
	char *text;

	if (is_records(instance, name))
		return rule_store_is_empty(&instance->rules) ? NULL
							     : rule_store_all(&instance->rules);
	document = document_find(instance->directory, name, &at);
	if (document && document->value)
		return json_deep_copy(document->value);
	text = document_read(instance, name, &size);
	value = text ? json_loadb(text, size, JSON_DECODE_ANY, NULL) : NULL;
	free(text);
	return instance->held && value ? document_keep(instance, name, value) : value;
}

void *document_get_bytes(struct instance *instance, const char *name, size_t *size)
{
	char *text;

	if (is_records(instance, name)) {
		text = rule_store_text(&instance->rules);
		*size = strlen(text);
		return text;
	}
	return document_read(instance, name, size);
}

static struct document *document_of(struct instance *instance, const char *name)
{
	struct document *document;
	size_t at;

	document = document_find(instance->directory, name, &at);
	if (!document)
		document = document_add(instance->directory, at, name);
	json_decref(document->value);
	document->value = NULL;
	document->loose = false;
	return document;
}

struct rule_store *instance_rules(struct instance *instance)
{
	json_t *old;
	int error;

	if (!has_rules_document(instance))
		return &instance->rules;
	old = document_get(instance, "rules");
	error = old ? rule_store_set_all(&instance->rules, old) : FAILED;
	json_decref(old);
	if (error)
		return NULL;
	document_set(instance, document_of(instance, "rules"), (struct blob){});
	return &instance->rules;
}

json_t *rules_beside_prefixes(struct instance *instance)
{
	json_t *rules;

	if (!is_records(instance, "rules"))
		return document_get(instance, "rules");
	rule_store_around(&instance->rules, NULL, 0, SIZE_MAX, &rules);
	return rules;
}

static void records_put(struct instance *instance, json_t *value)
{
	struct rule_store *rules = instance_rules(instance);

	if (!rules || rule_store_set_all(rules, value))
		instance->full = true;
	json_decref(value);
}

void document_put(struct instance *instance, const char *name, json_t *value)
{
	struct document *document;
	size_t at;

	if (!strcmp(name, "rules")) {
		records_put(instance, value);
		return;
	}
	if (!value && !document_find(instance->directory, name, &at))
		return;
	document = document_of(instance, name);
	if (value && instance->held) {
		document->value = value;
		document->loose = true;
		return;
	}
	document_set(instance, document, value ? pack_json(value) : (struct blob){});
	json_decref(value);
}

void document_put_bytes(struct instance *instance, const char *name, const void *data, size_t size)
{
	document_set(instance, document_of(instance, name),
		     data ? pack(data, size) : (struct blob){});
}

bool documents_changed(const struct instance *instance)
{
	return tree_changed(instance->rules.records) || documents_proper_changed(instance);
}

bool documents_proper_changed(const struct instance *instance)
{
	const struct directory *directory = instance->directory;
	size_t i;

	for (i = 0; i < directory->count; i++)
		if (directory->documents[i].changed &&
		    (directory->documents[i].id || directory->documents[i].blob.data))
			return true;
	return false;
}

json_t *document_before(struct instance *instance, const char *name)
{
	struct blob blob;
	struct document *document;
	json_t *value;
	size_t at;

	document = document_find(instance->directory, name, &at);
	if (!document || !document->id)
		return NULL;
	blob = parts_read(instance->documents, document->id);
	value = blob.data ? unpack_json(&blob) : NULL;
	free(blob.data);
	return value;
}

void documents_each_change(struct instance *instance, document_changed *callback, void *data)
{
	struct directory *directory = instance->directory;

	for (size_t i = 0; i < directory->count; i++) {
		struct document *document = &directory->documents[i];

		document_tighten(instance, document);
		if (document->changed && (document->id || document->blob.data))
			callback(document->name, document->id, document->blob.data, data);
	}
}

int document_each(struct instance *instance, int (*callback)(const char *name, void *data),
		  void *data)
{
	struct directory *directory = instance->directory;
	bool rules = !has_rules_document(instance) && !rule_store_is_empty(&instance->rules);
	size_t i;
	int error = 0;

	for (i = 0; i < directory->count && !error; i++) {
		const char *name = directory->documents[i].name;

		if (rules && strcmp(name, "rules") > 0) {
			rules = false;
			error = callback("rules", data);
		}
		if (!error && document_exists(&directory->documents[i]))
			error = callback(name, data);
	}
	return error || !rules ? error : callback("rules", data);
}

static bool id_is_used(const struct directory *directory, uint32_t id)
{
	size_t i;

	for (i = 0; i < directory->count; i++)
		if (directory->documents[i].id == id || directory->documents[i].staged == id)
			return true;
	return false;
}

static uint32_t free_id(struct directory *directory)
{
	uint32_t id;

	do {
		if (directory->next_id < FIRST_ID)
			directory->next_id = FIRST_ID;
		id = directory->next_id++;
	} while (id_is_used(directory, id));
	return id;
}

/* The directory as it will be, under the idle half's id. */
static int directory_write(struct instance *instance)
{
	struct directory *directory = instance->directory;
	json_t *ids = json_object();
	struct blob blob;
	size_t i;
	int error;

	for (i = 0; i < directory->count; i++) {
		struct document *document = &directory->documents[i];

		if (document_exists(document))
			json_object_set_new(
			    ids, document->name,
			    json_integer(document->changed ? document->staged : document->id));
	}
	blob = pack_json(ids);
	json_decref(ids);
	error = parts_write(instance->documents, DIRECTORY_ID(directory->version + 1), &blob);
	free(blob.data);
	return error;
}

/* Takes back what has been staged. */
static void documents_unstage(struct instance *instance)
{
	struct directory *directory = instance->directory;
	size_t i;

	for (i = 0; i < directory->count; i++) {
		if (directory->documents[i].staged)
			parts_delete(instance->documents, directory->documents[i].staged);
		directory->documents[i].staged = 0;
	}
	parts_delete(instance->documents, DIRECTORY_ID(directory->version + 1));
}

int documents_stage(struct instance *instance)
{
	struct directory *directory = instance->directory;
	int error = 0;
	size_t i;

	if (instance->full)
		return FAILED;
	documents_unstage(instance);
	for (i = 0; i < directory->count && !error; i++) {
		struct document *document = &directory->documents[i];

		document_tighten(instance, document);
		if (!document->changed || !document->blob.data)
			continue;
		document->staged = free_id(directory);
		error = parts_write(instance->documents, document->staged, &document->blob);
	}
	if (!error)
		error = directory_write(instance);
	if (!error) {
		tree_stage(instance->rules.records, version_after(directory->version));
		return 0;
	}
	documents_unstage(instance);
	if (error == -E2BIG)
		return fail("%s/maps/documents is full; nothing was changed", instance->root);
	return fail("write to %s/maps/documents: %s; nothing was changed", instance->root,
		    strerror(-error));
}

/* After the flip: what the old half alone had goes, unless it may come back. */
static void documents_flipped(struct instance *instance)
{
	struct directory *directory = instance->directory;
	size_t i, kept = 0;

	if (!instance->confirm)
		parts_delete(instance->documents, DIRECTORY_ID(directory->version));
	directory->version = instance->settings->version;
	tree_flipped(instance->rules.records, directory->version);
	rule_store_settle(&instance->rules);
	for (i = 0; i < directory->count; i++) {
		struct document document = directory->documents[i];

		if (document.changed) {
			if (document.id && !instance->confirm)
				parts_delete(instance->documents, document.id);
			free(document.blob.data);
			document.id = document.staged;
			document.staged = 0;
			document.changed = false;
			document.blob = (struct blob){};
		}
		if (document.id)
			directory->documents[kept++] = document;
		else
			free(document.name);
	}
	directory->count = kept;
}

/* After a crash: what the directory in force does not name goes. */
static void documents_collect(struct instance *instance)
{
	struct directory *directory = instance->directory;
	struct document_key key, *orphans = NULL;
	size_t i, count = 0, capacity = 0;
	int end;

	documents_unstage(instance);
	for (end = bpf_map_get_next_key(instance->documents, NULL, &key); !end;
	     end = bpf_map_get_next_key(instance->documents, &key, &key)) {
		if (key.id == DIRECTORY_ID(directory->version) || id_is_used(directory, key.id))
			continue;
		GROW(orphans, count, capacity);
		orphans[count++] = key;
	}
	for (i = 0; i < count; i++)
		bpf_map_delete_elem(instance->documents, &orphans[i]);
	free(orphans);
}

void documents_clean(struct instance *instance)
{
	if (instance->directory->version != instance->settings->version)
		documents_flipped(instance);
	else
		documents_collect(instance);
}
