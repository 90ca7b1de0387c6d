/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verbs of `npctl test`, one file each. */
#ifndef NPCTL_CMD_TEST_TEST_H
#define NPCTL_CMD_TEST_TEST_H

#include "words/command.h"

int test_env(struct context *context, const struct words *words);
int test_status(struct context *context, const struct words *words);
int test_connect(struct context *context, const struct words *words);
int test_matrix(struct context *context, const struct words *words);
int test_assert(struct context *context, const struct words *words);
int test_bench(struct context *context, const struct words *words);
extern const struct option test_connect_options[], test_matrix_options[], test_assert_options[],
    test_bench_options[];

/* Takes over rows of load/checks.h and prints them; REPORTED when one failed. */
int test_report(const struct out *out, json_t *rows);

#endif
