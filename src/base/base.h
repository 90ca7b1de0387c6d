/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every file may use: memory that cannot fail, one error sentence,
 * warnings, the steps that -x shows.
 *
 * Functions that can fail return 0 or a negative number, after having called
 * fail() once, where the user's word for the thing is known. Nobody but main,
 * or a session of many commands, prints the sentence; only main chooses the exit status.
 */
#ifndef NPCTL_BASE_BASE_H
#define NPCTL_BASE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINTF(at, first) __attribute__((format(printf, at, first)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum {
	FAILED = -1,   /* exit status 1 */
	MISUSED = -2,  /* exit status 2: the words of the command were wrong */
	REPORTED = -3, /* exit status 1 and nothing more to say: a verdict not as expected */
	SHOWN = -4,    /* exit status 0: what would be done was shown, and is not done */
	BUSY = -4,     /* exit status 1: somebody else works on it for too long */
};

/* Remembers the sentence "what failed, on what, why"; returns FAILED. */
int fail(const char *format, ...) PRINTF(1, 2);
/* The same for words that a command does not take; returns MISUSED. */
int misuse(const char *format, ...) PRINTF(1, 2);
/* Adds to the remembered sentence the command that would mend it; returns FAILED. */
int fail_mend(const char *format, ...) PRINTF(1, 2);
/* Puts where it happened in front of the remembered sentence: "FILE:12: ". */
void failure_at(const char *file, unsigned int line);
const char *failure(void);	/* "" when there is none */
const char *failure_mend(void); /* "" when there is none */
void failure_clear(void);

/* One line on standard error, unless -q. */
void warn(const char *format, ...) PRINTF(1, 2);

/*
 * What takes its time and how much of it is done, on one line of a terminal's
 * standard error; from a moment after the first call until progress_end().
 */
void progress(const char *what, uint64_t done, uint64_t total);
void progress_end(void);
#define PROGRESS_STEP 16384 /* of many small things, how many between two calls */

/* -x: "+ ip link add …", the command that would do what comes next. */
extern bool steps_shown;
void step(const char *format, ...) PRINTF(1, 2);

extern bool quiet, debug;

/* These end the program when memory is out. */
void *xalloc(size_t size); /* zeroed */
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xprintf(const char *format, ...) PRINTF(1, 2);

/* Room for one more element in a growing array: doubles as needed. */
#define GROW(array, count, capacity)                                                \
	do {                                                                        \
		if ((count) >= (capacity)) {                                        \
			(capacity) = (capacity) ? 2 * (capacity) : 8;               \
			(array) = xrealloc((array), (capacity) * sizeof(*(array))); \
		}                                                                   \
	} while (0)

#endif
