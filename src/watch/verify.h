/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Does the kernel hold what the documents say? */
#ifndef NPCTL_WATCH_VERIFY_H
#define NPCTL_WATCH_VERIFY_H

#include "store/instance.h"
#include "compile/plan.h"

/*
 * Looks everything of `plan` up in the maps, as the programs would, and the
 * programs on the interfaces. Rows {"part", "what", "expected", "found"}, one
 * for each difference.
 */
int verify_datapath(struct instance *instance, const struct plan *plan, json_t *rows);

#endif
