/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* JSON values as the text of a cell. */
#ifndef NPCTL_OUT_CELL_H
#define NPCTL_OUT_CELL_H

#include <jansson.h>

/* On one line, without control characters; "-" for nothing. Freed by the caller. */
char *cell_text(const json_t *value);

/* How many columns of a terminal the text takes. */
int cell_width(const char *text);

#endif
