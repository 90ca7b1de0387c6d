// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/sets.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_ENTRIES (SET_PAGE / 2)

void spans_add(struct spans *spans, struct span span)
{
	if (!span.count)
		return;
	GROW(spans->span, spans->count, spans->capacity);
	spans->span[spans->count++] = span;
}

static int entry_compare(const void *a, const void *b)
{
	const struct run_entry *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

void entries_sort(struct run_entry *entries, size_t count)
{
	qsort(entries, count, sizeof(*entries), entry_compare);
}

static bool is_flat(struct span set)
{
	return set.count & SET_FLAT;
}

static uint32_t slots_of(struct span set)
{
	return set.count & ~SET_FLAT;
}

static struct span directory_of(struct span set)
{
	return (struct span){set.first, (slots_of(set) + 1) / 2};
}

/* Answers lie two to an entry. */
static uint32_t *answers_at(struct datapath *datapath, uint32_t first)
{
	return arena_entries(&datapath->runs, first);
}

/* The page that a slot leads to. */
static struct span page_of(uint32_t slot)
{
	return (struct span){slot & ANSWER_INDEX, slot & ANSWER_PAGE ? PAGE_ENTRIES : 0};
}

/* Runs */

struct run {
	struct run_entry *entries;
	size_t count, capacity;
};

static void run_add(struct run *run, uint32_t start, uint32_t answer)
{
	if (run->count && run->entries[run->count - 1].answer == answer)
		return;
	GROW(run->entries, run->count, run->capacity);
	run->entries[run->count++] = (struct run_entry){start, answer};
}

static void unpack_flat(struct datapath *datapath, struct span set, struct run *run)
{
	const uint32_t *slots = answers_at(datapath, set.first);
	uint32_t i, j;

	for (i = 0; i < slots_of(set); i++) {
		const uint32_t *page =
		    slots[i] & ANSWER_PAGE ? answers_at(datapath, slots[i] & ANSWER_INDEX) : NULL;

		for (j = 0; j < (page ? SET_PAGE : 1); j++)
			run_add(run, i * SET_PAGE + j, page ? page[j] : slots[i]);
	}
	run_add(run, slots_of(set) * SET_PAGE, run->entries[0].answer);
}

static struct run unpack(struct datapath *datapath, struct span set)
{
	const struct run_entry *entries;
	struct run run = {};
	uint32_t i;

	if (!set.count) {
		run_add(&run, 0, set.first);
	} else if (is_flat(set)) {
		unpack_flat(datapath, set, &run);
	} else {
		entries = arena_entries(&datapath->runs, set.first);
		for (i = 0; i < set.count; i++)
			run_add(&run, entries[i].start, entries[i].answer);
	}
	return run;
}

/* The old run, with these answers in their places. */
static struct run merge(const struct run *old, const struct run_entry *answers, size_t count)
{
	uint32_t now = old->entries[0].answer;
	struct run run = {};
	size_t i = 0, j = 0;

	while (i < old->count || j < count) {
		if (j == count || (i < old->count && old->entries[i].start < answers[j].start)) {
			now = old->entries[i].answer;
			run_add(&run, old->entries[i++].start, now);
			continue;
		}
		if (i < old->count && old->entries[i].start == answers[j].start)
			now = old->entries[i++].answer;
		run_add(&run, answers[j].start, answers[j].answer);
		if ((i == old->count || old->entries[i].start != answers[j].start + 1) &&
		    (j + 1 == count || answers[j + 1].start != answers[j].start + 1))
			run_add(&run, answers[j].start + 1, now);
		j++;
	}
	return run;
}

/* Writing */

static int run_write(struct datapath *datapath, const struct run_entry *entries, size_t count,
		     struct span *set)
{
	*set = (struct span){.first = entries[0].answer};
	if (count == 1)
		return 0;
	set->count = (uint32_t)count;
	if (arena_alloc(&datapath->runs, set->count, 1, &set->first))
		return FAILED;
	memcpy(arena_entries(&datapath->runs, set->first), entries, count * sizeof(*entries));
	return 0;
}

/* A slot for such a page: its place, or, when all is one, the answer itself. */
static int page_write(struct datapath *datapath, const uint32_t *page, uint32_t *slot)
{
	uint32_t i, first;

	for (i = 1; i < SET_PAGE && page[i] == page[0]; i++)
		;
	*slot = page[0];
	if (i == SET_PAGE)
		return 0;
	if (arena_alloc(&datapath->runs, PAGE_ENTRIES, 1, &first))
		return FAILED;
	memcpy(answers_at(datapath, first), page, SET_PAGE * sizeof(*page));
	*slot = ANSWER_PAGE | first;
	return 0;
}

static int directory_write(struct datapath *datapath, const uint32_t *slots, uint32_t count,
			   struct span *set)
{
	*set = (struct span){.count = SET_FLAT | count};
	if (arena_alloc(&datapath->runs, directory_of(*set).count, 1, &set->first))
		return FAILED;
	memcpy(answers_at(datapath, set->first), slots, count * sizeof(*slots));
	return 0;
}

/* Behind the last slot the answer is that of identity 0, as it is behind every run's end. */
static int flat_write(struct datapath *datapath, const struct run_entry *entries, size_t count,
		      struct span *set)
{
	uint32_t slots = (entries[count - 1].start + SET_PAGE - 1) / SET_PAGE, i, j;
	uint32_t *slot = xalloc(slots * sizeof(*slot)), page[SET_PAGE];
	size_t at = 0;
	int error = 0;

	for (i = 0; i < slots && !error; i++) {
		for (j = 0; j < SET_PAGE; j++) {
			while (at + 1 < count && entries[at + 1].start <= i * SET_PAGE + j)
				at++;
			page[j] = entries[at].answer;
		}
		error = page_write(datapath, page, &slot[i]);
	}
	if (!error)
		error = directory_write(datapath, slot, slots, set);
	free(slot);
	return error;
}

int set_write(struct datapath *datapath, const struct run_entry *entries, size_t count,
	      struct span *set)
{
	if (count > SET_RUN_MOST && datapath->settings->formats & FORMAT_FLAT_SETS &&
	    entries[count - 1].answer == entries[0].answer)
		return flat_write(datapath, entries, count, set);
	return run_write(datapath, entries, count, set);
}

/* Reading */

uint32_t set_answer(struct datapath *datapath, struct span set, uint32_t identity)
{
	const struct run_entry *entries;
	uint32_t slot, low = 0, left;

	if (!set.count)
		return set.first;
	if (is_flat(set)) {
		if (identity / SET_PAGE >= slots_of(set))
			identity = 0;
		slot = answers_at(datapath, set.first)[identity / SET_PAGE];
		if (!(slot & ANSWER_PAGE))
			return slot;
		return answers_at(datapath, slot & ANSWER_INDEX)[identity % SET_PAGE];
	}
	entries = arena_entries(&datapath->runs, set.first);
	for (left = set.count; left > 1; left -= left / 2)
		if (entries[low + left / 2].start <= identity)
			low += left / 2;
	return entries[low].answer;
}

static bool agrees(struct datapath *datapath, struct span set, const struct run_entry *answers,
		   size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (set_answer(datapath, set, answers[i].start) != answers[i].answer)
			return false;
	return true;
}

/* Changing */

/* One slot, with those of the answers that are its own; says how many these were. */
static int slot_patch(struct datapath *datapath, uint32_t number, uint32_t *slot,
		      const struct run_entry *answers, size_t *count, struct spans *freed)
{
	uint32_t page[SET_PAGE], i;
	size_t at = 0;

	for (i = 0; i < SET_PAGE; i++)
		page[i] = *slot;
	if (*slot & ANSWER_PAGE)
		memcpy(page, answers_at(datapath, *slot & ANSWER_INDEX), sizeof(page));
	spans_add(freed, page_of(*slot));
	for (; at < *count && answers[at].start / SET_PAGE == number; at++)
		page[answers[at].start % SET_PAGE] = answers[at].answer;
	*count = at;
	return page_write(datapath, page, slot);
}

static int flat_patch(struct datapath *datapath, struct span old, const struct run_entry *answers,
		      size_t count, struct span *set, struct spans *freed)
{
	uint32_t had = slots_of(old), slots = answers[count - 1].start / SET_PAGE + 1, i;
	uint32_t *slot;
	size_t at, taken;
	int error = 0;

	if (slots < had)
		slots = had;
	slot = xalloc(slots * sizeof(*slot));
	memcpy(slot, answers_at(datapath, old.first), had * sizeof(*slot));
	for (i = had; i < slots; i++)
		slot[i] = set_answer(datapath, old, 0);
	for (at = 0; at < count && !error; at += taken) {
		uint32_t number = answers[at].start / SET_PAGE;

		taken = count - at;
		error = slot_patch(datapath, number, &slot[number], answers + at, &taken, freed);
	}
	spans_add(freed, directory_of(old));
	if (!error)
		error = directory_write(datapath, slot, slots, set);
	free(slot);
	return error;
}

int set_patch(struct datapath *datapath, struct span old, const struct run_entry *answers,
	      size_t count, bool shared, struct span *set, struct spans *freed)
{
	struct run before, after;
	int error;

	*set = old;
	if (agrees(datapath, old, answers, count))
		return 0;
	if (is_flat(old) && !shared)
		return flat_patch(datapath, old, answers, count, set, freed);
	before = unpack(datapath, old);
	after = merge(&before, answers, count);
	error = set_write(datapath, after.entries, after.count, set);
	if (!shared)
		set_free(datapath, old, freed);
	free(before.entries);
	free(after.entries);
	return error;
}

/* What it uses */

void set_free(struct datapath *datapath, struct span set, struct spans *freed)
{
	const uint32_t *slots;
	uint32_t i;

	if (!is_flat(set)) {
		spans_add(freed, set);
		return;
	}
	slots = answers_at(datapath, set.first);
	for (i = 0; slots && i < slots_of(set); i++)
		spans_add(freed, page_of(slots[i]));
	spans_add(freed, directory_of(set));
}

void set_mark(struct datapath *datapath, struct span set)
{
	struct spans used = {};
	size_t i;

	set_free(datapath, set, &used);
	for (i = 0; i < used.count; i++)
		arena_mark(&datapath->runs, used.span[i]);
	free(used.span);
}
