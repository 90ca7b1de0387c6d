// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "with-readline.h"
#include "base/interrupt.h"
#include "shell/edit.h"
#include <stdio.h>

#if !NPCTL_READLINE
void edit_begin(struct context *context, bool private)
{
	(void)context;
	(void)private;
}

void edit_end(void)
{
}

int edit_line(const char *prompt, bool first, char **text)
{
	struct input input = {.data = stdin};
	int result;

	fputs(prompt, stdout);
	fflush(stdout);
	interrupt_catch();
	result = input_next_of_file(&input, first, text);
	clearerr(stdin);
	if (result != INPUT_END)
		return result;
	putchar('\n');
	return interrupted == SIGINT || interrupted == SIGQUIT ? INPUT_CANCELLED : INPUT_END;
}
#endif
