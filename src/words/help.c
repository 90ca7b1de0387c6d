// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Help, as text and as JSON, from the tables that the parser reads. */
#include "words/words.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const value_names[] = {
    [VALUE_NONE] = "none",     [VALUE_TEXT] = "text",	    [VALUE_NUMBER] = "number",
    [VALUE_FILE] = "file",     [VALUE_DIR] = "directory",   [VALUE_POD] = "pod",
    [VALUE_DEV] = "device",    [VALUE_PEER] = "peer",	    [VALUE_PORT] = "port",
    [VALUE_MAP] = "map",       [VALUE_USER] = "user",	    [VALUE_CGROUP] = "cgroup",
    [VALUE_POLICY] = "policy", [VALUE_COMMAND] = "command", [VALUE_CHOICE] = "choice",
};

/* Text from column `from` on, broken at spaces, up to the terminal's edge. */
static void print_wrapped(const struct out *out, int from, const char *text)
{
	int room = out->width - from > 20 ? out->width - from : 20, used = 0;

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (used && used + 1 + length > room) {
			printf("\n%*s", from, "");
			used = 0;
		}
		used += printf("%s%.*s", used ? " " : "", length, text);
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}

/* A word and what it means, in two columns. */
static void print_entry(const struct out *out, int indent, int column, const char *word,
			const char *meaning)
{
	int length = printf("%*s%s", indent, "", word);

	if (length + 2 > column)
		printf("\n%*s", column, "");
	else
		printf("%*s", column - length, "");
	print_wrapped(out, column, meaning);
}

static void print_options(const struct out *out, int indent, const struct option *options)
{
	for (; options && options->name; options++) {
		char letter[] = {'-', options->letter, ',', ' ', '\0'};
		char *word =
		    xprintf("%s--%s%s%s", options->letter ? letter : "    ", options->name,
			    options->metavar ? " " : "", options->metavar ? options->metavar : "");

		print_entry(out, indent, 34, word, options->help);
		free(word);
	}
}

static void print_verb(const struct out *out, const struct command *command,
		       const struct verb *verb, bool with_options)
{
	bool options = verb->options && verb->options->name;
	char *usage =
	    xprintf("npctl %s%s%s%s", verb_title(command, verb), *verb->synopsis ? " " : "",
		    verb->synopsis, options ? " [OPTIONS]" : "");

	printf("\n%s\n    ", painted(out, BOLD, usage));
	print_wrapped(out, 4, verb->help);
	if (with_options)
		print_options(out, 4, verb->options);
	free(usage);
}

static json_t *json_options(const struct option *options)
{
	json_t *array = json_array();

	for (; options && options->name; options++) {
		json_t *object = json_pack("{s:s, s:s, s:s, s:b}", "name", options->name, "value",
					   value_names[options->value], "help", options->help,
					   "repeats", options->repeats);

		if (options->letter)
			json_object_set_new(object, "letter", json_stringn(&options->letter, 1));
		if (options->metavar)
			json_object_set_new(object, "metavar", json_string(options->metavar));
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *json_verb(const struct verb *verb)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "name", verb->name, "synopsis", verb->synopsis,
			 "help", verb->help, "options", json_options(verb->options));
}

static json_t *json_command(const struct command *command)
{
	json_t *verbs = json_array();

	for (const struct verb *verb = command->verbs; verb->name; verb++)
		json_array_append_new(verbs, json_verb(verb));
	return json_pack("{s:s, s:s?, s:o}", "name", command->name, "help", command->help, "verbs",
			 verbs);
}

static json_t *json_all(void)
{
	json_t *array = json_array();

	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->help)
			json_array_append_new(array, json_command(commands[i]));
	return json_pack("{s:o, s:o}", "options", json_options(global_options), "commands", array);
}

static void print_all(const struct out *out)
{
	printf("%s\n", painted(out, BOLD, "npctl [OPTIONS] COMMAND …"));
	printf("    ");
	print_wrapped(out, 4, "eBPF network policy for pods, users and containers of this host");
	putchar('\n');
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->help)
			print_entry(out, 4, 16, commands[i]->name, commands[i]->help);
	printf("\nOptions, before the command or after it:\n");
	print_options(out, 4, global_options);
	putchar('\n');
	print_wrapped(
	    out, 0,
	    "A unique prefix of a command or verb will do. More: npctl help COMMAND [VERB]");
}

int help_show(struct context *context, const struct command *command, const struct verb *verb)
{
	const struct out *out = &context->out;

	if (out->json) {
		out_json(out, verb	? json_verb(verb)
			      : command ? json_command(command)
					: json_all());
		return 0;
	}
	if (!command) {
		print_all(out);
		return 0;
	}
	if (!verb && command->help)
		printf("%s: %s\n", command->name, command->help);
	/* Neighbours that share their options show them once, under the last. */
	for (const struct verb *each = command->verbs; each->name; each++)
		if (!verb || verb == each)
			print_verb(out, command, each, verb || each[1].options != each->options);
	return 0;
}

/* Where a person reads, and not in the middle of something. */
static bool wants_page(const struct context *context, const struct words *words)
{
	const char *term = getenv("TERM");

	return words->count == 1 && !context->out.json && !context->depth && term &&
	       strcmp(term, "dumb") != 0 && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* The manual's page of a command; false when there is none, or no man. */
static bool show_page(const struct command *command)
{
	char *page = xprintf("npctl-%s", command->name);
	int status = -1, nowhere;
	pid_t child = fork();

	if (child == 0) {
		nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(nowhere, STDERR_FILENO);
		execlp("man", "man", "8", page, NULL);
		_exit(127);
	}
	free(page);
	signal(SIGINT, SIG_IGN); /* the pager's */
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGINT, SIG_DFL);
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int do_help(struct context *context, const struct words *words)
{
	const struct command *command = NULL;
	const struct verb *verb = NULL;

	if (words->count > 0) {
		command = command_find(words->word[0]);
		if (!command)
			return MISUSED;
		if (wants_page(context, words) && show_page(command))
			return 0;
	}
	if (words->count > 1) {
		if (verb_find(command, words->word[1], &verb))
			return MISUSED;
		if (!verb)
			return verb_unknown(command, words->word[1]);
	}
	return help_show(context, command, verb);
}

const struct command command_help = {
    "help",
    "show help for npctl, a command or a verb",
    (const struct verb[]){
	{"", "[COMMAND [VERB]]", "show all commands, a command's manual page, or what a verb takes",
	 0, 2, NULL, do_help, NULL},
	{0},
    },
};
