// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/author.h"

static const char *now = "";

const char *author(void)
{
	return now;
}

const char *author_say(const char *command)
{
	const char *before = now;

	now = command;
	return before;
}
