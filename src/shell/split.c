// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shell/split.h"
#include <stdlib.h>
#include <string.h>

static bool is_blank(char letter)
{
	return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r';
}

/* Up to the closing quote; NULL when the line ends before. */
static const char *take_quoted(const char *at, char *word, size_t *length)
{
	char quote = *at++;

	for (; *at && *at != quote; at++) {
		if (quote == '"' && *at == '\\' && at[1] == '\n') {
			at++;
			continue;
		}
		if (quote == '"' && *at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		word[(*length)++] = *at;
	}
	return *at ? at + 1 : NULL;
}

/* One word, without its quotes; NULL when it wants another line. */
static const char *take_word(const char *at, char **word)
{
	size_t length = 0;

	*word = xalloc(strlen(at) + 1);
	while (at && *at && !is_blank(*at)) {
		if (*at == '\'' || *at == '"') {
			at = take_quoted(at, *word, &length);
		} else if (*at != '\\') {
			(*word)[length++] = *at++;
		} else if (at[1] == '\n') {
			at += 2;
		} else if (at[1]) {
			(*word)[length++] = at[1];
			at += 2;
		} else {
			at = NULL;
		}
	}
	return at;
}

static void add_word(struct split *split, char *word)
{
	split->word = xrealloc(split->word, (split->count + 2) * sizeof(*split->word));
	split->word[split->count++] = word;
	split->word[split->count] = NULL;
}

/* Behind "<<". */
static const char *take_here(const char *at, struct split *split)
{
	char *word;

	split->tabs = *at == '-';
	at += split->tabs;
	while (*at == ' ' || *at == '\t')
		at++;
	at = take_word(at, &word);
	free(split->here);
	split->here = word;
	return at;
}

/* Between words: blanks, and a backslash at the end of a line. */
static const char *skip_blanks(const char *at)
{
	while (is_blank(*at) || (*at == '\\' && at[1] == '\n'))
		at += *at == '\\' ? 2 : 1;
	return *at == '#' ? at + strlen(at) : at;
}

int split_line(const char *line, struct split *split)
{
	const char *at = skip_blanks(line);
	char *word;

	*split = (struct split){.word = xalloc(sizeof(char *))};
	while (*at) {
		if (at[0] == '<' && at[1] == '<') {
			if (split->here)
				return misuse("a line has one here-document at most");
			at = take_here(at + 2, split);
			if (at && !*split->here)
				return misuse("<< needs the word that will end the document");
		} else {
			at = take_word(at, &word);
			add_word(split, word);
		}
		if (!at)
			return SPLIT_OPEN;
		at = skip_blanks(at);
	}
	return 0;
}

void split_release(struct split *split)
{
	for (int i = 0; i < split->count; i++)
		free(split->word[i]);
	free(split->word);
	free(split->here);
	*split = (struct split){0};
}
