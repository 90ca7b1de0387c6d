/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole lines of words: continued ones put together, here-documents taken in. */
#ifndef NPCTL_SHELL_LINE_H
#define NPCTL_SHELL_LINE_H

#include "shell/split.h"

/* What input gives besides a line. */
#define INPUT_END 1
#define INPUT_CANCELLED 2

struct input {
	/* A line without its newline, freed by the caller; 0, INPUT_END, INPUT_CANCELLED. */
	int (*next)(struct input *input, bool first, char **text);
	void *data;
	const char *name;    /* for errors: a file's; NULL: a person types */
	unsigned int number; /* lines so far */
};

struct line {
	struct split words;
	char *text;	     /* without the here-document */
	char *body;	     /* of the here-document; NULL: none */
	size_t size;	     /* of that */
	unsigned int number; /* where it begins */
};

/*
 * 0, INPUT_END, INPUT_CANCELLED, or MISUSED for a line that is none: then its
 * number still is right. To be released in any case.
 */
int line_read(struct input *input, struct line *line);
void line_release(struct line *line); /* the number stays */
/* It begins with "!", and has no words: what follows is a shell's. */
bool line_is_shell(const struct line *line);

/* The lines of a file of the caller's. */
int input_next_of_file(struct input *input, bool first, char **text);

#endif
