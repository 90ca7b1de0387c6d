// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/test/test.h"
#include "load/checks.h"

int test_env(struct context *context, const struct words *words)
{
	json_t *rows = json_array();

	(void)words;
	checks_machine(context->root, rows);
	return test_report(&context->out, rows);
}
