// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * npctl complete -- WORD… prints what the last word could become, one a line,
 * from the tables of commands and from npctl's own listings. A line that
 * begins with a colon asks the shell: ":files", ":directories", ":users",
 * ":commands", or says ":nospace".
 */
#include "cmd/words.h"
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the words before the last one have settled. */
struct state {
	const struct command *command;
	const struct verb *verb;
	const struct option *pending; /* waits for its value */
	int position;		      /* positional words so far */
	bool rest;		      /* behind "--" */
};

/* The word to complete, and what is kept in front of it ("--pod="). */
static const char *partial, *kept;

/* The shell would take a word with a space apart. */
static void offer(const char *candidate)
{
	if (!strchr(candidate, ' ') && !strncmp(candidate, partial, strlen(partial)))
		printf("%s%s\n", kept, candidate);
}

/* The JSON that a listing prints; NULL when it fails. */
static json_t *listing(const struct context *context, char *command, char *verb)
{
	char *argv[] = {command, verb, NULL}, *text = NULL;
	struct context quiet_context = {.out = {.json = true}, .root = context->root};
	FILE *screen = stdout;
	size_t length;
	json_t *rows = NULL;
	int status;

	stdout = open_memstream(&text, &length);
	if (stdout) {
		status = command_run(&quiet_context, 2, argv);
		fclose(stdout);
		rows = status ? NULL : json_loads(text, 0, NULL);
		free(text);
	}
	stdout = screen;
	failure_clear();
	return rows;
}

static void offer_listed(const struct context *context, char *command, char *verb, const char *key)
{
	json_t *rows = listing(context, command, verb), *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		json_t *value = json_object_get(row, key);
		char number[24];

		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		if (value)
			offer(json_is_string(value) ? json_string_value(value) : number);
	}
	json_decref(rows);
}

/* A bare name will do for a pod, but is offered only to those who begin one. */
static void offer_pods(const struct context *context)
{
	json_t *rows = listing(context, "endpoint", "list"), *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *pod = json_string_value(json_object_get(row, "name"));
		const char *slash = pod ? strchr(pod, '/') : NULL;

		if (pod)
			offer(pod);
		if (slash && *partial)
			offer(slash + 1);
	}
	json_decref(rows);
}

static void offer_devices(void)
{
	struct if_nameindex *devices = if_nameindex();

	for (struct if_nameindex *at = devices; at && at->if_index; at++)
		offer(at->if_name);
	if (devices)
		if_freenameindex(devices);
}

/* Words separated by "|" as far as `end`. */
static void offer_choices(const char *at, const char *end)
{
	while (at < end) {
		size_t length = strcspn(at, "|");
		char *word;

		if (length > (size_t)(end - at))
			length = end - at;
		word = strndup(at, length);
		offer(word ? word : "");
		free(word);
		at += length + 1;
	}
}

static void offer_words(const char *choices)
{
	offer_choices(choices, choices + strlen(choices));
}

static void offer_value(const struct context *context, enum value value, const char *choices)
{
	switch (value) {
	case VALUE_PEER:
		offer_words("any|world|host|private|loopback|dns");
		/* fallthrough */
	case VALUE_POD:
		offer_pods(context);
		break;
	case VALUE_DEV:
		offer_devices();
		break;
	case VALUE_MAP:
		offer_listed(context, "map", "list", "name");
		break;
	case VALUE_POLICY:
		offer_listed(context, "policy", "list", "id");
		offer_listed(context, "policy", "list", "policy");
		break;
	case VALUE_PRESET:
		offer_listed(context, "policy", "preset", "preset");
		break;
	case VALUE_PORT:
		offer_words("tcp/|udp/|sctp/|icmp/");
		puts(":nospace");
		break;
	case VALUE_CHOICE:
		offer_words(choices);
		break;
	case VALUE_FILE:
		puts(":files");
		break;
	case VALUE_DIR:
	case VALUE_CGROUP:
		puts(":directories");
		break;
	case VALUE_USER:
		puts(":users");
		break;
	case VALUE_COMMAND:
		puts(":commands");
		break;
	case VALUE_NONE:
	case VALUE_TEXT:
	case VALUE_NUMBER:
		break;
	}
}

