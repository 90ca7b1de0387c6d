// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/mirror.h"
#include "store/documents.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mirror_part *part_of(struct mirror *mirror, const char *key)
{
	uint32_t hash = 2166136261;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 16777619;
	return &mirror->part[(hash >> 16 ^ hash) % MIRROR_PARTS];
}

/* Where the key stands, or would have to. */
static size_t place_of(const struct mirror_part *part, const char *key, bool *there)
{
	size_t low = 0, high = part->count;

	*there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(part->item[middle].key, key);

		if (!order)
			*there = true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void remove_at(struct mirror_part *part, size_t at)
{
	free(part->item[at].key);
	free(part->item[at].text);
	part->count--;
	memmove(&part->item[at], &part->item[at + 1], (part->count - at) * sizeof(*part->item));
	part->changed = true;
}

void mirror_touch(struct mirror *mirror)
{
	for (size_t i = 0; i < MIRROR_PARTS; i++)
		mirror->part[i].changed = true;
}

void mirror_start(struct mirror *mirror)
{
	*mirror = (struct mirror){.round = 1};
	mirror_touch(mirror);
}

void mirror_release(struct mirror *mirror)
{
	for (size_t i = 0; i < MIRROR_PARTS; i++) {
		struct mirror_part *part = &mirror->part[i];

		while (part->count)
			remove_at(part, part->count - 1);
		free(part->item);
	}
}

bool mirror_put(struct mirror *mirror, const char *key, const char *text)
{
	struct mirror_part *part = part_of(mirror, key);
	struct mirror_object *object;
	bool there, again;
	size_t at = place_of(part, key, &there);

	if (!there) {
		GROW(part->item, part->count, part->capacity);
		memmove(&part->item[at + 1], &part->item[at],
			(part->count++ - at) * sizeof(*part->item));
		part->item[at] = (struct mirror_object){.key = xstrdup(key)};
	}
	object = &part->item[at];
	again = object->round == mirror->round;
	object->round = mirror->round;
	if (object->text && strcmp(object->text, text) == 0)
		return !again;
	free(object->text);
	object->text = xstrdup(text);
	part->changed = true;
	return !again;
}

bool mirror_has(struct mirror *mirror, const char *key)
{
	bool there;

	place_of(part_of(mirror, key), key, &there);
	return there;
}

void mirror_keep(struct mirror *mirror, const char *key)
{
	struct mirror_part *part = part_of(mirror, key);
	bool there;
	size_t at = place_of(part, key, &there);

	if (there)
		part->item[at].round = mirror->round;
}

void mirror_remove(struct mirror *mirror, const char *key)
{
	struct mirror_part *part = part_of(mirror, key);
	bool there;
	size_t at = place_of(part, key, &there);

	if (there)
		remove_at(part, at);
}

uint32_t mirror_round(struct mirror *mirror)
{
	return ++mirror->round;
}

static bool is_of_kind(const char *key, const char *kind)
{
	size_t length = strlen(kind);

	return strncmp(key, kind, length) == 0 && key[length] == ' ';
}

void mirror_sweep(struct mirror *mirror, const char *kind, uint32_t round)
{
	for (size_t i = 0; i < MIRROR_PARTS; i++) {
		struct mirror_part *part = &mirror->part[i];

		for (size_t at = part->count; at-- > 0;)
			if (part->item[at].round < round &&
			    (!kind || is_of_kind(part->item[at].key, kind)))
				remove_at(part, at);
	}
}

bool mirror_changed(const struct mirror *mirror)
{
	for (size_t i = 0; i < MIRROR_PARTS; i++)
		if (mirror->part[i].changed)
			return true;
	return false;
}

static void part_name(size_t index, char name[static 16])
{
	snprintf(name, 16, AGENT_DOCUMENTS "%02zu", index);
}

static void write_part(const struct mirror_part *part, struct instance *instance, const char *name)
{
	size_t size = 0;
	char *text = NULL;
	FILE *to;

	if (!part->count) {
		document_put_bytes(instance, name, NULL, 0);
		return;
	}
	to = open_memstream(&text, &size);
	if (!to)
		abort();
	for (size_t i = 0; i < part->count; i++)
		fprintf(to, "%c%s", i ? ',' : '[', part->item[i].text);
	fputc(']', to);
	if (fclose(to))
		abort();
	document_put_bytes(instance, name, text, size);
	free(text);
}

void mirror_write(const struct mirror *mirror, struct instance *instance)
{
	char name[16];

	for (size_t i = 0; i < MIRROR_PARTS; i++) {
		part_name(i, name);
		if (mirror->part[i].changed)
			write_part(&mirror->part[i], instance, name);
	}
}

void mirror_written(struct mirror *mirror)
{
	for (size_t i = 0; i < MIRROR_PARTS; i++)
		mirror->part[i].changed = false;
}

void mirror_stored_each(struct instance *instance, void (*take)(const json_t *object, void *data),
			void *data)
{
	for (size_t i = 0; i < MIRROR_PARTS; i++) {
		json_t *array, *object;
		char name[16];
		size_t index;

		part_name(i, name);
		array = document_get(instance, name);
		json_array_foreach (array, index, object)
			take(object, data);
		json_decref(array);
	}
}

json_t *mirror_counts(const struct mirror *mirror)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < MIRROR_PARTS; i++) {
		for (size_t at = 0; at < mirror->part[i].count; at++) {
			const char *key = mirror->part[i].item[at].key;
			size_t length = strcspn(key, " ");
			json_t *old = json_object_getn(counts, key, length);

			json_object_setn_new(counts, key, length,
					     json_integer(json_integer_value(old) + 1));
		}
	}
	return counts;
}
