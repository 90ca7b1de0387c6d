/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Prefixes nest or are disjoint, so one pass over them in order, with a stack
 * of those that are open, finds every stretch of addresses with equal elements.
 */
#include <stdlib.h>
#include "compile/classes.h"

struct open {
	uint64_t high, low; /* last address */
	uint32_t set;
};

struct stack {
	struct open *item;
	size_t count, capacity;
};

static uint64_t load64(const uint8_t *bytes)
{
	uint64_t word = 0;

	for (int i = 0; i < 8; i++)
		word = word << 8 | bytes[i];
	return word;
}

void points_add(struct points points[2], const struct prefix *prefix, uint64_t element)
{
	struct points *to = &points[prefix->address.family == 6];

	GROW(to->item, to->count, to->capacity);
	to->item[to->count++] = (struct point){
	    .element = element,
	    .high = load64(prefix->address.bytes),
	    .low = load64(prefix->address.bytes + 8),
	    .length = prefix->length,
	};
}

static int compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->length != y->length)
		return x->length - y->length;
	return x->element < y->element ? -1 : x->element > y->element;
}

static void points_sort(struct points *points)
{
	for (size_t i = 1; i < points->count; i++) {
		if (compare_points(&points->item[i - 1], &points->item[i]) > 0) {
			qsort(points->item, points->count, sizeof(*points->item), compare_points);
			return;
		}
	}
}

static uint32_t set_of(struct element_sets *sets, const uint64_t *elements, size_t count)
{
	struct signature key = {0};
	uint32_t index;

	for (size_t i = 0; i < count; i++)
		sign_number(&key, elements[i]);
	sign_number(&key, count);
	index = lookup_put(&sets->known, &key, (uint32_t)sets->count);
	if (index != sets->count)
		return index;
	GROW(sets->item, sets->count, sets->capacity);
	sets->item[sets->count++] = (struct class){
	    .first = (uint32_t)sets->element_count,
	    .count = (uint32_t)count,
	    .pod_class = LOOKUP_NONE,
	};
	for (size_t i = 0; i < count; i++) {
		GROW(sets->elements, sets->element_count, sets->element_capacity);
		sets->elements[sets->element_count++] = elements[i];
		if (ELEMENT_KIND(elements[i]) == ELEMENT_POD)
			sets->item[index].pod_class = ELEMENT_ID(elements[i]);
	}
	return index;
}

/* What `old` becomes of when `element` comes: stays beside, gives way, or keeps it out. */
enum fate { STAYS, GOES, KEEPS_OUT };

static enum fate fate_of(uint64_t old, uint64_t element)
{
	bool same = ELEMENT_ID(old) == ELEMENT_ID(element);

	switch (ELEMENT_KIND(element)) {
	case ELEMENT_EXCEPT:
		return ELEMENT_KIND(old) == ELEMENT_PEER && same ? GOES : STAYS;
	case ELEMENT_POD:
		return ELEMENT_KIND(old) == ELEMENT_POD ? GOES : STAYS;
	case ELEMENT_LIST:
		if (ELEMENT_KIND(old) != ELEMENT_LIST || !same)
			return STAYS;
		return old < element ? GOES : KEEPS_OUT;
	default:
		return old == element ? KEEPS_OUT : STAYS;
	}
}

static uint32_t set_step(struct element_sets *sets, uint32_t from, uint64_t element)
{
	const struct class *old = &sets->item[from];
	uint64_t *made = xalloc((old->count + 1) * sizeof(*made));
	bool pending = ELEMENT_KIND(element) != ELEMENT_EXCEPT;
	size_t count = 0;
	uint32_t to;

	for (size_t i = 0; i < old->count; i++) {
		uint64_t have = sets->elements[old->first + i];
		enum fate fate = fate_of(have, element);

		if (fate == KEEPS_OUT)
			pending = false;
		if (fate == GOES)
			continue;
		if (pending && have > element) {
			made[count++] = element;
			pending = false;
		}
		made[count++] = have;
	}
	if (pending)
		made[count++] = element;
	to = set_of(sets, made, count);
	free(made);
	return to;
}

static uint32_t set_with(struct element_sets *sets, uint32_t from, uint64_t element)
{
	struct signature key = {.high = from, .low = element};
	uint32_t to = lookup_get(&sets->steps, &key);

	if (to != LOOKUP_NONE)
		return to;
	to = set_step(sets, from, element);
	return lookup_put(&sets->steps, &key, to);
}

static void emit(struct bounds *bounds, uint64_t high, uint64_t low, uint32_t set)
{
	struct bound *last = bounds->count ? &bounds->item[bounds->count - 1] : NULL;

	if (last && last->high == high && last->low == low) {
		bounds->count--;
		last = bounds->count ? last - 1 : NULL;
	}
	if (last && last->set == set)
		return;
	GROW(bounds->item, bounds->count, bounds->capacity);
	bounds->item[bounds->count++] = (struct bound){high, low, set};
}

static void close_one(struct stack *stack, struct bounds *bounds)
{
	const struct open *top = &stack->item[--stack->count];
	uint32_t below = stack->count ? stack->item[stack->count - 1].set : 0;

	if (top->high == UINT64_MAX && top->low == UINT64_MAX)
		return; /* nothing comes after */
	emit(bounds, top->high + (top->low == UINT64_MAX), top->low + 1, below);
}

static bool is_before(const struct open *open, const struct point *point)
{
	return open->high != point->high ? open->high < point->high : open->low < point->low;
}

static void open_point(struct stack *stack, const struct point *point, uint32_t set)
{
	uint64_t free_high = point->length >= 64 ? 0 : UINT64_MAX >> point->length;
	uint64_t free_low = point->length <= 64	   ? UINT64_MAX
			    : point->length == 128 ? 0
						   : UINT64_MAX >> (point->length - 64);

	GROW(stack->item, stack->count, stack->capacity);
	stack->item[stack->count++] =
	    (struct open){point->high | free_high, point->low | free_low, set};
}

void sweep(struct points *points, struct element_sets *sets, struct bounds *bounds)
{
	struct stack stack = {0};

	set_of(sets, NULL, 0);
	emit(bounds, 0, 0, 0);
	points_sort(points);
	for (size_t i = 0; i < points->count; i++) {
		const struct point *point = &points->item[i];
		uint32_t outer, set;

		if (!(i % PROGRESS_STEP))
			progress("compiling", i, points->count);
		while (stack.count && is_before(&stack.item[stack.count - 1], point))
			close_one(&stack, bounds);
		outer = stack.count ? stack.item[stack.count - 1].set : 0;
		set = set_with(sets, outer, point->element);
		if (set == outer)
			continue;
		open_point(&stack, point, set);
		emit(bounds, point->high, point->low, set);
	}
	while (stack.count)
		close_one(&stack, bounds);
	free(stack.item);
}
