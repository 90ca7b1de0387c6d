// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/peers.h"

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
	uint32_t word; /* the count as a span has it */
	uint16_t starts[65536];
	uint32_t identities[65536];
	struct run_entry packed[PEER_ENTRIES(PEER_WIDE | 65536)];
};

static void block_add(struct block *block, uint32_t start, uint32_t identity)
{
	if (block->count && block->identities[block->count - 1] == identity)
		return;
	block->starts[block->count] = start;
	block->identities[block->count++] = identity;
}

static void block_pack(struct block *block)
{
	struct run_entry *behind = block->packed + PEER_STARTS(block->count);
	uint32_t wide = 0, i;

	for (i = 0; i < block->count; i++)
		wide |= block->identities[i];
	block->word = block->count | (wide > UINT16_MAX ? PEER_WIDE : 0);
	if (block->count == 1)
		return;
	memset(block->packed, 0, PEER_ENTRIES(block->word) * sizeof(*block->packed));
	memset(block->packed, 0xff, PEER_STARTS(block->count) * sizeof(*block->packed));
	memcpy(block->packed, block->starts, block->count * sizeof(*block->starts));
	for (i = 0; i < block->count; i++)
		if (block->word & PEER_WIDE)
			((uint32_t *)behind)[i] = block->identities[i];
		else
			((uint16_t *)behind)[i] = block->identities[i];
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
	block_pack(block);
}

static bool block_same(struct datapath *datapath, struct span span, const struct block *block)
{
	if (block->count == 1)
		return !span.count && span.first == block->identities[0];
	return span.count == block->word &&
	       !memcmp(arena_entries(&datapath->runs, span.first), block->packed,
		       PEER_ENTRIES(block->word) * sizeof(*block->packed));
}

