/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The numbers under which a plan's rules, classes, sets and tables live in
 * the kernel. What stays the same keeps its number, so that counters go on,
 * flows keep their rule and little has to be written; a number that was freed
 * is not given out again until all others have been.
 */
#ifndef NPCTL_COMPILE_NUMBERS_H
#define NPCTL_COMPILE_NUMBERS_H

#include "compile/plan.h"

struct numbered {
	struct signature signature;
	uint32_t number;
	struct span span; /* of a table: where its run stands */
};

struct number_space {
	struct numbered *entries; /* sorted by signature */
	size_t count;
	uint32_t next;	       /* where the search for a free number begins */
	uint32_t first, limit; /* numbers are first … limit - 1 */
};

enum number_kind { NUMBER_RULE, NUMBER_CLASS, NUMBER_SET, NUMBER_TABLE, NUMBER_KINDS };

struct numbers {
	struct number_space space[NUMBER_KINDS];
};

/*
 * New numbers for `plan`, keeping those of `old` (NULL: none). `limits` is
 * how many of each kind the maps hold. Fails, naming the kind and the option
 * that makes room, when there are too many. A table of one range needs no number.
 */
int numbers_assign(const struct plan *plan, const struct numbers *old,
		   const uint32_t limits[NUMBER_KINDS], struct numbers **new_numbers);
void numbers_free(struct numbers *numbers);

/* NULL when the signature has none. */
const struct numbered *numbers_find(const struct numbers *numbers, enum number_kind kind,
				    const struct signature *signature);
const struct numbered *numbers_find_number(const struct numbers *numbers, enum number_kind kind,
					   uint32_t number);

/* What an earlier version kept them as: a flat copy in a document. */
int numbers_unpack(const void *data, size_t size, struct numbers **numbers);

#endif
