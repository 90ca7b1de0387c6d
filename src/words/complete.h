/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an unfinished line could go on with, from the table of commands and from what there is. */
#ifndef NPCTL_CMD_WORDS_COMPLETE_H
#define NPCTL_CMD_WORDS_COMPLETE_H

#include "words/words.h"

/* What a shell knows better: it adds its own candidates of these kinds. */
enum complete_with {
	WITH_FILES = 1,
	WITH_DIRECTORIES = 2,
	WITH_USERS = 4,
	WITH_COMMANDS = 8,
	WITHOUT_SPACE = 16, /* a candidate is only the beginning of a word */
};

struct offers {
	/* One candidate for the last word, and in a few words what it is, or NULL. */
	void (*offer)(void *data, const char *word, const char *meaning);
	void *data;
};

/* The last word is the one to complete, "" when it has not begun. Returns complete_with. */
unsigned int complete_words(const struct context *context, const char *const *words, int count,
			    const struct offers *offers);
/* Behind the equals sign of an option, else all of it: what the shell's candidates complete. */
const char *complete_value(const char *word);

#endif
