// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Page 0 and 1 are the heads of even and odd versions, two pages behind them
 * for each say which pages its tree uses. The others are nodes (node.h).
 */
#include "store/tree.h"

#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "store/node.h"

#define MAGIC 0x6e70747265650001ull
#define MAP_PAGES (PAGE_LIMIT / 8 / PAGE_BYTES)
#define MAP_WORDS (PAGE_LIMIT / 64)
#define FIRST_PAGE (2 + 2 * MAP_PAGES)
#define DEPTH 16

struct head {
	uint64_t magic;
	uint32_t version, root; /* 0: empty */
	uint32_t was;		/* its version before it came into force again */
};

struct tree {
	struct pages pages;
	uint32_t version, root, cursor;
	uint32_t ahead; /* the root, while one looks back */
	bool changed;
	/* the pages of the tree as it is being changed, and of the one in force */
	uint64_t own[MAP_WORDS], old[MAP_WORDS];
	/* while something is tried: what there was before, whose pages are not written either */
	struct {
		uint32_t root;
		bool changed;
		uint64_t own[MAP_WORDS], old[MAP_WORDS];
	} before;
};

static struct head *head_at(const struct tree *tree, uint32_t version)
{
	return pages_at(&tree->pages, version & 1);
}

static uint64_t *map_at(const struct tree *tree, uint32_t version)
{
	return pages_at(&tree->pages, 2 + (version & 1) * MAP_PAGES);
}

static struct node *node_at(const struct tree *tree, uint32_t page)
{
	return pages_at(&tree->pages, page);
}

static bool bit_get(const uint64_t *map, uint32_t bit)
{
	return map[bit / 64] >> bit % 64 & 1;
}

static void bit_set(uint64_t *map, uint32_t bit, bool on)
{
	if (on)
		map[bit / 64] |= 1ull << bit % 64;
	else
		map[bit / 64] &= ~(1ull << bit % 64);
}

/* A change that was not confirmed left what was before it in force, two versions on. */
static bool head_is_of(struct tree *tree, struct head *head, uint32_t version)
{
	if (!head || head->magic != MAGIC)
		return false;
	if (head->version == version)
		return true;
	if (version_after(version_after(head->version)) != version)
		return false;
	if (tree->pages.access == TREE_WRITE) {
		head->was = head->version;
		head->version = version;
	}
	return true;
}

/* The tree in force, as its head says. */
static void take_head(struct tree *tree, uint32_t version)
{
	struct head *head = head_at(tree, version);

	memset(tree->old, 0, sizeof(tree->old));
	tree->root = 0;
	if (head_is_of(tree, head, version)) {
		memcpy(tree->old, map_at(tree, version), sizeof(tree->old));
		tree->root = head->root;
	}
	for (uint32_t page = 0; page < FIRST_PAGE; page++)
		bit_set(tree->old, page, true);
	memcpy(tree->own, tree->old, sizeof(tree->own));
	tree->version = version;
	tree->changed = false;
	tree->cursor = FIRST_PAGE;
}

int tree_open(struct tree **tree, const char *pins, uint32_t version, enum tree_access access)
{
	struct tree *new = xalloc(sizeof(*new));

	if (pages_open(&new->pages, pins, access)) {
		tree_close(new);
		return FAILED;
	}
	take_head(new, version);
	*tree = new;
	return 0;
}

void tree_close(struct tree *tree)
{
	if (!tree)
		return;
	pages_close(&tree->pages);
	free(tree);
}

void tree_remove(const char *pins)
{
	pages_remove(pins);
}

/* Pages */

static int page_take(struct tree *tree, uint32_t *page)
{
	for (uint32_t tried = 0; tried < MAP_WORDS; tried++) {
		uint32_t word = (tree->cursor / 64 + tried) % MAP_WORDS;
		uint64_t taken = tree->own[word] | tree->old[word];

		if (taken == ~0ull)
			continue;
		*page = word * 64 + (uint32_t)__builtin_ctzll(~taken);
		if (pages_reach(&tree->pages, *page))
			return FAILED;
		bit_set(tree->own, *page, true);
		tree->cursor = *page;
		return 0;
	}
	return fail("the records are full: %u pages", PAGE_LIMIT);
}

