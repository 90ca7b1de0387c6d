/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A line as people type it, cut into words the way a shell does it, without expanding any. */
#ifndef NPCTL_SHELL_SPLIT_H
#define NPCTL_SHELL_SPLIT_H

#include "base/base.h"

#define SPLIT_OPEN 1 /* a quote or a backslash wants another line */

struct split {
	char **word; /* ends with NULL */
	int count;
	char *here; /* <<WORD: lines follow, up to this one; NULL: none */
	bool tabs;  /* <<-WORD: tabs before each of them do not count */
};

/*
 * 'single' and "double" quotes, backslashes, # and what follows it. Returns 0,
 * SPLIT_OPEN, or MISUSED; to be released in any case.
 */
int split_line(const char *line, struct split *split);
void split_release(struct split *split);

#endif
