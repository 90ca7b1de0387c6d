/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rows of a report: {"part", "check", "result": "PASS"|"FAIL"|"WARN"|"SKIP", "detail", "mend"}. */
#ifndef NPCTL_LOAD_CHECKS_H
#define NPCTL_LOAD_CHECKS_H

#include <jansson.h>
#include "base/base.h"

enum mark { MARK_PASS, MARK_FAIL, MARK_WARN, MARK_SKIP };

/* The new row, still the array's own. */
json_t *check_add(json_t *rows, const char *part, const char *name, enum mark mark,
		  const char *format, ...) PRINTF(5, 6);
/* The command that mends it. */
void check_mend(json_t *row, const char *format, ...) PRINTF(2, 3);
size_t check_count(const json_t *rows, enum mark mark);

/*
 * Can this machine do the work? Everything is tried, in a network namespace
 * of its own where interfaces are needed; nothing stays.
 */
void checks_machine(const char *root, json_t *rows);

#endif
