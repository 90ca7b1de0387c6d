// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * npctl complete -- WORD… prints what the last word could become, one a line,
 * from the tables of commands and from npctl's own listings. A line that
 * begins with a colon asks the shell: ":files", ":directories", ":users",
 * ":commands", or says ":nospace".
 */
#include "words/complete.h"
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/cgroup.h"

#define GIVEN_MOST 64

/* What the words before the last one have settled, and the last one. */
struct state {
	const struct context *context;
	const struct offers *offers;
	const struct command *command;
	const struct verb *verb;
	const struct option *pending; /* waits for its value */
	const struct option *given[GIVEN_MOST];
	size_t given_count;
	int position;	     /* positional words so far */
	int rest;	     /* words from "--" on */
	const char *partial; /* the word to complete, */
	char *kept;	     /* and what is kept in front of it ("--pod=") */
	unsigned int with;
};

/* The shell would take a word with a space apart. */
static void offer(struct state *state, const char *candidate, const char *meaning)
{
	char *whole;

	if (strchr(candidate, ' ') || strncmp(candidate, state->partial, strlen(state->partial)))
		return;
	whole = xprintf("%s%s", state->kept, candidate);
	state->offers->offer(state->offers->data, whole, meaning);
	free(whole);
}

/* The JSON that a listing prints; NULL when it fails. */
static json_t *listing(const struct state *state, char *command, char *verb)
{
	char *argv[] = {command, verb, NULL}, *text = NULL;
	struct context context = {.out = {.json = true}, .root = state->context->root};
	bool was_quiet = quiet, were_steps = steps_shown;
	FILE *screen = stdout;
	size_t length;
	json_t *rows = NULL;
	int status;

	quiet = true;
	steps_shown = false;
	stdout = open_memstream(&text, &length);
	if (stdout) {
		status = command_run(&context, 2, argv);
		fclose(stdout);
		rows = status ? NULL : json_loads(text, 0, NULL);
		free(text);
	}
	stdout = screen;
	quiet = was_quiet;
	steps_shown = were_steps;
	failure_clear();
	return rows;
}

/* What a row says under `key`; a list gives its first. NULL, or freed by the caller. */
static char *text_of(const json_t *row, const char *key)
{
	const json_t *value = key ? json_object_get(row, key) : NULL;

	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (json_is_string(value))
		return xstrdup(json_string_value(value));
	if (json_is_integer(value))
		return xprintf("%lld", (long long)json_integer_value(value));
	return NULL;
}

static void offer_listed(struct state *state, char *command, char *verb, const char *key,
			 const char *meaning_key)
{
	json_t *rows = listing(state, command, verb), *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		char *word = text_of(row, key), *meaning = text_of(row, meaning_key);

		if (word)
			offer(state, word, meaning);
		free(word);
		free(meaning);
	}
	json_decref(rows);
}

/* A bare name will do for a pod, but is offered only to those who begin one. */
static void offer_pods(struct state *state)
{
	json_t *rows = listing(state, "endpoint", "list"), *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *pod = json_string_value(json_object_get(row, "name"));
		const char *slash = pod ? strchr(pod, '/') : NULL;
		char *address = text_of(row, "addresses");

		if (pod)
			offer(state, pod, address);
		if (slash && *state->partial)
			offer(state, slash + 1, address);
		free(address);
	}
	json_decref(rows);
}

static void offer_policies(struct state *state)
{
	offer_listed(state, "policy", "list", "id", "peer");
	offer_listed(state, "policy", "list", "policy", NULL);
}

static void offer_devices(struct state *state)
{
	struct if_nameindex *devices = if_nameindex();

	for (struct if_nameindex *at = devices; at && at->if_index; at++)
		offer(state, at->if_name, NULL);
	if (devices)
		if_freenameindex(devices);
}

/* Words separated by "|" as far as `end`. */
static void offer_choices(struct state *state, const char *at, const char *end)
{
	while (at < end) {
		size_t length = strcspn(at, "|");
		char *word;

		if (length > (size_t)(end - at))
			length = end - at;
		word = xprintf("%.*s", (int)length, at);
		offer(state, word, NULL);
		free(word);
		at += length + 1;
	}
}

static void offer_choice(struct state *state, const char *choices)
{
	offer_choices(state, choices, choices + strlen(choices));
}

/* Those one level below what is typed already. */
static void offer_cgroups(struct state *state)
{
	const char *slash = strrchr(state->partial, '/');
	char *above = xprintf("%.*s", (int)(slash ? slash - state->partial : 0), state->partial);
	char *path = cgroup_directory(*above ? above : "/");
	DIR *directory = path ? opendir(path) : NULL;
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		char *below = xprintf("%s/%s", above, entry->d_name);

		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			offer(state, below, NULL);
		free(below);
	}
	if (directory)
		closedir(directory);
	free(path);
	free(above);
	state->with |= WITHOUT_SPACE;
}

