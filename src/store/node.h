/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One page of a tree. It has its cells from the end and their places, sorted by
 * key, from the front. In a branch, a cell's value is the page of those keys
 * that are not before its own; the first one's key is empty.
 */
#ifndef NPCTL_STORE_NODE_H
#define NPCTL_STORE_NODE_H

#include "store/pages.h"

struct node {
	uint16_t count, branch;
	uint16_t end;  /* where the cells begin */
	uint16_t used; /* bytes of all cells */
	uint16_t place[];
};

struct cell {
	uint16_t length, size;
	unsigned char data[]; /* key, value */
};

#define NODE_ROOM (PAGE_BYTES - sizeof(struct node))

void node_clear(struct node *node, bool branch);
bool node_has_room(const struct node *node, size_t bytes); /* for a cell of so many */

struct cell *cell_at(const struct node *node, unsigned int index);
size_t cell_bytes(size_t length, size_t size);
/* The first cell whose key is not before `key`; whether it is the same. */
unsigned int cell_find(const struct node *node, const void *key, size_t length, bool *same);
void cell_add(struct node *node, unsigned int index, const void *key, size_t length,
	      const void *value, size_t size); /* there is room */
void cell_remove(struct node *node, unsigned int index);

/* Which child of a branch has the key. */
unsigned int child_find(const struct node *node, const void *key, size_t length);
uint32_t child_at(const struct node *node, unsigned int index);
void child_set(struct node *node, unsigned int index, uint32_t page);

#endif
