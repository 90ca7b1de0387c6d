/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sets as the programs read them: identity -> answer. A small one is a sorted
 * run; a large one is flat, pages of answers under a directory, so that a
 * look-up takes two loads, and a change the pages that it touches.
 */
#ifndef NPCTL_DATAPATH_SETS_H
#define NPCTL_DATAPATH_SETS_H

#include "datapath/datapath.h"

struct spans {
	struct span *span;
	size_t count, capacity;
};

void spans_add(struct spans *spans, struct span span); /* but not one without a run */

void entries_sort(struct run_entry *entries, size_t count);
/* Of entries sorted by identity, the first at 0; each holds up to the next. */
int set_write(struct datapath *datapath, const struct run_entry *entries, size_t count,
	      struct span *set);
uint32_t set_answer(struct datapath *datapath, struct span set, uint32_t identity);
/*
 * The set with other answers for some identities, which are sorted. What it no
 * longer uses of the old one is added to `freed`; `shared`: others use all of that.
 */
int set_patch(struct datapath *datapath, struct span old, const struct run_entry *answers,
	      size_t count, bool shared, struct span *set, struct spans *freed);
/* All that it uses: to the marks of the arena, or to what is freed. */
void set_mark(struct datapath *datapath, struct span set);
void set_free(struct datapath *datapath, struct span set, struct spans *freed);

#endif
