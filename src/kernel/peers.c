// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/peers.h"

#include <stdlib.h>
#include <string.h>

static bool span_equal(struct span a, struct span b)
{
	return a.first == b.first && a.count == b.count;
}

static const struct run6_entry *entries6(struct datapath *datapath, struct span span)
{
	return arena_entries(&datapath->runs6, span.first);
}

void peers_mark(struct datapath *datapath, uint32_t half)
{
	struct span root = datapath->settings->peers6[half];
	const struct run6_entry *directory;
	uint32_t i;

	for (i = 0; i < PEERS4_HALF; i++) {
		struct span span = datapath->peers4[half * PEERS4_HALF + i];

		if (span.count)
			span.count = PEER_ENTRIES(span.count);
		arena_mark(&datapath->runs, span);
	}
	if (!root.count)
		return;
	arena_mark(&datapath->runs6, root);
	directory = entries6(datapath, root);
	for (i = 0; directory && i < root.count; i++)
		arena_mark(&datapath->runs6, directory[i].span);
}

/* One /16, packed as the programs read it. */
struct block {
	uint32_t count;
	uint16_t starts[65536];
	uint16_t identities[65536];
	struct run_entry packed[PEER_ENTRIES(65536)];
};

static void block_add(struct block *block, uint32_t start, uint32_t identity)
{
	if (block->count && block->identities[block->count - 1] == identity)
		return;
	block->starts[block->count] = start;
	block->identities[block->count++] = identity;
}

/* From the bounds, beginning with the one that reaches into it: *at is not behind `start`. */
static void block_fill(const struct plan *plan, const uint32_t *identity, uint32_t start,
		       size_t *at, struct block *block)
{
	uint64_t end = (uint64_t)start + 65536;
	size_t next = *at;

	while (next + 1 < plan->bound4_count && plan->bounds4[next + 1].start <= start)
		next++;
	block->count = 0;
	block_add(block, 0, identity[plan->bounds4[next].class]);
	while (next + 1 < plan->bound4_count && plan->bounds4[next + 1].start < end) {
		next++;
		block_add(block, plan->bounds4[next].start - start,
			  identity[plan->bounds4[next].class]);
	}
	*at = next;
	if (block->count == 1)
		return;
	memset(block->packed, 0xff, PEER_STARTS(block->count) * sizeof(*block->packed));
	memset(block->packed + PEER_STARTS(block->count), 0,
	       PEER_STARTS(block->count) * sizeof(*block->packed));
	memcpy(block->packed, block->starts, block->count * sizeof(*block->starts));
	memcpy(block->packed + PEER_STARTS(block->count), block->identities,
	       block->count * sizeof(*block->identities));
}

static bool block_same(struct datapath *datapath, struct span span, const struct block *block)
{
	if (block->count == 1)
		return !span.count && span.first == block->identities[0];
	return span.count == block->count &&
	       !memcmp(arena_entries(&datapath->runs, span.first), block->packed,
		       PEER_ENTRIES(block->count) * sizeof(*block->packed));
}

static int block_write(struct datapath *datapath, const struct block *block, struct span *span)
{
	uint32_t entries = PEER_ENTRIES(block->count);

	*span = (struct span){.first = block->identities[0]};
	if (block->count == 1)
		return 0;
	span->count = block->count;
	/* what fits into a cache line is not spread over two */
	if (arena_alloc(&datapath->runs, entries, entries < 8 ? 1 : 8, &span->first))
		return FAILED;
	memcpy(arena_entries(&datapath->runs, span->first), block->packed,
	       entries * sizeof(*block->packed));
	return 0;
}

static int peers4_write(struct datapath *datapath, const struct plan *plan,
			const uint32_t *identity, uint32_t idle, bool anew)
{
	struct span *now = datapath->peers4 + !idle * PEERS4_HALF;
	struct span *next = datapath->peers4 + idle * PEERS4_HALF;
	struct block *block = xalloc(sizeof(*block));
	uint32_t number;
	size_t at = 0;
	int result = 0;

	for (number = 0; !result && number < PEERS4_HALF; number++) {
		struct span span = now[number];
		bool same;

		if (!(number % 1024))
			progress("writing", number, PEERS4_HALF);
		block_fill(plan, identity, number << 16, &at, block);
		same = block_same(datapath, span, block);
		if (!same || (anew && block->count > 1))
			result = block_write(datapath, block, &span);
		/* unchanged pages of the index stay clean */
		if (!result && !span_equal(next[number], span))
			next[number] = span;
	}
	free(block);
	return result;
}

