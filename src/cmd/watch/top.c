// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/table.h"
#include "top/top.h"

static int run_top(struct context *context, const struct words *words)
{
	uint64_t interval_s = 1;
	int error = word_number(words, "interval", 1, 3600, &interval_s);

	if (error)
		return error;
	if (context->out.json)
		return misuse("top is a screen: for programs there is `npctl -j stat`");
	return top_run(context, interval_s);
}

static const struct option options[] = {
    {"interval", VALUE_NUMBER, "SECONDS", "between two looks: 1 unless given", 0, false},
    {0},
};

static const struct verb verbs[] = {
    {"", "", "pods, programs, rules and events on one screen, with keys to act", 0, 0, options,
     run_top, NULL},
    {0},
};

const struct command command_top = {"top", "one screen for all of it", verbs};
