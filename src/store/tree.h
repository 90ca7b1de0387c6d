/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records, found by their keys, in pages of pinned and mapped memory: a tree
 * whose pages in force are never written. A change copies the pages on its way
 * to a record, so it costs what it changes; the heads of the version in force
 * and of the one to come stand side by side, and whoever knows the version
 * knows the head. Killed anywhere, the old tree is there as it was, and what
 * the new one had taken is free.
 */
#ifndef NPCTL_STORE_TREE_H
#define NPCTL_STORE_TREE_H

#include "base/base.h"

/* Six of the longest fit into a page, so that halves of a full one have room for another. */
#define TREE_KEY_MOST 128
#define TREE_VALUE_MOST 512

struct tree;

enum tree_access {
	TREE_READ,     /* nobody writes meanwhile */
	TREE_SNAPSHOT, /* somebody may: works on a copy; ask again for the version afterwards */
	TREE_WRITE,
};

/*
 * Chunk n of the memory is pinned as PINS-n, or, with `pins` NULL, is this
 * process's alone. No records under `version` give an empty tree. FAILED.
 */
int tree_open(struct tree **tree, const char *pins, uint32_t version, enum tree_access access);
void tree_close(struct tree *tree); /* NULL is fine */
/* Removes the pins. */
void tree_remove(const char *pins);

/* The value, borrowed until the next change; NULL. */
const void *tree_get(const struct tree *tree, const void *key, size_t length, size_t *size);
/* FAILED when memory is out or the key or value too long. */
int tree_put(struct tree *tree, const void *key, size_t length, const void *value, size_t size);
/* False when there is none. */
bool tree_delete(struct tree *tree, const void *key, size_t length);

typedef int tree_callback(const void *key, size_t length, const void *value, size_t size,
			  void *data);
/*
 * Calls back for the records whose keys begin with the first `prefix` bytes of
 * `from` and are not before it, in order, until one call returns non-zero.
 * The tree must not be changed meanwhile.
 */
int tree_each(const struct tree *tree, const void *from, size_t length, size_t prefix,
	      tree_callback *callback, void *data);

bool tree_is_empty(const struct tree *tree);
/* Something differs from what is in force. */
bool tree_changed(const struct tree *tree);
/* Writes the head for `version`; until then, and unless it comes into force, nothing has changed.
 */
void tree_stage(struct tree *tree, uint32_t version);
/* `version`, staged before, is in force. */
void tree_flipped(struct tree *tree, uint32_t version);
/* Takes back everything since the version in force. */
void tree_abort(struct tree *tree);

/* In which version it was staged: what was taken back brings an older one back into force. */
uint32_t tree_committed(const struct tree *tree);
/* The tree as it is in force, or, `back` false, as it was changed; not to be changed meanwhile. */
void tree_look_back(struct tree *tree, bool back);

/*
 * From here on a change can be taken back by itself; tree_decide() says whether
 * it is, and ends that.
 */
void tree_try(struct tree *tree);
void tree_decide(struct tree *tree, bool keep);

/* Pages in use: what memory it takes, and for tests. */
size_t tree_pages(const struct tree *tree);

#endif