static void offer_value(struct state *state, enum value value, const char *choices)
{
	switch (value) {
	case VALUE_PEER:
		offer_choice(state, "any|world|host|private|loopback|dns");
		/* fallthrough */
	case VALUE_POD:
		offer_pods(state);
		break;
	case VALUE_DEV:
		offer_devices(state);
		break;
	case VALUE_MAP:
		offer_listed(state, "map", "list", "name", "type");
		break;
	case VALUE_POLICY:
		offer_policies(state);
		break;
	case VALUE_PRESET:
		offer_listed(state, "policy", "preset", "preset", "description");
		break;
	case VALUE_PORT:
		offer_choice(state, "tcp/|udp/|sctp/|icmp/");
		state->with |= WITHOUT_SPACE;
		break;
	case VALUE_CHOICE:
		offer_choice(state, choices);
		break;
	case VALUE_FILE:
		state->with |= WITH_FILES;
		break;
	case VALUE_DIR:
		state->with |= WITH_DIRECTORIES;
		break;
	case VALUE_CGROUP:
		offer_cgroups(state);
		break;
	case VALUE_USER:
		offer_choice(state, "any|none");
		state->with |= WITH_USERS;
		break;
	case VALUE_COMMAND:
		state->with |= WITH_COMMANDS;
		break;
	case VALUE_NONE:
	case VALUE_TEXT:
	case VALUE_NUMBER:
		break;
	}
}

/* One alternative of verb->arguments: a kind of value in capitals, or a word. */
static void offer_argument(struct state *state, const char *start, size_t length)
{
	static const struct {
		const char *name;
		enum value value;
	} kinds[] = {
	    {"POD", VALUE_POD},	      {"DEV", VALUE_DEV},   {"IF", VALUE_DEV},
	    {"PEER", VALUE_PEER},     {"MAP", VALUE_MAP},   {"NAME", VALUE_MAP},
	    {"POLICY", VALUE_POLICY}, {"ID", VALUE_POLICY}, {"FILE", VALUE_FILE},
	    {"DIR", VALUE_DIR},	      {"USER", VALUE_USER}, {"PATH", VALUE_FILE},
	    {"CGROUP", VALUE_CGROUP}, {"PORT", VALUE_PORT}, {"COMMAND", VALUE_COMMAND},
	    {"PRESET", VALUE_PRESET},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == length && !strncmp(kinds[i].name, start, length)) {
			offer_value(state, kinds[i].value, NULL);
			return;
		}
	if (*start >= 'a' && *start <= 'z')
		offer_choices(state, start, start + length);
}

/* The last position stands for all that follow. */
static void offer_position(struct state *state)
{
	const struct verb *verb = state->verb;
	const char *at = verb->arguments;
	int position = state->position;

	if (!at || (verb->most >= 0 && position >= verb->most))
		return;
	while (position-- > 0 && strchr(at, ' '))
		at = strchr(at, ' ') + 1;
	while (*at && *at != ' ') {
		size_t length = strcspn(at, "| ");

		offer_argument(state, at, length);
		at += length + (at[length] == '|');
	}
}

static bool is_given(const struct state *state, const struct option *option)
{
	for (size_t i = 0; i < state->given_count; i++)
		if (state->given[i] == option && !option->repeats)
			return true;
	return false;
}

static void offer_options(struct state *state, const struct option *options)
{
	for (; options && options->name; options++) {
		char *word = xprintf("--%s", options->name);

		if (!is_given(state, options))
			offer(state, word, options->help);
		free(word);
	}
}

/* Of "--pod", "--pod=x", "-f", "-jf". */
static const struct option *find_option(const struct option *options, const char *word)
{
	size_t length = strcspn(word, "=");

	for (; options && options->name; options++) {
		if (word[1] == '-' && strlen(options->name) + 2 == length &&
		    !strncmp(word + 2, options->name, length - 2))
			return options;
		if (word[1] != '-' && options->letter && word[strlen(word) - 1] == options->letter)
			return options;
	}
	return NULL;
}

static const struct option *option_of(const struct state *state, const char *word)
{
	const struct option *option = NULL;

	if (state->verb)
		option = find_option(state->verb->options, word);
	return option ? option : find_option(global_options, word);
}

