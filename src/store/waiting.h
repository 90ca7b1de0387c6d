/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A change that waits to be confirmed. It is in force, and what was before it is
 * in the half that is not, complete, and comes back into force by itself when the
 * time is over (abi.h). Until that is decided nobody may write there. The word is
 * set before the change is in force and does not count until then; killed
 * anywhere, the next who opens the instance finds one of these states.
 */
#ifndef NPCTL_STORE_WAITING_H
#define NPCTL_STORE_WAITING_H

#include "abi.h"
#include "base/base.h"

/* The version that the programs judge by. */
uint32_t version_in_force(const struct settings *settings);
/* A change waits, and its time is not over; `seconds`, which may be NULL, are left. */
bool waiting_is(const struct settings *settings, double *seconds);
/* It was not confirmed in time, and nobody has tidied up yet. */
bool waiting_is_over(const struct settings *settings);

/* The next version is taken back after so many seconds. */
void waiting_begin(struct settings *settings, uint64_t seconds);
/* What waits stays; false: it was too late. */
bool waiting_confirm(struct settings *settings);
/* What waits, or did, is taken back for good: `version` says what is in force. */
void waiting_take_back(struct settings *settings);

#endif
