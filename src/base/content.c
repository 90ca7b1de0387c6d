/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/content.h"

#include <stdlib.h>

void sign_bytes(struct signature *signature, const void *data, size_t size)
{
	const char *byte = data;
	uint64_t word;

	sign_number(signature, size);
	for (; size >= sizeof(word); byte += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, byte, sizeof(word));
		sign_number(signature, word);
	}
	if (size) {
		word = 0;
		memcpy(&word, byte, size);
		sign_number(signature, word);
	}
}

void sign_text(struct signature *signature, const char *text)
{
	sign_bytes(signature, text, strlen(text));
}

int signature_compare(const struct signature *a, const struct signature *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return a->low < b->low ? -1 : a->low > b->low;
}

static struct lookup_slot *lookup_slot(const struct lookup *lookup, const struct signature *key)
{
	size_t at = mix(key->high ^ 0x9e3779b97f4a7c15, key->low ^ 0xd6e8feb86659fd93);

	for (;; at++) {
		struct lookup_slot *slot = &lookup->slots[at & (lookup->capacity - 1)];

		if (!slot->value || signature_equal(&slot->key, key))
			return slot;
	}
}

static void lookup_grow(struct lookup *lookup)
{
	struct lookup old = *lookup;

	lookup->capacity = old.capacity ? 2 * old.capacity : 64;
	lookup->slots = xalloc(lookup->capacity * sizeof(*lookup->slots));
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].value)
			*lookup_slot(lookup, &old.slots[i].key) = old.slots[i];
	free(old.slots);
}

uint32_t lookup_put(struct lookup *lookup, const struct signature *key, uint32_t value)
{
	struct lookup_slot *slot;

	if (2 * lookup->count >= lookup->capacity)
		lookup_grow(lookup);
	slot = lookup_slot(lookup, key);
	if (!slot->value) {
		slot->key = *key;
		slot->value = value + 1;
		lookup->count++;
	}
	return slot->value - 1;
}

uint32_t lookup_get(const struct lookup *lookup, const struct signature *key)
{
	return lookup->capacity ? lookup_slot(lookup, key)->value - 1 : LOOKUP_NONE;
}

void lookup_release(struct lookup *lookup)
{
	free(lookup->slots);
	memset(lookup, 0, sizeof(*lookup));
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void list32_sort(struct list32 *list)
{
	size_t kept = 0;
	bool sorted = true;

	for (size_t i = 1; i < list->count; i++)
		sorted = sorted && list->item[i - 1] < list->item[i];
	if (sorted)
		return;
	qsort(list->item, list->count, sizeof(*list->item), compare_numbers);
	for (size_t i = 0; i < list->count; i++)
		if (!kept || list->item[kept - 1] != list->item[i])
			list->item[kept++] = list->item[i];
	list->count = kept;
}

bool list32_has(const struct list32 *list, uint32_t item)
{
	return list->count &&
	       bsearch(&item, list->item, list->count, sizeof(item), compare_numbers);
}

void list32_release(struct list32 *list)
{
	free(list->item);
	memset(list, 0, sizeof(*list));
}

/* The first is small: many models are of a single rule. */
#define CHUNK_FIRST 2048
#define CHUNK 65536

void *pool_get(struct pool *pool, size_t size)
{
	struct pool_chunk *chunk = pool->chunks;
	void *data;

	size = (size + 15) & ~(size_t)15;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t least = chunk ? CHUNK : CHUNK_FIRST, room = size > least ? size : least;

		chunk = xalloc(sizeof(*chunk) + room);
		chunk->size = room;
		chunk->next = pool->chunks;
		pool->chunks = chunk;
	}
	data = chunk->data + chunk->used;
	chunk->used += size;
	return data;
}

void pool_release(struct pool *pool)
{
	while (pool->chunks) {
		struct pool_chunk *next = pool->chunks->next;

		free(pool->chunks);
		pool->chunks = next;
	}
}

static size_t text_hash(const char *text, size_t length)
{
	uint64_t hash = length ^ 0x9e3779b97f4a7c15, word;

	for (; length >= sizeof(word); text += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = mix(hash ^ word, 0xa0761d6478bd642f);
	}
	word = 0;
	memcpy(&word, text, length);
	return mix(hash ^ word, 0xe7037ed1a0b428db);
}

static const char **text_slot(const struct texts *texts, const char *text, size_t length)
{
	for (size_t at = text_hash(text, length);; at++) {
		const char **slot = &texts->slots[at & (texts->capacity - 1)];

		if (!*slot || (strncmp(*slot, text, length) == 0 && !(*slot)[length]))
			return slot;
	}
}

static void texts_grow(struct texts *texts)
{
	struct texts old = *texts;

	texts->capacity = old.capacity ? 2 * old.capacity : 256;
	texts->slots = xalloc(texts->capacity * sizeof(*texts->slots));
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i])
			*text_slot(texts, old.slots[i], strlen(old.slots[i])) = old.slots[i];
	free(old.slots);
}

const char *texts_get_part(struct texts *texts, const char *text, size_t length)
{
	const char **slot;
	char *copy;

	if (2 * texts->count >= texts->capacity)
		texts_grow(texts);
	slot = text_slot(texts, text, length);
	if (!*slot) {
		copy = pool_get(&texts->pool, length + 1);
		memcpy(copy, text, length);
		*slot = copy;
		texts->count++;
	}
	return *slot;
}

const char *texts_get(struct texts *texts, const char *text)
{
	return texts_get_part(texts, text, strlen(text));
}

void texts_release(struct texts *texts)
{
	free(texts->slots);
	pool_release(&texts->pool);
	memset(texts, 0, sizeof(*texts));
}