static void page_give(struct tree *tree, uint32_t page)
{
	bit_set(tree->own, page, false);
}

/* A page that may be written: itself when it is new, else a copy in its place. */
static int page_own(struct tree *tree, uint32_t *page)
{
	uint32_t copy;

	if (!bit_get(tree->old, *page))
		return 0;
	if (page_take(tree, &copy))
		return FAILED;
	memcpy(node_at(tree, copy), node_at(tree, *page), PAGE_BYTES);
	page_give(tree, *page);
	*page = copy;
	return 0;
}

/* What a node that was too full hands up: its right half and that one's first key. */
struct split {
	uint32_t page; /* 0: none */
	uint16_t length;
	unsigned char key[TREE_KEY_MOST];
};

/* Keys that come in order leave full pages behind. */
static unsigned int split_at(const struct node *node, unsigned int index)
{
	size_t bytes = 0;
	unsigned int at = 0;

	if (index == node->count)
		return node->count - 1;
	while (at + 1 < node->count && bytes < node->used / 2u) {
		const struct cell *cell = cell_at(node, at++);

		bytes += cell_bytes(cell->length, cell->size);
	}
	return at;
}

static int node_split(struct tree *tree, struct node *node, unsigned int index, struct split *split)
{
	unsigned int at = split_at(node, index), i;
	struct node *right;
	const struct cell *cell;

	if (page_take(tree, &split->page))
		return FAILED;
	right = node_at(tree, split->page);
	node_clear(right, node->branch);
	cell = cell_at(node, at);
	split->length = cell->length;
	memcpy(split->key, cell->data, cell->length);
	for (i = at; i < node->count; i++) {
		cell = cell_at(node, i);
		/* the first key of a branch is empty */
		cell_add(right, i - at, cell->data, i == at && node->branch ? 0 : cell->length,
			 cell->data + cell->length, cell->size);
	}
	while (node->count > at)
		cell_remove(node, node->count - 1u);
	return 0;
}

/* Into the node or, if that is full, into one of its halves. */
static int cell_insert(struct tree *tree, struct node *node, unsigned int index, const void *key,
		       size_t length, const void *value, size_t size, struct split *split)
{
	if (node_has_room(node, cell_bytes(length, size))) {
		cell_add(node, index, key, length, value, size);
		return 0;
	}
	if (node_split(tree, node, index, split))
		return FAILED;
	if (index > node->count) {
		index -= node->count;
		node = node_at(tree, split->page);
	}
	cell_add(node, index, key, length, value, size);
	return 0;
}

struct putting {
	const void *key, *value;
	size_t length, size;
};

static int put_leaf(struct tree *tree, struct node *node, const struct putting *putting,
		    struct split *split)
{
	bool same;
	unsigned int index = cell_find(node, putting->key, putting->length, &same);

	if (same)
		cell_remove(node, index);
	return cell_insert(tree, node, index, putting->key, putting->length, putting->value,
			   putting->size, split);
}

static int put_below(struct tree *tree, uint32_t *page, const struct putting *putting,
		     struct split *split)
{
	struct split below = {0};
	struct node *node;
	unsigned int index;
	uint32_t child;

	if (page_own(tree, page))
		return FAILED;
	node = node_at(tree, *page);
	if (!node->branch)
		return put_leaf(tree, node, putting, split);
	index = child_find(node, putting->key, putting->length);
	child = child_at(node, index);
	if (put_below(tree, &child, putting, &below))
		return FAILED;
	child_set(node, index, child);
	if (!below.page)
		return 0;
	return cell_insert(tree, node, index + 1, below.key, below.length, &below.page,
			   sizeof(below.page), split);
}

