/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The numbers in force as records, so that a small change finds the few that
 * it needs; and what is free: numbers, and room in the arenas.
 */
#ifndef NPCTL_STORE_NUMBER_STORE_H
#define NPCTL_STORE_NUMBER_STORE_H

#include "compile/numbers.h"
#include "store/tree.h"

/* All of them; none when there are none. */
void number_store_load(const struct tree *records, struct numbers *numbers);
/* What differs from `old`, which is what is there, is written. FAILED. */
int number_store_save(struct tree *records, const struct numbers *old,
		      const struct numbers *numbers);
bool number_store_is_empty(const struct tree *records);
void number_store_clear(struct tree *records);

/* One of them; false when the signature has none. */
bool number_store_get(const struct tree *records, enum number_kind kind,
		      const struct signature *signature, struct numbered *number);
/* Gives it a number that nobody has; FAILED, silently, when none is known to be free. */
int number_store_give(struct tree *records, enum number_kind kind,
		      const struct signature *signature, struct numbered *number);
/* Notes where it stands. */
int number_store_put(struct tree *records, enum number_kind kind, const struct numbered *number);
/* The set that stands there, if one is known to, is no more. */
void number_store_forget_set(struct tree *records, uint32_t first);

/* What the numbers in force rest on, beside what was said. */
bool surroundings_load(const struct tree *records, struct signature *signature);
int surroundings_save(struct tree *records, const struct signature *signature);

/* Spans that nobody uses, of the arena of that letter, sorted; the array is freed by the caller. */
struct span *gap_store_load(const struct tree *records, char arena, size_t *count);
int gap_store_save(struct tree *records, char arena, const struct span *gaps, size_t count);

#endif
