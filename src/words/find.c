// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Commands and verbs by the words that people type. */
#include "words/words.h"
#include "words/nearest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list in the making: "topo, trace or test". */
struct choice {
	char *text;
	const char *last;
	int count;
};

static void choice_add(struct choice *choice, const char *word)
{
	if (choice->count++) {
		char *longer = xprintf("%s%s%s", choice->text ? choice->text : "",
				       choice->text ? ", " : "", choice->last);

		free(choice->text);
		choice->text = longer;
	}
	choice->last = word;
}

static char *choice_end(struct choice *choice)
{
	char *all = choice->text ? xprintf("%s or %s", choice->text, choice->last)
				 : xstrdup(choice->last ? choice->last : "nothing");

	free(choice->text);
	return all;
}

static int unknown(const char *what, const char *word, const char *of, const char *best)
{
	if (best)
		return misuse("unknown %s \"%s\"%s: did you mean %s?", what, word, of, best);
	return misuse("unknown %s \"%s\"%s", what, word, of);
}

static int ambiguous(const char *what, const char *word, struct choice *choice)
{
	char *all = choice_end(choice);

	misuse("%s \"%s\" is ambiguous: %s", what, word, all);
	free(all);
	return MISUSED;
}

/* "allow": not a command, but "policy allow" is one; NULL, or freed by the caller. */
static char *verb_everywhere(const char *word)
{
	struct choice choice = {0};

	for (size_t i = 0; commands[i]; i++)
		if (*word && commands[i]->help && verb_exact(commands[i], word))
			choice_add(&choice, verb_title(commands[i], verb_exact(commands[i], word)));
	return choice.count ? choice_end(&choice) : NULL;
}

const struct command *command_find(const char *word)
{
	struct nearest nearest = {.word = word};
	struct choice choice = {0};
	const struct command *found = NULL;

	for (size_t i = 0; commands[i]; i++) {
		const struct command *command = commands[i];

		if (!strcmp(command->name, word))
			return command;
		if (!command->help)
			continue;
		nearest_try(&nearest, command->name);
		if (!strncmp(command->name, word, strlen(word))) {
			choice_add(&choice, command->name);
			found = command;
		}
	}
	if (choice.count > 1) {
		ambiguous("command", word, &choice);
		return NULL;
	}
	if (!found) {
		char *verbs = verb_everywhere(word);

		unknown("command", word, "", verbs ? verbs : nearest.best);
		fail_mend("npctl help");
		free(verbs);
	}
	return found;
}

const struct verb *verb_exact(const struct command *command, const char *name)
{
	for (const struct verb *verb = command->verbs; verb->name; verb++)
		if (!strcmp(verb->name, name))
			return verb;
	return NULL;
}

int verb_find(const struct command *command, const char *word, const struct verb **verb)
{
	struct choice choice = {0};

	*verb = verb_exact(command, word);
	if (*verb)
		return 0;
	for (const struct verb *each = command->verbs; each->name; each++)
		if (*each->name && !strncmp(each->name, word, strlen(word))) {
			choice_add(&choice, each->name);
			*verb = each;
		}
	if (choice.count < 2)
		return 0;
	*verb = NULL;
	return ambiguous("verb", word, &choice);
}

int verb_missing(const struct command *command)
{
	struct choice choice = {0};
	char *all;

	for (const struct verb *verb = command->verbs; verb->name; verb++)
		choice_add(&choice, verb->name);
	all = choice_end(&choice);
	misuse("%s needs a verb: %s", command->name, all);
	fail_mend("npctl help %s", command->name);
	free(all);
	return MISUSED;
}

int verb_unknown(const struct command *command, const char *word)
{
	struct nearest nearest = {.word = word};
	char *of = xprintf(" of %s", command->name);

	for (const struct verb *verb = command->verbs; verb->name; verb++)
		if (*verb->name)
			nearest_try(&nearest, verb->name);
	unknown("verb", word, of, nearest.best);
	fail_mend("npctl help %s", command->name);
	free(of);
	return MISUSED;
}

int option_unknown(const char *word, const char *title, const struct option *own)
{
	const struct option *const tables[] = {own, global_options};
	struct nearest nearest = {.word = word};
	char *best = NULL, *of = title ? xprintf(" of %s", title) : xstrdup("");

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct option *option = tables[i]; option && option->name; option++)
			nearest_try(&nearest, option->name);
	if (nearest.best)
		best = xprintf("--%s", nearest.best);
	misuse("unknown option \"--%s\"%s%s%s%s", word, of, best ? ": did you mean " : "",
	       best ? best : "", best ? "?" : "");
	fail_mend(title ? "npctl help %s" : "npctl help", title);
	free(best);
	free(of);
	return MISUSED;
}

const char *verb_title(const struct command *command, const struct verb *verb)
{
	static char *buffers[16];
	static unsigned int next;
	char **buffer = &buffers[next++ % ARRAY_SIZE(buffers)];

	free(*buffer);
	*buffer = xprintf("%s%s%s", command->name, verb && *verb->name ? " " : "",
			  verb ? verb->name : "");
	return *buffer;
}