static int root_make(struct tree *tree, bool branch)
{
	uint32_t page;

	if (page_take(tree, &page))
		return FAILED;
	node_clear(node_at(tree, page), branch);
	tree->root = page;
	return 0;
}

int tree_put(struct tree *tree, const void *key, size_t length, const void *value, size_t size)
{
	struct putting putting = {key, value, length, size};
	struct split split = {0};
	uint32_t left;
	struct node *root;

	if (length > TREE_KEY_MOST || size > TREE_VALUE_MOST)
		return fail("a record of %zu and %zu bytes is too long", length, size);
	tree->changed = true;
	if (!tree->root && root_make(tree, false))
		return FAILED;
	if (put_below(tree, &tree->root, &putting, &split))
		return FAILED;
	if (!split.page)
		return 0;
	left = tree->root;
	if (root_make(tree, true))
		return FAILED;
	root = node_at(tree, tree->root);
	cell_add(root, 0, NULL, 0, &left, sizeof(left));
	cell_add(root, 1, split.key, split.length, &split.page, sizeof(split.page));
	return 0;
}

/* An empty child goes; the first cell of what is left has the empty key. */
static void child_drop(struct tree *tree, struct node *node, unsigned int index, uint32_t child)
{
	uint32_t first;

	page_give(tree, child);
	cell_remove(node, index);
	if (index || !node->count)
		return;
	first = child_at(node, 0);
	cell_remove(node, 0);
	cell_add(node, 0, NULL, 0, &first, sizeof(first));
}

/* The neighbour behind comes in, where both fit well into one. */
static void child_join(struct tree *tree, struct node *node, unsigned int index)
{
	const struct cell *border;
	struct node *left, *right;
	uint32_t page;

	if (index + 1u >= node->count)
		return;
	border = cell_at(node, index + 1);
	page = child_at(node, index + 1);
	left = node_at(tree, child_at(node, index));
	right = node_at(tree, page);
	if (left->used + right->used + border->length +
		(left->count + right->count) * (sizeof(left->place[0]) + 2u) >
	    NODE_ROOM * 3 / 4)
		return;
	for (unsigned int i = 0; i < right->count; i++) {
		const struct cell *cell = cell_at(right, i);
		bool first = !i && right->branch;

		cell_add(left, left->count, first ? border->data : cell->data,
			 first ? border->length : cell->length, cell->data + cell->length,
			 cell->size);
	}
	page_give(tree, page);
	cell_remove(node, index + 1);
}

/* The key is there. */
static int delete_below(struct tree *tree, uint32_t *page, const void *key, size_t length)
{
	struct node *node;
	unsigned int index;
	uint32_t child;
	bool same;

	if (page_own(tree, page))
		return FAILED;
	node = node_at(tree, *page);
	if (!node->branch) {
		cell_remove(node, cell_find(node, key, length, &same));
		return 0;
	}
	index = child_find(node, key, length);
	child = child_at(node, index);
	if (delete_below(tree, &child, key, length))
		return FAILED;
	child_set(node, index, child);
	if (!node_at(tree, child)->count)
		child_drop(tree, node, index, child);
	else
		child_join(tree, node, index);
	return 0;
}

bool tree_delete(struct tree *tree, const void *key, size_t length)
{
	struct node *root;
	uint32_t page;
	size_t size;

	if (!tree_get(tree, key, length, &size) || delete_below(tree, &tree->root, key, length))
		return false;
	tree->changed = true;
	while (tree->root) {
		root = node_at(tree, tree->root);
		if (root->count && (!root->branch || root->count > 1))
			break;
		page = tree->root;
		tree->root = root->count ? child_at(root, 0) : 0;
		page_give(tree, page);
	}
	return true;
}

