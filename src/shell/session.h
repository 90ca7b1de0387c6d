/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Many commands in one process, each as if it were the first. */
#ifndef NPCTL_SHELL_SESSION_H
#define NPCTL_SHELL_SESSION_H

#include "words/words.h"
#include "shell/line.h"

struct session {
	const struct context *base; /* what stood before the first line holds for all */
	bool quiet, debug, steps;
	bool owns_stdin; /* the lines come from there, so that commands get nothing of it */
	bool plain;	 /* the command reads no input and leaves signals and the screen alone */
	int nothing;	 /* what they get instead; 0: not open yet */
	struct out out;	 /* of the last line: how its failure is to be shown */
};

void session_begin(struct session *session, const struct context *base);

/* Understands the line without running it; the context is for call_run(). */
int session_parse(struct session *session, const struct line *line, struct context *context,
		  struct call *call);
/*
 * Runs it; the failure is left to be shown. SIGINT and the like end what waits
 * for long, and nothing else: `interrupted` says afterwards that there was one.
 */
int session_run(struct session *session, const struct line *line);
/* Shows the failure of a line from a file, or from a person. */
void session_report(struct session *session, const struct input *input, const struct line *line,
		    int status);

/*
 * shell/apart.c: in a child, for what replaces the process, or waits for long
 * without looking for signals. A signal that kills the child gives REPORTED.
 */
int apart_run(struct context *context, const struct call *call);

#endif
