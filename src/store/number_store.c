// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keys begin with a letter:
 *   h kind              -> the space: next, first and limit, how far nothing is taken
 *   n kind signature    -> number and span
 *   s first             -> the signature of the set that stands there
 *   g arena part        -> gaps
 *   e                   -> the signature of this host's part in it
 */
#include "store/number_store.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

struct space_record {
	uint32_t next, first, limit;
	uint32_t free_end; /* from next to here all are free */
};

struct number_record {
	uint32_t number;
	struct span span;
};

struct number_key {
	char letter;
	unsigned char kind;
	unsigned char signature[16];
};

#define SIGNATURE_AT offsetof(struct number_key, signature)

/* In the order of signature_compare(). */
static struct number_key key_of(enum number_kind kind, const struct signature *signature)
{
	struct number_key key = {.letter = 'n', .kind = (unsigned char)kind};
	uint64_t high = htobe64(signature->high), low = htobe64(signature->low);

	memcpy(key.signature, &high, sizeof(high));
	memcpy(key.signature + sizeof(high), &low, sizeof(low));
	return key;
}

static struct signature signature_of(const unsigned char bytes[16])
{
	uint64_t high, low;

	memcpy(&high, bytes, sizeof(high));
	memcpy(&low, bytes + sizeof(high), sizeof(low));
	return (struct signature){be64toh(high), be64toh(low)};
}

static bool space_get(const struct tree *records, enum number_kind kind, struct space_record *space)
{
	const char key[] = {'h', (char)kind};
	size_t size;
	const void *value = tree_get(records, key, sizeof(key), &size);

	if (value)
		memcpy(space, value, sizeof(*space));
	return value;
}

static int space_put(struct tree *records, enum number_kind kind, const struct space_record *space)
{
	const char key[] = {'h', (char)kind};

	return tree_put(records, key, sizeof(key), space, sizeof(*space));
}

struct loading {
	struct number_space *space;
	size_t capacity;
};

static int load_one(const void *key, size_t length, const void *value, size_t size, void *data)
{
	struct loading *loading = data;
	struct number_space *space = loading->space;
	struct number_record record;

	(void)length;
	(void)size;
	memcpy(&record, value, sizeof(record));
	GROW(space->entries, space->count, loading->capacity);
	space->entries[space->count++] = (struct numbered){
	    .signature = signature_of((const unsigned char *)key + SIGNATURE_AT),
	    .number = record.number,
	    .span = record.span,
	};
	return 0;
}

void number_store_load(const struct tree *records, struct numbers *numbers)
{
	for (int kind = 0; kind < NUMBER_KINDS; kind++) {
		const char key[] = {'n', (char)kind};
		struct loading loading = {.space = &numbers->space[kind]};
		struct space_record space;

		if (!space_get(records, (enum number_kind)kind, &space))
			continue;
		loading.space->next = space.next;
		loading.space->first = space.first;
		loading.space->limit = space.limit;
		tree_each(records, key, sizeof(key), sizeof(key), load_one, &loading);
	}
}

bool number_store_is_empty(const struct tree *records)
{
	struct space_record space;

	return !space_get(records, NUMBER_RULE, &space);
}

bool number_store_get(const struct tree *records, enum number_kind kind,
		      const struct signature *signature, struct numbered *number)
{
	const struct number_key key = key_of(kind, signature);
	struct number_record record;
	size_t size;
	const void *value = tree_get(records, &key, sizeof(key), &size);

	if (!value)
		return false;
	memcpy(&record, value, sizeof(record));
	*number = (struct numbered){*signature, record.number, record.span};
	return true;
}

static int set_put(struct tree *records, const struct numbered *number)
{
	char key[5] = "s";

	memcpy(key + 1, &number->span.first, sizeof(number->span.first));
	return tree_put(records, key, sizeof(key), &number->signature, sizeof(number->signature));
}

static void set_drop(struct tree *records, uint32_t first)
{
	char key[5] = "s";

	memcpy(key + 1, &first, sizeof(first));
	tree_delete(records, key, sizeof(key));
}

int number_store_put(struct tree *records, enum number_kind kind, const struct numbered *number)
{
	const struct number_key key = key_of(kind, &number->signature);
	const struct number_record record = {number->number, number->span};

	if (kind == NUMBER_SET && number->span.count && set_put(records, number))
		return FAILED;
	return tree_put(records, &key, sizeof(key), &record, sizeof(record));
}

static void drop(struct tree *records, enum number_kind kind, const struct numbered *number)
{
	const struct number_key key = key_of(kind, &number->signature);

	if (kind == NUMBER_SET && number->span.count)
		set_drop(records, number->span.first);
	tree_delete(records, &key, sizeof(key));
}

void number_store_forget_set(struct tree *records, uint32_t first)
{
	char key[5] = "s";
	struct numbered number = {.span = {.first = first, .count = 1}};
	size_t size;
	const void *value;

	memcpy(key + 1, &first, sizeof(first));
	value = tree_get(records, key, sizeof(key), &size);
	if (!value)
		return;
	memcpy(&number.signature, value, sizeof(number.signature));
	drop(records, NUMBER_SET, &number);
}

