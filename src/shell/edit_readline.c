// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Readline by its callbacks: signals are looked at here, between two keys, so
 * that nothing runs in a handler and the terminal is always given back.
 */
#include "with-readline.h"
#include "base/interrupt.h"
#include "shell/edit.h"
#include "shell/edit_complete.h"
#include "shell/history.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if NPCTL_READLINE
#include <readline/history.h>
#include <readline/readline.h>

#define HISTORY_LINES 1000

static char *kept_in; /* the file of the history; NULL: none */
static char *typed;   /* the line, when it is done */
static bool done;
static volatile sig_atomic_t resized;

static void on_resize(int number)
{
	(void)number;
	resized = 1;
}

static void take_line(char *line)
{
	typed = line;
	done = true;
	rl_callback_handler_remove();
}

void edit_begin(struct context *context, bool private)
{
	rl_readline_name = "npctl";
	rl_outstream = stdout;
	rl_catch_signals = rl_catch_sigwinch = 0;
	using_history();
	stifle_history(HISTORY_LINES);
	rl_initialize();
	rl_variable_bind("enable-bracketed-paste", "off");
	edit_complete_begin(context);
	kept_in = private ? NULL : history_file();
	if (kept_in)
		read_history(kept_in);
}

void edit_end(void)
{
	if (kept_in)
		history_truncate_file(kept_in, HISTORY_LINES);
	free(kept_in);
	kept_in = NULL;
	clear_history();
	edit_complete_end();
}

/* Not what begins with a blank, nor the same line again. */
static void keep(const char *line)
{
	HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;

	if (!*line || *line == ' ' || (last && !strcmp(last->line, line)))
		return;
	add_history(line);
	if (kept_in)
		append_history(1, kept_in);
}

static void block(sigset_t *before)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, before);
}

/* Signals come only while nothing else is done. False: one of them ends the line. */
static bool wait_for_key(const sigset_t *open)
{
	struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
	int ready = ppoll(&keys, 1, NULL, open);

	if (resized) {
		resized = 0;
		rl_resize_terminal();
	}
	if (ready > 0)
		rl_callback_read_char();
	return !interrupted && (ready > 0 || errno == EINTR);
}

static int cancel(void)
{
	bool goes_on = interrupted == SIGINT || interrupted == SIGQUIT;

	rl_callback_sigcleanup();
	rl_callback_handler_remove();
	puts(goes_on ? "^C" : "");
	return goes_on ? INPUT_CANCELLED : INPUT_END;
}

int edit_line(const char *prompt, bool first, char **text)
{
	struct sigaction resize = {.sa_handler = on_resize}, before_resize;
	sigset_t before;
	int result = 0;

	done = false;
	fflush(stdout);
	interrupt_catch();
	block(&before);
	sigaction(SIGWINCH, &resize, &before_resize);
	signal(SIGTSTP, SIG_IGN);
	edit_complete_allow(first);
	rl_callback_handler_install(prompt, take_line);
	rl_resize_terminal();
	while (!done && !result)
		if (!wait_for_key(&before))
			result = cancel();
	signal(SIGTSTP, SIG_DFL);
	sigaction(SIGWINCH, &before_resize, NULL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (result)
		return result;
	*text = typed;
	if (!typed)
		puts("");
	else if (first)
		keep(typed);
	return typed ? 0 : INPUT_END;
}
#endif