/* The bounds with their identities, equal neighbours merged. */
static size_t flatten6(const struct plan *plan, const uint32_t *identity,
		       struct run6_entry **entries)
{
	struct run6_entry *out = xalloc((plan->bound6_count + 1) * sizeof(*out));
	size_t i, count = 0;

	for (i = 0; i < plan->bound6_count; i++) {
		const struct plan_bound6 *bound = &plan->bounds6[i];

		if (count && out[count - 1].span.first == identity[bound->class])
			continue;
		out[count++] =
		    (struct run6_entry){bound->high, bound->low, {.first = identity[bound->class]}};
	}
	*entries = out;
	return count;
}

/* Leaf by leaf, the tree under `root` says the same as the flat entries. */
static bool tree_same(struct datapath *datapath, struct span root, const struct run6_entry *entries,
		      size_t count)
{
	const struct run6_entry *directory;
	uint32_t i;
	size_t at = 0;

	if (!root.count)
		return count == 1 && entries[0].span.first == root.first;
	directory = entries6(datapath, root);
	for (i = 0; i < root.count; i++) {
		struct span leaf = directory[i].span;
		uint32_t size = leaf.count ? leaf.count : 1;
		const struct run6_entry *from =
		    leaf.count ? entries6(datapath, leaf) : &directory[i];

		if (at + size > count || memcmp(from, entries + at, size * sizeof(*from)))
			return false;
		at += size;
	}
	return at == count;
}

static int run6_write(struct datapath *datapath, const struct run6_entry *entries, size_t count,
		      struct span *span)
{
	*span = entries[0].span;
	if (count == 1)
		return 0;
	span->count = count;
	if (arena_alloc(&datapath->runs6, count, 1, &span->first))
		return FAILED;
	memcpy(arena_entries(&datapath->runs6, span->first), entries, count * sizeof(*entries));
	return 0;
}

/* Leaves of equal size under one directory, which few entries do without. */
static int tree_write(struct datapath *datapath, const struct run6_entry *entries, size_t count,
		      struct span *root)
{
	size_t leaves = (count + RUN6_LEAF - 1) / RUN6_LEAF, i;
	struct run6_entry *directory;
	int result = 0;

	if (count <= RUN6_LEAF)
		return run6_write(datapath, entries, count, root);
	directory = xalloc(leaves * sizeof(*directory));
	for (i = 0; !result && i < leaves; i++) {
		const struct run6_entry *from = entries + i * RUN6_LEAF;
		size_t size = i + 1 < leaves ? RUN6_LEAF : count - i * RUN6_LEAF;

		directory[i] = *from;
		result = run6_write(datapath, from, size, &directory[i].span);
	}
	if (!result)
		result = run6_write(datapath, directory, leaves, root);
	free(directory);
	return result;
}

static int peers6_write(struct datapath *datapath, const struct plan *plan,
			const uint32_t *identity, uint32_t idle)
{
	struct span now = datapath->settings->peers6[!idle], next = now;
	struct run6_entry *entries;
	size_t count = flatten6(plan, identity, &entries);
	bool anew = arena_is_sparse(&datapath->runs6);
	int result = 0;

	if (!tree_same(datapath, now, entries, count))
		anew = true;
	if (anew)
		result = tree_write(datapath, entries, count, &next);
	free(entries);
	if (!result)
		datapath->settings->peers6[idle] = next;
	return result;
}

int peers_write(struct datapath *datapath, const struct plan *plan, const uint32_t *identity,
		uint32_t idle, bool anew)
{
	if (peers4_write(datapath, plan, identity, idle, anew))
		return FAILED;
	return peers6_write(datapath, plan, identity, idle);
}
