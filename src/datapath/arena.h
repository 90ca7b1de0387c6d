/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Room for runs in an array of equal chunks, which come and go with need.
 * What is free is not recorded anywhere: it is what the version in force does
 * not use, so a crash cannot leak any of it.
 */
#ifndef NPCTL_DATAPATH_ARENA_H
#define NPCTL_DATAPATH_ARENA_H

#include "base/base.h"
#include "abi.h"

struct arena_gap {
	uint32_t first, count;
};

struct arena_chunk {
	int fd; /* -1: not there */
	void *entries;
};

struct arena {
	int outer;	  /* array of maps */
	char *pins;	  /* chunk n is pinned as PINS-n; NULL: kept by descriptor alone */
	const char *name; /* for errors */
	uint32_t entry_size, chunk_bits, limit;
	struct arena_chunk *chunks;
	struct arena_gap *live, *gaps;
	size_t live_count, live_capacity, gap_count, gap_capacity, cursor;
};

int arena_open(struct arena *arena, const char *name, int outer, const char *pins,
	       uint32_t entry_size, uint32_t chunk_bits, uint32_t limit);
void arena_close(struct arena *arena);

/* Tells what is in use; after arena_seal() the rest is free. */
void arena_mark(struct arena *arena, struct span span);
void arena_seal(struct arena *arena);
/* Forgets the marks, for telling anew. */
void arena_unmark(struct arena *arena);

/* Finds room for `count` entries in one chunk, from a multiple of `align` on; the caller fills it.
 */
int arena_alloc(struct arena *arena, uint32_t count, uint32_t align, uint32_t *first);
void *arena_entries(struct arena *arena, uint32_t first);

/*
 * What is not used, the largest first, `most` of them at most. Of chunks that are not used
 * at all arena_shrink() makes an end, unless `whole`.
 */
size_t arena_gaps(const struct arena *arena, bool whole, struct span *gaps, size_t most);
/* Instead of telling what is in use: what is not. */
void arena_take_gaps(struct arena *arena, const struct span *gaps, size_t count);
/* Nobody uses it any more. */
void arena_free(struct arena *arena, struct span span);

/* Far more room than what is marked needs. */
bool arena_is_sparse(const struct arena *arena);
/* Gives back the chunks in which nothing is marked. */
void arena_shrink(struct arena *arena);

#endif
