/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Naming things by their content: 128-bit signatures, maps from signatures to
 * numbers, memory that is given back all at once, texts stored once.
 */
#ifndef NPCTL_BASE_CONTENT_H
#define NPCTL_BASE_CONTENT_H

#include <string.h>
#include "base/base.h"
#include "compile/plan.h"

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline void sign_number(struct signature *signature, uint64_t number)
{
	uint64_t high = signature->high ^ number, low = signature->low ^ number;

	signature->high = mix(high ^ 0x9e3779b97f4a7c15, low ^ 0xd6e8feb86659fd93) + 1;
	signature->low = mix(low ^ 0xa0761d6478bd642f, high ^ 0xe7037ed1a0b428db) ^ number;
}

static inline void sign_signature(struct signature *signature, const struct signature *part)
{
	sign_number(signature, part->high);
	sign_number(signature, part->low);
}

static inline bool signature_equal(const struct signature *a, const struct signature *b)
{
	return a->high == b->high && a->low == b->low;
}

void sign_bytes(struct signature *signature, const void *data, size_t size);
void sign_text(struct signature *signature, const char *text);
int signature_compare(const struct signature *a, const struct signature *b);

/* From signatures to numbers; all zero is an empty map. */
struct lookup {
	struct lookup_slot {
		struct signature key;
		uint32_t value; /* plus one; 0: free */
	} * slots;
	size_t count, capacity;
};

#define LOOKUP_NONE UINT32_MAX

/* The number under `key`; `value` is put there first when there is none. */
uint32_t lookup_put(struct lookup *lookup, const struct signature *key, uint32_t value);
uint32_t lookup_get(const struct lookup *lookup, const struct signature *key); /* or LOOKUP_NONE */
void lookup_release(struct lookup *lookup);

/* A growing array of numbers. */
struct list32 {
	uint32_t *item;
	size_t count, capacity;
};

static inline void list32_add(struct list32 *list, uint32_t item)
{
	GROW(list->item, list->count, list->capacity);
	list->item[list->count++] = item;
}

void list32_sort(struct list32 *list);			   /* and each number once */
bool list32_has(const struct list32 *list, uint32_t item); /* of a sorted one */
void list32_release(struct list32 *list);

struct pool {
	struct pool_chunk {
		struct pool_chunk *next;
		size_t used, size;
		char data[];
	} * chunks;
};

void *pool_get(struct pool *pool, size_t size); /* zeroed */
void pool_release(struct pool *pool);

/* Texts stored once: equal texts are equal pointers. */
struct texts {
	struct pool pool;
	const char **slots;
	size_t count, capacity;
};

const char *texts_get(struct texts *texts, const char *text);
const char *texts_get_part(struct texts *texts, const char *text, size_t length);
void texts_release(struct texts *texts);

#endif
