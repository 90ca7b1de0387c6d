/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The numbers under which peers are known, from either side. */
#ifndef NPCTL_COMPILE_IDENTITY_H
#define NPCTL_COMPILE_IDENTITY_H

#include "model/model.h"
#include "compile/numbers.h"

#define IDENTITY_LABEL "npctl.io/identity" /* given by hand */

/* Of an address; false while it has none (nothing is loaded). */
bool identity_of(const struct plan *plan, const struct numbers *numbers,
		 const struct address *address, uint32_t *identity);
/*
 * The pods of an identity as a selector that a one-line rule takes; freed by
 * the caller. Numbers given by hand come first. fail() when there is none.
 */
int identity_selector(const struct model *model, const struct plan *plan,
		      const struct numbers *numbers, uint32_t identity, char **selector);

#endif