/* The verb that takes the words: the named one, else the unnamed one. */
static void settle_word(struct state *state, const char *word)
{
	const struct verb *named = NULL;

	if (!state->command) {
		state->command = command_find(word);
		if (state->command)
			state->verb = verb_exact(state->command, "");
		return;
	}
	if (state->position == 0)
		verb_find(state->command, word, &named);
	if (named && *named->name && (!state->verb || !*state->verb->name))
		state->verb = named;
	else
		state->position++;
}

static void settle_option(struct state *state, const char *word)
{
	const struct option *option = option_of(state, word);

	if (option && option->value != VALUE_NONE && !strchr(word, '='))
		state->pending = option;
	if (option && state->given_count < GIVEN_MOST)
		state->given[state->given_count++] = option;
}

/* False when the words so far make no sense. */
static bool settle(struct state *state, const char *word)
{
	if (state->rest || !strcmp(word, "--"))
		state->rest++;
	else if (state->pending)
		state->pending = NULL;
	else if (word[0] == '-' && word[1])
		settle_option(state, word);
	else
		settle_word(state, word);
	return state->command || word[0] == '-' || state->rest || state->given_count;
}

static void offer_commands(struct state *state)
{
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->help)
			offer(state, commands[i]->name, commands[i]->help);
}

static void offer_verbs(struct state *state, const struct command *command)
{
	for (const struct verb *verb = command->verbs; verb->name; verb++)
		if (*verb->name)
			offer(state, verb->name, verb->help);
}

/* npctl help COMMAND VERB */
static void offer_help(struct state *state, const char *before)
{
	const struct command *command = NULL;

	if (state->position == 0)
		offer_commands(state);
	if (state->position == 1)
		command = command_find(before);
	if (command)
		offer_verbs(state, command);
}

static void offer_option_value(struct state *state)
{
	const char *word = state->partial;
	const struct option *option = option_of(state, word);

	state->partial = complete_value(word);
	free(state->kept);
	state->kept = xprintf("%.*s", (int)(state->partial - word), word);
	if (option)
		offer_value(state, option->value, option->metavar);
}

static void offer_words(struct state *state, const char *before)
{
	if (state->rest) {
		state->with |= state->rest == 1 ? WITH_COMMANDS : WITH_FILES;
	} else if (state->pending) {
		offer_value(state, state->pending->value, state->pending->metavar);
	} else if (*state->partial == '-' && strchr(state->partial, '=')) {
		offer_option_value(state);
	} else if (*state->partial == '-') {
		offer_options(state, state->verb ? state->verb->options : NULL);
		offer_options(state, global_options);
	} else if (!state->command) {
		offer_commands(state);
	} else if (state->command == &command_help) {
		offer_help(state, before);
	} else {
		if (state->position == 0 && !(state->verb && *state->verb->name))
			offer_verbs(state, state->command);
		if (state->verb)
			offer_position(state);
	}
}

const char *complete_value(const char *word)
{
	const char *equals = *word == '-' ? strchr(word, '=') : NULL;

	return equals ? equals + 1 : word;
}

unsigned int complete_words(const struct context *context, const char *const *words, int count,
			    const struct offers *offers)
{
	struct state state = {.context = context, .offers = offers, .partial = ""};
	bool sense = true;

	for (int i = 0; i + 1 < count && sense; i++)
		sense = settle(&state, words[i]);
	if (count)
		state.partial = words[count - 1];
	state.kept = xstrdup("");
	if (sense)
		offer_words(&state, count > 1 ? words[count - 2] : "");
	free(state.kept);
	failure_clear();
	return state.with;
}

static void print_word(void *data, const char *word, const char *meaning)
{
	const bool *described = data;

	if (*described && meaning)
		printf("%s\t%s\n", word, meaning);
	else
		puts(word);
}

static int do_complete(struct context *context, const struct words *words)
{
	static const char *const with[] = {":files", ":directories", ":users", ":commands",
					   ":nospace"};
	bool described = word_flag(words, "described");
	struct offers offers = {print_word, &described};
	unsigned int also;
	int count = 0;

	while (words->rest && words->rest[count])
		count++;
	also = complete_words(context, (const char *const *)words->rest, count, &offers);
	for (size_t i = 0; i < ARRAY_SIZE(with); i++)
		if (also & 1u << i)
			puts(with[i]);
	return 0;
}

static const struct option options[] = {
    {"described", VALUE_NONE, NULL, "behind a tab, what each of them is", 0, false},
    {0},
};

const struct command command_complete = {
    "complete",
    NULL,
    (const struct verb[]){
	{"", "-- WORD…", "print what the last word could become", 0, 0, options, do_complete, NULL},
	{0},
    },
};