const void *tree_get(const struct tree *tree, const void *key, size_t length, size_t *size)
{
	uint32_t page = tree->root;
	const struct node *node;
	const struct cell *cell;
	unsigned int index, depth;
	bool same;

	for (depth = 0; page && depth < DEPTH; depth++) {
		node = node_at(tree, page);
		if (!node || node->branch) {
			page = node ? child_at(node, child_find(node, key, length)) : 0;
			continue;
		}
		index = cell_find(node, key, length, &same);
		if (!same)
			return NULL;
		cell = cell_at(node, index);
		*size = cell->size;
		return cell->data + cell->length;
	}
	return NULL;
}

struct walk {
	const void *from;
	size_t length, prefix;
	tree_callback *callback;
	void *data;
};

/* Stops with what the callback says, or 1 behind the last key that begins so. */
static int each_below(const struct tree *tree, uint32_t page, const struct walk *walk,
		      unsigned int depth)
{
	const struct node *node = node_at(tree, page);
	unsigned int index;
	bool same;
	int result = 0;

	if (!node || depth == DEPTH)
		return 1;
	index = node->branch ? child_find(node, walk->from, walk->length)
			     : cell_find(node, walk->from, walk->length, &same);
	for (; index < node->count && !result; index++) {
		const struct cell *cell = cell_at(node, index);

		if (node->branch)
			result = each_below(tree, child_at(node, index), walk, depth + 1);
		else if (cell->length < walk->prefix ||
			 (walk->prefix && memcmp(cell->data, walk->from, walk->prefix) != 0))
			result = 1;
		else
			result = walk->callback(cell->data, cell->length, cell->data + cell->length,
						cell->size, walk->data);
	}
	return result;
}

int tree_each(const struct tree *tree, const void *from, size_t length, size_t prefix,
	      tree_callback *callback, void *data)
{
	struct walk walk = {from, length, prefix, callback, data};
	int result = tree->root ? each_below(tree, tree->root, &walk, 0) : 0;

	return result == 1 ? 0 : result;
}

bool tree_is_empty(const struct tree *tree)
{
	return !tree->root;
}

bool tree_changed(const struct tree *tree)
{
	return tree->changed;
}

void tree_stage(struct tree *tree, uint32_t version)
{
	struct head *head;

	if (!tree->root && !head_at(tree, version))
		return;
	head = head_at(tree, version);
	head->magic = 0;
	memcpy(map_at(tree, version), tree->own, sizeof(tree->own));
	*head = (struct head){.magic = MAGIC, .version = version, .root = tree->root};
}

void tree_flipped(struct tree *tree, uint32_t version)
{
	take_head(tree, version);
}

void tree_abort(struct tree *tree)
{
	take_head(tree, tree->version);
}

void tree_look_back(struct tree *tree, bool back)
{
	struct head *head = head_at(tree, tree->version);

	if (!back) {
		tree->root = tree->ahead;
		return;
	}
	tree->ahead = tree->root;
	tree->root = head_is_of(tree, head, tree->version) ? head->root : 0;
}

uint32_t tree_committed(const struct tree *tree)
{
	const struct head *head = head_at(tree, tree->version);

	if (!head || !head->was || version_after(version_after(head->was)) != head->version)
		return tree->version;
	return head->was;
}

void tree_try(struct tree *tree)
{
	tree->before.root = tree->root;
	tree->before.changed = tree->changed;
	memcpy(tree->before.own, tree->own, sizeof(tree->own));
	memcpy(tree->before.old, tree->old, sizeof(tree->old));
	for (size_t i = 0; i < MAP_WORDS; i++)
		tree->old[i] |= tree->own[i];
}

void tree_decide(struct tree *tree, bool keep)
{
	memcpy(tree->old, tree->before.old, sizeof(tree->old));
	if (keep)
		return;
	memcpy(tree->own, tree->before.own, sizeof(tree->own));
	tree->root = tree->before.root;
	tree->changed = tree->before.changed;
}

size_t tree_pages(const struct tree *tree)
{
	size_t count = 0;

	for (size_t i = 0; i < MAP_WORDS; i++)
		count += (size_t)__builtin_popcountll(tree->own[i]);
	return count - FIRST_PAGE;
}
