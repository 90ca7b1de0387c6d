// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ncurses cannot be called from a crash: what restores the terminal is prepared. */
#include "top/top.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <curses.h>
#include <term.h>

static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static struct termios before;
static char give_back[128];
static pid_t owner;

/* What crashes otherwise, a command under way, does not own the terminal. */
static void on_crash(int number)
{
	if (owner == getpid()) {
		tcsetattr(STDOUT_FILENO, TCSANOW, &before);
		if (write(STDOUT_FILENO, give_back, strlen(give_back)) < 0)
			_exit(128 + number);
	}
	raise(number); /* the handler is the default one again */
}

void crash_remember(void)
{
	tcgetattr(STDOUT_FILENO, &before);
}

void crash_begin(void)
{
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND | SA_NODEFER};
	const char *end = tigetstr("rmcup"), *cursor = tigetstr("cnorm");

	snprintf(give_back, sizeof(give_back), "%s%s", end ? end : "", cursor ? cursor : "");
	owner = getpid();
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaction(numbers[i], &action, NULL);
}

void crash_end(void)
{
	owner = 0;
}
