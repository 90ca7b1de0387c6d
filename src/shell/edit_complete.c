// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shell/edit_complete.h"
#include "words/complete.h"
#include "with-readline.h"
#include "shell/split.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if NPCTL_READLINE
#include <readline/readline.h>

static const char *const own_words[] = {"exit", "quit"};

static struct context *ours;
static struct matches {
	char **word;
	size_t count, capacity;
} matches;

static void add_match(void *data, const char *word, const char *meaning)
{
	(void)data;
	(void)meaning;
	GROW(matches.word, matches.count, matches.capacity);
	matches.word[matches.count++] = xstrdup(word);
}

/* What readline knows to find, behind what is kept of the word. */
static void add_found(const char *text, char *(*find)(const char *, int), bool only_directories)
{
	const char *value = complete_value(text);
	struct stat info;
	char *found;

	for (int state = 0; (found = find(value, state)); state = 1) {
		bool is_directory = !stat(found, &info) && S_ISDIR(info.st_mode);
		/* readline itself marks directories, but not behind "--file=" */
		bool mark = is_directory && value != text;
		char *word = xprintf("%.*s%s%s", (int)(value - text), text, found, mark ? "/" : "");

		if (!only_directories || is_directory)
			add_match(NULL, word, NULL);
		if (mark)
			rl_completion_append_character = '\0';
		free(word);
		free(found);
	}
}

static void add_executables(const char *text, const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char *file = xprintf("%s/%s", path, entry->d_name);

		if (!strncmp(entry->d_name, text, strlen(text)) && entry->d_name[0] != '.' &&
		    !access(file, X_OK))
			add_match(NULL, entry->d_name, NULL);
		free(file);
	}
	if (directory)
		closedir(directory);
}

static void add_commands(const char *text)
{
	char *path, *rest, *one;

	if (strchr(text, '/')) {
		add_found(text, rl_filename_completion_function, false);
		return;
	}
	path = xstrdup(getenv("PATH") ? getenv("PATH") : "");
	for (rest = path; (one = strsep(&rest, ":"));)
		add_executables(text, one);
	free(path);
}

static void add_of_shell(const char *text, unsigned int with)
{
	rl_filename_completion_desired = 0;
	if (with & WITHOUT_SPACE)
		rl_completion_append_character = '\0';
	if (with & (WITH_FILES | WITH_DIRECTORIES)) {
		rl_filename_completion_desired = 1;
		add_found(text, rl_filename_completion_function, !(with & WITH_FILES));
	}
	if (with & WITH_USERS)
		add_found(text, rl_username_completion_function, false);
	if (with & WITH_COMMANDS)
		add_commands(text);
}

/* The words up to the cursor; the last one is what is being typed, perhaps "". */
static void words_before(int end, struct split *split)
{
	char *line = xprintf("%.*s", end, rl_line_buffer);
	bool begun = end > 0 && line[end - 1] != ' ' && line[end - 1] != '\t';

	split_line(line, split);
	if (!begun) {
		split->word = xrealloc(split->word, (split->count + 2) * sizeof(*split->word));
		split->word[split->count++] = xstrdup("");
		split->word[split->count] = NULL;
	}
	free(line);
}

static char *next_match(const char *text, int state)
{
	static size_t at;

	(void)text;
	if (!state)
		at = 0;
	return at < matches.count ? matches.word[at++] : NULL;
}

/* Not readline's own guess, files, when npctl knows none. */
static char **complete(const char *text, int start, int end)
{
	struct offers offers = {add_match, NULL};
	struct split split = {0};
	bool leading;
	char **word;

	if (start > 0 ? rl_line_buffer[0] == '!' : text[0] == '!')
		return NULL;
	rl_attempted_completion_over = 1;
	words_before(end, &split);
	leading = split.count > 1 && !strcmp(split.word[0], "npctl");
	word = split.word + leading;
	matches = (struct matches){0};
	add_of_shell(
	    text, complete_words(ours, (const char *const *)word, split.count - leading, &offers));
	for (size_t i = 0; split.count == 1 && i < ARRAY_SIZE(own_words); i++)
		if (!strncmp(own_words[i], text, strlen(text)))
			add_match(NULL, own_words[i], NULL);
	word = rl_completion_matches(text, next_match); /* takes the words over */
	free(matches.word);
	matches = (struct matches){0};
	split_release(&split);
	return word;
}

/* The help of what stands on the line so far, and the line again. */
static int help_in_place(int count, int key)
{
	static char help[] = "help";
	char *argv[4] = {help};
	struct context context = *ours;
	struct split split;
	int words = 1;

	(void)count;
	(void)key;
	words_before(rl_end, &split);
	for (int i = 0; i < split.count && words < 3 && *split.word[i] != '-'; i++)
		if (*split.word[i])
			argv[words++] = split.word[i];
	rl_crlf();
	context.out.json = false;
	context.depth = 1;
	while (command_run(&context, words, argv) && --words)
		;
	failure_clear();
	fflush(stdout);
	split_release(&split);
	rl_on_new_line();
	return 0;
}

void edit_complete_begin(struct context *context)
{
	ours = context;
	rl_attempted_completion_function = complete;
	rl_completer_word_break_characters = " \t\n\"'";
	rl_completer_quote_characters = "\"'";
	rl_bind_keyseq("\\eOP", help_in_place);
	rl_bind_keyseq("\\e[11~", help_in_place);
	rl_bind_keyseq("\\eh", help_in_place);
}

void edit_complete_end(void)
{
	ours = NULL;
}

void edit_complete_allow(bool allowed)
{
	rl_bind_key('\t', allowed ? rl_complete : rl_insert);
}
#endif
