// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/node.h"

#include <string.h>

struct cell *cell_at(const struct node *node, unsigned int index)
{
	return (struct cell *)((char *)node + node->place[index]);
}

size_t cell_bytes(size_t length, size_t size)
{
	return (sizeof(struct cell) + length + size + 1) & ~(size_t)1;
}

static int key_compare(const void *a, size_t a_length, const void *b, size_t b_length)
{
	size_t length = a_length < b_length ? a_length : b_length;
	int order = length ? memcmp(a, b, length) : 0;

	return order ? order : a_length < b_length ? -1 : a_length > b_length;
}

unsigned int cell_find(const struct node *node, const void *key, size_t length, bool *same)
{
	unsigned int low = 0, high = node->count;

	*same = false;
	while (low < high) {
		unsigned int middle = low + (high - low) / 2;
		const struct cell *cell = cell_at(node, middle);
		int order = key_compare(cell->data, cell->length, key, length);

		*same |= !order;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

unsigned int child_find(const struct node *node, const void *key, size_t length)
{
	bool same;
	unsigned int index = cell_find(node, key, length, &same);

	return same || !index ? index : index - 1;
}

uint32_t child_at(const struct node *node, unsigned int index)
{
	const struct cell *cell = cell_at(node, index);
	uint32_t page;

	memcpy(&page, cell->data + cell->length, sizeof(page));
	return page;
}

void child_set(struct node *node, unsigned int index, uint32_t page)
{
	struct cell *cell = cell_at(node, index);

	memcpy(cell->data + cell->length, &page, sizeof(page));
}

void node_clear(struct node *node, bool branch)
{
	*node = (struct node){.branch = branch, .end = PAGE_BYTES};
}

bool node_has_room(const struct node *node, size_t bytes)
{
	return NODE_ROOM - node->used - node->count * sizeof(node->place[0]) >=
	       bytes + sizeof(node->place[0]);
}

/* Moves the cells together. */
static void node_compact(struct node *node)
{
	char buffer[PAGE_BYTES];
	struct node *copy = (struct node *)buffer;
	uint16_t end = PAGE_BYTES;

	memcpy(buffer, node, PAGE_BYTES);
	for (unsigned int i = 0; i < copy->count; i++) {
		const struct cell *cell = cell_at(copy, i);
		size_t bytes = cell_bytes(cell->length, cell->size);

		end = (uint16_t)(end - bytes);
		memcpy((char *)node + end, cell, bytes);
		node->place[i] = end;
	}
	node->end = end;
}

void cell_add(struct node *node, unsigned int index, const void *key, size_t length,
	      const void *value, size_t size)
{
	size_t bytes = cell_bytes(length, size);
	struct cell *cell;

	if (sizeof(*node) + (node->count + 1u) * sizeof(node->place[0]) + bytes > node->end)
		node_compact(node);
	node->end = (uint16_t)(node->end - bytes);
	node->used = (uint16_t)(node->used + bytes);
	memmove(&node->place[index + 1], &node->place[index],
		(node->count++ - index) * sizeof(node->place[0]));
	node->place[index] = node->end;
	cell = cell_at(node, index);
	cell->length = (uint16_t)length;
	cell->size = (uint16_t)size;
	if (length)
		memcpy(cell->data, key, length);
	if (size)
		memcpy(cell->data + length, value, size);
}

void cell_remove(struct node *node, unsigned int index)
{
	const struct cell *cell = cell_at(node, index);

	node->used = (uint16_t)(node->used - cell_bytes(cell->length, cell->size));
	memmove(&node->place[index], &node->place[index + 1],
		(--node->count - index) * sizeof(node->place[0]));
}
