/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The memory of a tree: pages in chunks that come with need, each as large as
 * all before it. Only the windows of a chunk that are looked at are mapped,
 * for mapping costs by the page.
 */
#ifndef NPCTL_STORE_PAGES_H
#define NPCTL_STORE_PAGES_H

#include "store/tree.h"

#define PAGE_BYTES 4096
#define PAGE_CHUNKS 13
#define PAGE_LIMIT 65536
#define WINDOW_PAGES 16 /* of the first chunk as well */
#define WINDOWS (PAGE_LIMIT / WINDOW_PAGES)

struct pages {
	char *pins; /* NULL: memory of this process */
	enum tree_access access;
	int fd[PAGE_CHUNKS]; /* -1: not there */
	void **window;
};

/* Opens the chunks that there are. */
int pages_open(struct pages *pages, const char *pins, enum tree_access access);
void pages_close(struct pages *pages);
void pages_remove(const char *pins);
/* NULL when it is in no chunk. */
void *pages_at(const struct pages *pages, uint32_t page);
/* Makes the chunk of that page if need be. */
int pages_reach(struct pages *pages, uint32_t page);

#endif
