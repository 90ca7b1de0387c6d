/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "compile/numbers.h"

#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "base/content.h"

static const struct {
	const char *what, *mend;
	uint32_t first;
} kinds[NUMBER_KINDS] = {
    [NUMBER_RULE] = {"rules", "npctl load --unload && npctl load --rules", 1},
    [NUMBER_CLASS] = {"classes of addresses", NULL, IDENTITY_FIRST},
    [NUMBER_SET] = {"sets of rules", NULL, 1},
    [NUMBER_TABLE] = {"port tables", NULL, 1},
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return signature_compare(&x->signature, &y->signature);
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* What the plan has to number, sorted, each once. */
static void collect(const struct plan *plan, enum number_kind kind, struct number_space *space)
{
	size_t counts[NUMBER_KINDS] = {
	    [NUMBER_RULE] = plan->rule_count,
	    [NUMBER_CLASS] = plan->class_count,
	    [NUMBER_SET] = plan->set_count,
	    [NUMBER_TABLE] = plan->table_count,
	};
	size_t kept = 0;

	space->entries = xalloc((counts[kind] + 1) * sizeof(*space->entries));
	for (size_t i = 0; i < counts[kind]; i++) {
		struct numbered *entry = &space->entries[space->count];

		if ((kind == NUMBER_CLASS && (i == 0 || plan->classes[i].reserved)) ||
		    (kind == NUMBER_TABLE && plan->tables[i].count == 1))
			continue;
		entry->signature = kind == NUMBER_RULE	  ? plan->rules[i].signature
				   : kind == NUMBER_CLASS ? plan->classes[i].signature
				   : kind == NUMBER_SET	  ? plan->sets[i].signature
							  : plan->tables[i].signature;
		space->count++;
	}
	qsort(space->entries, space->count, sizeof(*space->entries), compare_numbered);
	for (size_t i = 0; i < space->count; i++)
		if (!kept || compare_numbered(&space->entries[kept - 1], &space->entries[i]))
			space->entries[kept++] = space->entries[i];
	space->count = kept;
}

static size_t count_fresh(const struct number_space *space)
{
	size_t count = 0;

	for (size_t i = 0; i < space->count; i++)
		count += !space->entries[i].number;
	return count;
}

/* Both are sorted: one walk finds what stays. */
static void keep_old(struct number_space *space, const struct number_space *old)
{
	size_t i = 0, j = 0;

	while (i < space->count && j < old->count) {
		int order = compare_numbered(&space->entries[i], &old->entries[j]);

		if (order == 0) {
			space->entries[i].number = old->entries[j].number;
			space->entries[i].span = old->entries[j].span;
		}
		i += order <= 0;
		j += order >= 0;
	}
}

/* Whatever the old plan uses stays taken, for it is in force until the flip. */
static uint32_t *taken_numbers(const struct number_space *old)
{
	uint32_t *taken = xalloc((old->count + 1) * sizeof(*taken));

	for (size_t i = 0; i < old->count; i++)
		taken[i] = old->entries[i].number;
	qsort(taken, old->count, sizeof(*taken), compare_numbers);
	return taken;
}

static void give_fresh(struct number_space *space, const uint32_t *taken, size_t taken_count)
{
	uint32_t next = space->next;
	size_t at = 0;

	while (at < taken_count && taken[at] < next)
		at++;
	for (size_t i = 0; i < space->count; i++) {
		if (space->entries[i].number)
			continue;
		for (;;) {
			if (next >= space->limit) {
				next = space->first;
				at = 0;
			}
			if (at == taken_count || taken[at] != next)
				break;
			at++;
			next++;
		}
		space->entries[i].number = next++;
	}
	space->next = next;
}

static int assign(struct number_space *space, const struct number_space *old, enum number_kind kind)
{
	static const struct number_space none;
	uint32_t *taken;

	if (!old)
		old = &none;
	keep_old(space, old);
	if (space->limit < space->first ||
	    old->count + count_fresh(space) > space->limit - space->first) {
		fail("too many %s: %zu more beside %zu, and the maps hold %u", kinds[kind].what,
		     count_fresh(space), old->count, space->limit);
		return kinds[kind].mend ? fail_mend("%s N", kinds[kind].mend) : FAILED;
	}
	space->next =
	    old->next >= space->first && old->next < space->limit ? old->next : space->first;
	taken = taken_numbers(old);
	give_fresh(space, taken, old->count);
	free(taken);
	return 0;
}

int numbers_assign(const struct plan *plan, const struct numbers *old,
		   const uint32_t limits[NUMBER_KINDS], struct numbers **new_numbers)
{
	struct numbers *numbers = xalloc(sizeof(*numbers));

	for (int kind = 0; kind < NUMBER_KINDS; kind++) {
		struct number_space *space = &numbers->space[kind];

		space->first = kinds[kind].first;
		space->limit = limits[kind];
		collect(plan, (enum number_kind)kind, space);
		if (assign(space, old ? &old->space[kind] : NULL, (enum number_kind)kind)) {
			numbers_free(numbers);
			return FAILED;
		}
	}
	*new_numbers = numbers;
	return 0;
}

void numbers_free(struct numbers *numbers)
{
	if (!numbers)
		return;
	for (int kind = 0; kind < NUMBER_KINDS; kind++)
		free(numbers->space[kind].entries);
	free(numbers);
}

const struct numbered *numbers_find(const struct numbers *numbers, enum number_kind kind,
				    const struct signature *signature)
{
	const struct number_space *space = &numbers->space[kind];
	struct numbered key = {.signature = *signature};

	if (!space->count)
		return NULL;
	return bsearch(&key, space->entries, space->count, sizeof(key), compare_numbered);
}

const struct numbered *numbers_find_number(const struct numbers *numbers, enum number_kind kind,
					   uint32_t number)
{
	const struct number_space *space = &numbers->space[kind];

	for (size_t i = 0; i < space->count; i++)
		if (space->entries[i].number == number)
			return &space->entries[i];
	return NULL;
}

/* Packed: for each kind a head, then the entries. */
struct packed_head {
	uint64_t count;
	uint32_t next, first, limit, pad;
};

int numbers_unpack(const void *data, size_t size, struct numbers **numbers)
{
	const char *at = data, *end = at + size;
	struct numbers *made = xalloc(sizeof(*made));

	for (int kind = 0; kind < NUMBER_KINDS; kind++) {
		struct number_space *space = &made->space[kind];
		struct packed_head head;

		if ((size_t)(end - at) < sizeof(head))
			goto damaged;
		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		if (head.count > (size_t)(end - at) / sizeof(struct numbered))
			goto damaged;
		space->entries = xalloc((head.count + 1) * sizeof(struct numbered));
		memcpy(space->entries, at, head.count * sizeof(struct numbered));
		at += head.count * sizeof(struct numbered);
		space->count = head.count;
		space->next = head.next;
		space->first = head.first;
		space->limit = head.limit;
	}
	*numbers = made;
	return 0;
damaged:
	numbers_free(made);
	return fail("the stored numbers of the plan are damaged");
}
