/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* JSON values as the text of a cell. */
#ifndef NPCTL_OUT_CELL_H
#define NPCTL_OUT_CELL_H

#include <jansson.h>
#include <stdbool.h>

/* On one line, without control characters; "-" for nothing. Freed by the caller. */
char *cell_text(const json_t *value);

/* How many columns of a terminal the text takes. */
int cell_width(const char *text);

/* The widest part that may not be broken; lines end at spaces, or also between names. */
int cell_least(const char *text, bool slashes);

/* How many bytes of the text go on a line of this width, the space at its end left out. */
size_t cell_fold(const char *text, int width, bool slashes);

/* Of so many bytes those that take no more than `width` columns, one character at least. */
size_t cell_cut(const char *text, size_t length, int width);

#endif
