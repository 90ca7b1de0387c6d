/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parser behind command_run(), for main, help and completion. */
#ifndef NPCTL_CMD_WORDS_WORDS_H
#define NPCTL_CMD_WORDS_WORDS_H

#include "words/command.h"

/* Options that every command takes, before or after its name. */
extern const struct option global_options[];

/* One line of words, understood. */
struct call {
	const struct command *command; /* NULL: help for all of npctl */
	const struct verb *verb;       /* with `help`, NULL is all of the command */
	struct words words;
	char *line; /* as it was said */
	bool help;  /* instead of running it */
	int status; /* after that help: MISUSED when nobody asked for it */
};

/* Takes global options into the context; to be released after a failure, too. */
int call_parse(struct context *context, int argc, char **argv, struct call *call);
int call_run(struct context *context, const struct call *call);
void call_release(struct call *call);

/* By name or unique prefix; NULL after misuse() when there is none. */
const struct command *command_find(const char *word);
/* NULL, silently, when the command has no verb of that exact name. */
const struct verb *verb_exact(const struct command *command, const char *name);
/* By name or unique prefix; NULL with 0 when there is none, MISUSED when ambiguous. */
int verb_find(const struct command *command, const char *word, const struct verb **verb);

/* misuse() for what is not there; `title` as verb_title(), NULL before the command. */
int verb_missing(const struct command *command);
int verb_unknown(const struct command *command, const char *word);
int option_unknown(const char *word, const char *title, const struct option *own);

/* One of the words in "a|b|c". */
bool is_choice(const char *choices, const char *word);

/* "policy allow", "trace"; a rotating static buffer. */
const char *verb_title(const struct command *command, const struct verb *verb);

/* Prints the help of all, of a command, of one verb. */
int help_show(struct context *context, const struct command *command, const struct verb *verb);

#endif