static int block_write(struct datapath *datapath, const struct block *block, struct span *span)
{
	uint32_t entries = PEER_ENTRIES(block->word);

	*span = (struct span){.first = block->identities[0]};
	if (block->count == 1)
		return 0;
	span->count = block->word;
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

/* Changes of ranges */

static int compare6(uint64_t a_high, uint64_t a_low, uint64_t b_high, uint64_t b_low)
{
	if (a_high != b_high)
		return a_high < b_high ? -1 : 1;
	return a_low < b_low ? -1 : a_low > b_low;
}

void peers_copy(struct datapath *datapath)
{
	uint32_t idle = !(datapath->settings->version & 1), i;
	const struct span *now = datapath->peers4 + !idle * PEERS4_HALF;
	struct span *next = datapath->peers4 + idle * PEERS4_HALF;

	/* unchanged pages of the index stay clean */
	for (i = 0; i < PEERS4_HALF; i++)
		if (!span_equal(next[i], now[i]))
			next[i] = now[i];
	datapath->settings->peers6[idle] = datapath->settings->peers6[!idle];
}

static void block_unpack(struct datapath *datapath, struct span span, struct block *block)
{
	const struct run_entry *entries, *behind;
	uint32_t i;

	block->count = span.count ? PEER_COUNT(span.count) : 1;
	block->starts[0] = 0;
	block->identities[0] = span.first;
	if (!span.count)
		return;
	entries = arena_entries(&datapath->runs, span.first);
	behind = entries + PEER_STARTS(span.count);
	memcpy(block->starts, entries, block->count * sizeof(*block->starts));
	for (i = 0; i < block->count; i++)
		block->identities[i] = span.count & PEER_WIDE ? ((const uint32_t *)behind)[i]
							      : ((const uint16_t *)behind)[i];
}

/* The old block, but from `first` to `last` as the plan has it; both lie within it. */
static void block_patch(const struct peers_patch *patch, const struct block *old,
			struct range4 range, struct block *new)
{
	const struct plan *plan = patch->plan;
	uint32_t base = range.first & 0xffff0000, first = range.first - base;
	uint32_t last = range.last - base, i, behind = 0;
	size_t at = plan_bound4_of(plan, range.first);

	new->count = 0;
	for (i = 0; i < old->count && old->starts[i] < first; i++)
		block_add(new, old->starts[i], old->identities[i]);
	block_add(new, first, patch->identity[plan->bounds4[at].class]);
	while (++at < plan->bound4_count && plan->bounds4[at].start <= range.last)
		block_add(new, plan->bounds4[at].start - base,
			  patch->identity[plan->bounds4[at].class]);
	if (last == 65535)
		return;
	for (i = 0; i < old->count && old->starts[i] <= last + 1; i++)
		behind = old->identities[i];
	block_add(new, last + 1, behind);
	for (; i < old->count; i++)
		block_add(new, old->starts[i], old->identities[i]);
}

int peers_patch4(const struct peers_patch *patch, struct range4 range)
{
	struct datapath *datapath = patch->datapath;
	uint32_t idle = !(datapath->settings->version & 1), number = range.first >> 16;
	struct block *old = xalloc(sizeof(*old)), *new = xalloc(sizeof(*new));
	int result = 0;

	for (; !result && number <= range.last >> 16; number++) {
		struct span *place = &datapath->peers4[idle * PEERS4_HALF + number], span;
		struct range4 part = {number << 16, number << 16 | 0xffff};

		if (part.first < range.first)
			part.first = range.first;
		if (part.last > range.last)
			part.last = range.last;
		block_unpack(datapath, *place, old);
		block_patch(patch, old, part, new);
		block_pack(new);
		if (block_same(datapath, *place, new))
			continue;
		result = block_write(datapath, new, &span);
		if (result)
			break;
		spans_add(
		    patch->freed,
		    (struct span){place->first, place->count ? PEER_ENTRIES(place->count) : 0});
		*place = span;
	}
	free(old);
	free(new);
	return result;
}

struct entries6 {
	struct run6_entry *entry;
	size_t count, capacity;
};

static void entries6_add(struct entries6 *entries, struct run6_entry entry)
{
	GROW(entries->entry, entries->count, entries->capacity);
	entries->entry[entries->count++] = entry;
}

/* An identity from an address on. */
static void identity6_add(struct entries6 *entries, uint64_t high, uint64_t low, uint32_t identity)
{
	if (!entries->count || entries->entry[entries->count - 1].span.first != identity)
		entries6_add(entries, (struct run6_entry){high, low, {.first = identity}});
}

/* The last that begins at the address or before it. */
static size_t entry6_find(const struct entries6 *entries, uint64_t high, uint64_t low)
{
	size_t at = 0, end = entries->count;

	while (end - at > 1) {
		size_t middle = at + (end - at) / 2;
		const struct run6_entry *entry = &entries->entry[middle];

		if (compare6(entry->high, entry->low, high, low) <= 0)
			at = middle;
		else
			end = middle;
	}
	return at;
}

/* The entries of a run, or the one that a span without a run is. */
static void run6_unpack(struct datapath *datapath, struct run6_entry of, struct entries6 *to)
{
	const struct run6_entry *entries = of.span.count ? entries6(datapath, of.span) : &of;
	uint32_t i;

	for (i = 0; i < (of.span.count ? of.span.count : 1); i++)
		entries6_add(to, entries[i]);
}

/* `old`, but in the range as the plan has it; what `old` is has its end before `end`. */
static void entries6_patch(const struct peers_patch *patch, const struct entries6 *old,
			   const struct range6 *range, const struct run6_entry *end,
			   struct entries6 *new)
{
	const struct plan *plan = patch->plan;
	uint64_t next_low = range->last_low + 1, next_high = range->last_high + !next_low;
	bool reaches_end = !next_low && !next_high;
	size_t at = plan_bound6_of(plan, range->high, range->low), i;

	for (i = 0; i < old->count &&
		    compare6(old->entry[i].high, old->entry[i].low, range->high, range->low) < 0;
	     i++)
		identity6_add(new, old->entry[i].high, old->entry[i].low, old->entry[i].span.first);
	identity6_add(new, range->high, range->low, patch->identity[plan->bounds6[at].class]);
	while (++at < plan->bound6_count && compare6(plan->bounds6[at].high, plan->bounds6[at].low,
						     range->last_high, range->last_low) <= 0)
		identity6_add(new, plan->bounds6[at].high, plan->bounds6[at].low,
			      patch->identity[plan->bounds6[at].class]);
	if (reaches_end || (end && compare6(end->high, end->low, next_high, next_low) <= 0))
		return;
	i = entry6_find(old, next_high, next_low);
	identity6_add(new, next_high, next_low, old->entry[i].span.first);
	while (++i < old->count)
		identity6_add(new, old->entry[i].high, old->entry[i].low, old->entry[i].span.first);
}

/* As one leaf, or several where it has become too long. */
static int leaves6_write(struct datapath *datapath, const struct entries6 *entries,
			 struct entries6 *directory)
{
	size_t size = entries->count > 2 * RUN6_LEAF ? RUN6_LEAF : entries->count, at;
	int result = 0;

	for (at = 0; at < entries->count && !result; at += size) {
		struct run6_entry leaf = entries->entry[at];
		size_t left = entries->count - at;

		result = run6_write(datapath, entries->entry + at, left < size ? left : size,
				    &leaf.span);
		entries6_add(directory, leaf);
	}
	return result;
}

static bool is_flat(const struct entries6 *directory)
{
	size_t i;

	for (i = 0; i < directory->count; i++)
		if (directory->entry[i].span.count)
			return false;
	return true;
}

/* The leaves in which the range lies are made anew, and the directory around them. */
static int directory6_patch(const struct peers_patch *patch, const struct range6 *range,
			    const struct entries6 *directory, struct span *root)
{
	size_t first = entry6_find(directory, range->high, range->low), i;
	size_t last = entry6_find(directory, range->last_high, range->last_low);
	const struct run6_entry *end =
	    last + 1 < directory->count ? &directory->entry[last + 1] : NULL;
	struct entries6 old = {}, new = {}, next = {};
	int result;

	for (i = first; i <= last; i++) {
		run6_unpack(patch->datapath, directory->entry[i], &old);
		spans_add(patch->freed6, directory->entry[i].span);
	}
	entries6_patch(patch, &old, range, end, &new);
	for (i = 0; i < first; i++)
		entries6_add(&next, directory->entry[i]);
	result = leaves6_write(patch->datapath, &new, &next);
	for (i = last + 1; i < directory->count; i++)
		entries6_add(&next, directory->entry[i]);
	if (!result)
		result = run6_write(patch->datapath, next.entry, next.count, root);
	free(old.entry);
	free(new.entry);
	free(next.entry);
	return result;
}

int peers_patch6(const struct peers_patch *patch, struct range6 range)
{
	struct datapath *datapath = patch->datapath;
	struct span *root = &datapath->settings->peers6[!(datapath->settings->version & 1)];
	struct entries6 directory = {}, next = {};
	struct span old = *root, made;
	int result;

	run6_unpack(datapath, (struct run6_entry){.span = *root}, &directory);
	if (is_flat(&directory)) {
		entries6_patch(patch, &directory, &range, NULL, &next);
		result = tree_write(datapath, next.entry, next.count, &made);
	} else {
		result = directory6_patch(patch, &range, &directory, &made);
	}
	if (!result) {
		spans_add(patch->freed6, old);
		*root = made;
	}
	free(directory.entry);
	free(next.entry);
	return result;
}
