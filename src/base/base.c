// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/base.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_AFTER 250 /* milliseconds, before anything is shown */
#define PROGRESS_PACE 50

bool quiet, debug, steps_shown;

static char *sentence, *mend;

static char *text(const char *format, va_list arguments)
{
	char *result;

	if (vasprintf(&result, format, arguments) < 0)
		abort();
	return result;
}

/* Words of the user are quoted: none may break the line or steer the terminal. */
static char *harmless(char *line)
{
	for (char *at = line; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return line;
}

/* The new sentence may quote the old one, so that is freed last. */
static void remember(char **slot, const char *format, va_list arguments)
{
	char *old = *slot;

	*slot = harmless(text(format, arguments));
	free(old);
}

/* A new failure has no mend yet. */
static void remember_failure(const char *format, va_list arguments)
{
	remember(&sentence, format, arguments);
	free(mend);
	mend = NULL;
}

int fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	remember_failure(format, arguments);
	va_end(arguments);
	return FAILED;
}

int misuse(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	remember_failure(format, arguments);
	va_end(arguments);
	return MISUSED;
}

int fail_mend(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	remember(&mend, format, arguments);
	va_end(arguments);
	return FAILED;
}

void failure_at(const char *file, unsigned int line)
{
	char *longer = xprintf("%s:%u: %s", file, line, failure());

	free(sentence);
	sentence = harmless(longer);
}

const char *failure(void)
{
	return sentence ? sentence : "";
}

const char *failure_mend(void)
{
	return mend ? mend : "";
}

void failure_clear(void)
{
	free(sentence);
	free(mend);
	sentence = mend = NULL;
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t progress_next; /* 0: nothing is under way */
static bool progress_is_shown;

void progress(const char *what, uint64_t done, uint64_t total)
{
	int64_t now;

	if (quiet || !isatty(STDERR_FILENO))
		return;
	now = milliseconds();
	if (!progress_next)
		progress_next = now + PROGRESS_AFTER;
	if (now < progress_next)
		return;
	progress_next = now + PROGRESS_PACE;
	fprintf(stderr, "\r\033[K%s: %3u %%", what,
		(unsigned int)(done * 100 / (total ? total : 1)));
	progress_is_shown = true;
}

void progress_end(void)
{
	if (progress_is_shown)
		fputs("\r\033[K", stderr);
	progress_is_shown = false;
	progress_next = 0;
}

/* One write for the whole line, behind what standard output has so far. */
static void line(const char *start, const char *format, va_list arguments)
{
	char *rest = harmless(text(format, arguments));

	progress_end();
	fflush(stdout);
	fprintf(stderr, "%s%s\n", start, rest);
	free(rest);
}

void warn(const char *format, ...)
{
	va_list arguments;

	if (quiet)
		return;
	va_start(arguments, format);
	line("npctl: warning: ", format, arguments);
	va_end(arguments);
}

void step(const char *format, ...)
{
	va_list arguments;

	if (!steps_shown)
		return;
	va_start(arguments, format);
	line("+ ", format, arguments);
	va_end(arguments);
}

static void *or_end(void *memory)
{
	if (memory)
		return memory;
	fputs("npctl: out of memory\n", stderr);
	exit(1);
}

void *xalloc(size_t size)
{
	return or_end(calloc(1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
	return or_end(realloc(old, size ? size : 1));
}

char *xstrdup(const char *original)
{
	return or_end(strdup(original));
}

char *xprintf(const char *format, ...)
{
	va_list arguments;
	char *result;

	va_start(arguments, format);
	result = text(format, arguments);
	va_end(arguments);
	return result;
}