/* One alternative of verb->arguments: a kind of value in capitals, or a word. */
static void offer_argument(const struct context *context, const char *start, size_t length)
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
			offer_value(context, kinds[i].value, NULL);
			return;
		}
	if (*start >= 'a' && *start <= 'z')
		offer_choices(start, start + length);
}

/* The last position stands for all that follow. */
static void offer_position(const struct context *context, const struct verb *verb, int position)
{
	const char *at = verb->arguments;

	if (!at || (verb->most >= 0 && position >= verb->most))
		return;
	while (position-- > 0 && strchr(at, ' '))
		at = strchr(at, ' ') + 1;
	while (*at && *at != ' ') {
		size_t length = strcspn(at, "| ");

		offer_argument(context, at, length);
		at += length + (at[length] == '|');
	}
}

static void offer_options(const struct option *options)
{
	for (; options && options->name; options++) {
		char *word = xprintf("--%s", options->name);

		offer(word);
		free(word);
	}
}

static const struct option *find_option(const struct option *options, const char *word)
{
	for (; options && options->name; options++) {
		if (word[1] == '-' && !strcmp(word + 2, options->name))
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

static bool settle(struct state *state, const char *word)
{
	if (state->rest || state->pending) {
		state->pending = NULL;
	} else if (!strcmp(word, "--")) {
		state->rest = true;
	} else if (word[0] == '-' && word[1]) {
		const struct option *option = option_of(state, word);

		if (option && option->value != VALUE_NONE)
			state->pending = option;
	} else {
		settle_word(state, word);
		return state->command != NULL;
	}
	return true;
}

static void offer_commands(void)
{
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->help)
			offer(commands[i]->name);
}

static void offer_verbs(const struct command *command)
{
	for (const struct verb *verb = command->verbs; verb->name; verb++)
		if (*verb->name)
			offer(verb->name);
}

/* npctl help COMMAND VERB */
static void offer_help(const struct state *state, char *const *words, int count)
{
	const struct command *command = NULL;

	if (state->position == 0)
		offer_commands();
	if (state->position == 1)
		command = command_find(words[count - 2]);
	if (command)
		offer_verbs(command);
}

static void offer_option_value(const struct context *context, const struct state *state,
			       const char *word)
{
	const char *equals = strchr(word, '=');
	char *name = strndup(word, equals - word), *before = strndup(word, equals + 1 - word);
	const struct option *option = name ? option_of(state, name) : NULL;

	partial = equals + 1;
	kept = before ? before : "";
	if (option)
		offer_value(context, option->value, option->metavar);
	free(name);
	free(before);
}

static int do_complete(struct context *context, const struct words *words)
{
	struct state state = {0};
	char **word = words->rest;
	int count = 0;

	while (word && word[count])
		count++;
	for (int i = 0; i + 1 < count; i++)
		if (!settle(&state, word[i]))
			return 0;
	failure_clear();
	partial = count ? word[count - 1] : "";
	kept = "";
	if (state.rest)
		puts(":commands");
	else if (state.pending)
		offer_value(context, state.pending->value, state.pending->metavar);
	else if (*partial == '-' && strchr(partial, '='))
		offer_option_value(context, &state, partial);
	else if (*partial == '-') {
		offer_options(state.verb ? state.verb->options : NULL);
		offer_options(global_options);
	} else if (!state.command)
		offer_commands();
	else if (state.command == &command_help)
		offer_help(&state, word, count);
	else {
		if (state.position == 0 && !(state.verb && *state.verb->name))
			offer_verbs(state.command);
		if (state.verb)
			offer_position(context, state.verb, state.position);
	}
	return 0;
}

const struct command command_complete = {
    "complete",
    NULL,
    (const struct verb[]){
	{"", "-- WORD…", "print what the last word could become", 0, 0, NULL, do_complete, NULL},
	{0},
    },
};