int number_store_give(struct tree *records, enum number_kind kind,
		      const struct signature *signature, struct numbered *number)
{
	struct space_record space;

	if (!space_get(records, kind, &space) || space.next >= space.free_end)
		return FAILED;
	*number = (struct numbered){.signature = *signature, .number = space.next++};
	return space_put(records, kind, &space) ? FAILED : number_store_put(records, kind, number);
}

static bool same(const struct numbered *a, const struct numbered *b)
{
	return a->number == b->number && a->span.first == b->span.first &&
	       a->span.count == b->span.count;
}

static int compare(const struct numbered *a, const struct numbered *b)
{
	if (a->signature.high != b->signature.high)
		return a->signature.high < b->signature.high ? -1 : 1;
	return a->signature.low < b->signature.low ? -1 : a->signature.low > b->signature.low;
}

/* Drops first: a set's place may be another's now. */
static int space_save(struct tree *records, enum number_kind kind, const struct number_space *old,
		      const struct number_space *new)
{
	size_t i, j;
	int error = 0;

	for (i = 0, j = 0; i < old->count; i++) {
		while (j < new->count && compare(&new->entries[j], &old->entries[i]) < 0)
			j++;
		if (j == new->count || compare(&new->entries[j], &old->entries[i]) ||
		    !same(&new->entries[j], &old->entries[i]))
			drop(records, kind, &old->entries[i]);
	}
	for (i = 0, j = 0; j < new->count && !error; j++) {
		while (i < old->count && compare(&old->entries[i], &new->entries[j]) < 0)
			i++;
		if (i == old->count || compare(&old->entries[i], &new->entries[j]) ||
		    !same(&new->entries[j], &old->entries[i]))
			error = number_store_put(records, kind, &new->entries[j]);
	}
	return error;
}

/* Up to where no number from the next one on is taken: neither in the plan nor in the old one. */
static uint32_t free_end(const struct number_space *old, const struct number_space *new)
{
	const struct number_space *spaces[] = {old, new};
	uint32_t end = new->limit;

	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++)
		for (size_t j = 0; j < spaces[i]->count; j++) {
			uint32_t number = spaces[i]->entries[j].number;

			if (number >= new->next && number < end)
				end = number;
		}
	return end;
}

int number_store_save(struct tree *records, const struct numbers *old,
		      const struct numbers *numbers)
{
	for (int kind = 0; kind < NUMBER_KINDS; kind++) {
		const struct number_space *new = &numbers->space[kind];
		struct space_record space = {new->next, new->first, new->limit,
					     free_end(&old->space[kind], new)};

		if (space_save(records, (enum number_kind)kind, &old->space[kind], new) ||
		    space_put(records, (enum number_kind)kind, &space))
			return FAILED;
	}
	return 0;
}

void number_store_clear(struct tree *records)
{
	struct numbers old = {0}, none = {0};

	number_store_load(records, &old);
	for (int kind = 0; kind < NUMBER_KINDS; kind++) {
		const char key[] = {'h', (char)kind};

		space_save(records, (enum number_kind)kind, &old.space[kind], &none.space[kind]);
		tree_delete(records, key, sizeof(key));
		free(old.space[kind].entries);
	}
}

bool surroundings_load(const struct tree *records, struct signature *signature)
{
	size_t size;
	const void *value = tree_get(records, "e", 1, &size);

	if (value)
		memcpy(signature, value, sizeof(*signature));
	return value;
}

int surroundings_save(struct tree *records, const struct signature *signature)
{
	return tree_put(records, "e", 1, signature, sizeof(*signature));
}

/* Gaps */

#define GAPS_A_PART (TREE_VALUE_MOST / sizeof(struct span))

struct gap_key {
	char letter, arena;
	uint16_t part;
};

struct gaps {
	struct span *gap;
	size_t count, capacity;
};

static int gap_load(const void *key, size_t length, const void *value, size_t size, void *data)
{
	struct gaps *gaps = data;

	(void)key;
	(void)length;
	for (size_t at = 0; at + sizeof(struct span) <= size; at += sizeof(struct span)) {
		GROW(gaps->gap, gaps->count, gaps->capacity);
		memcpy(&gaps->gap[gaps->count++], (const char *)value + at, sizeof(struct span));
	}
	return 0;
}

struct span *gap_store_load(const struct tree *records, char arena, size_t *count)
{
	const char key[] = {'g', arena};
	struct gaps gaps = {0};

	tree_each(records, key, sizeof(key), sizeof(key), gap_load, &gaps);
	*count = gaps.count;
	return gaps.gap;
}

int gap_store_save(struct tree *records, char arena, const struct span *gaps, size_t count)
{
	struct gap_key key = {'g', arena, 0};
	uint16_t part = 0;
	int error = 0;

	for (; !error && part * GAPS_A_PART < count; part++) {
		size_t left = count - part * GAPS_A_PART;

		key.part = htons(part);
		error = tree_put(records, &key, sizeof(key), gaps + part * GAPS_A_PART,
				 (left < GAPS_A_PART ? left : GAPS_A_PART) * sizeof(*gaps));
	}
	do
		key.part = htons(part++);
	while (!error && tree_delete(records, &key, sizeof(key)));
	return error;
}
