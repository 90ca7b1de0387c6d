// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "words/words.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/author.h"

#define LINE_MOST 300 /* bytes of it that are remembered */

const struct command *const *commands;

const struct option global_options[] = {
    {"json", VALUE_NONE, NULL, "print JSON, errors too", 'j', false},
    {"pretty", VALUE_NONE, NULL, "print JSON over several lines", 'p', false},
    {"quiet", VALUE_NONE, NULL, "no warnings", 'q', false},
    {"debug", VALUE_NONE, NULL, "show libbpf's and the verifier's log", 'd', false},
    {"steps", VALUE_NONE, NULL, "show each step as the ip, tc or bpftool command", 'x', false},
    {"root", VALUE_DIR, "DIR", "work on the instance in DIR (or NPCTL_ROOT)", 0, false},
    {"help", VALUE_NONE, NULL, "show help", 'h', false},
    {"version", VALUE_NONE, NULL, "show the version", 'V', false},
    {0},
};

/* The words of a line, with the options still among them. */
struct scan {
	int argc;
	char **argv;
	int at;
	const char *letters; /* what is left of a word like -jp */
	const struct option *own;
	const char *title; /* NULL before the command */
};

/* Neither "-", standard input, nor a negative number. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

static const struct option *by_name(const struct option *options, const char *name, size_t length)
{
	for (; options && options->name; options++)
		if (!strncmp(options->name, name, length) && !options->name[length])
			return options;
	return NULL;
}

static const struct option *by_letter(const struct option *options, char letter)
{
	for (; options && options->name; options++)
		if (options->letter == letter)
			return options;
	return NULL;
}

static int value_missing(const struct scan *scan, const struct option *option)
{
	misuse("option --%s needs a value: %s", option->name, option->metavar);
	if (scan->title)
		fail_mend("npctl help %s", scan->title);
	return MISUSED;
}

bool is_choice(const char *choices, const char *word)
{
	size_t length = strlen(word);

	while (choices) {
		if (!strncmp(choices, word, length) && (!choices[length] || choices[length] == '|'))
			return true;
		choices = strchr(choices, '|');
		choices = choices ? choices + 1 : NULL;
	}
	return false;
}

static int check_choice(const struct given *given)
{
	if (is_choice(given->option->metavar, given->value))
		return 0;
	return misuse("option --%s: \"%s\" is none of %s", given->option->name, given->value,
		      given->option->metavar);
}

/* `attached` is the text after "=" or after the letter, or NULL. */
static int take_value(struct scan *scan, const char *attached, struct given *given)
{
	const struct option *option = given->option;

	if (option->value == VALUE_NONE) {
		if (attached)
			return misuse("option --%s takes no value", option->name);
		return 0;
	}
	given->value = attached;
	if (!given->value && scan->at < scan->argc)
		given->value = scan->argv[scan->at++];
	if (!given->value || !*given->value)
		return value_missing(scan, option);
	return option->value == VALUE_CHOICE ? check_choice(given) : 0;
}

static int scan_long(struct scan *scan, struct given *given)
{
	const char *name = scan->argv[scan->at++] + 2;
	size_t length = strcspn(name, "=");

	given->option = by_name(scan->own, name, length);
	if (!given->option)
		given->option = by_name(global_options, name, length);
	if (!given->option) {
		char *bare = xstrdup(name);

		bare[length] = '\0';
		option_unknown(bare, scan->title, scan->own);
		free(bare);
		return MISUSED;
	}
	return take_value(scan, name[length] ? name + length + 1 : NULL, given);
}

static int scan_letter(struct scan *scan, struct given *given)
{
	char letter = *scan->letters++;
	const char *attached = NULL;

	given->option = by_letter(scan->own, letter);
	if (!given->option)
		given->option = by_letter(global_options, letter);
	if (!given->option) {
		misuse("unknown option \"-%c\"%s%s", letter, scan->title ? " of " : "",
		       scan->title ? scan->title : "");
		fail_mend(scan->title ? "npctl help %s" : "npctl help", scan->title);
		return MISUSED;
	}
	if (given->option->value != VALUE_NONE && *scan->letters) {
		attached = scan->letters;
		scan->letters = "";
	}
	return take_value(scan, attached, given);
}

/* The option at the head of the scan, with its value. */
static int scan_option(struct scan *scan, struct given *given)
{
	const char *word = scan->argv[scan->at];

	*given = (struct given){0};
	if (scan->letters && *scan->letters)
		return scan_letter(scan, given);
	if (word[1] == '-')
		return scan_long(scan, given);
	scan->letters = word + 1;
	scan->at++;
	return scan_letter(scan, given);
}

static bool scan_at_option(const struct scan *scan)
{
	if (scan->letters && *scan->letters)
		return true;
	return scan->at < scan->argc && is_option(scan->argv[scan->at]) &&
	       strcmp(scan->argv[scan->at], "--") != 0;
}

static bool is_global(const struct option *option)
{
	return option >= global_options && option < global_options + ARRAY_SIZE(global_options);
}

static void take_global(struct context *context, const struct given *given)
{
	switch (given->option->letter) {
	case 'p':
		context->out.pretty = true;
		context->out.json = true;
		break;
	case 'j':
		context->out.json = true;
		break;
	case 'q':
		quiet = true;
		break;
	case 'd':
		debug = true;
		break;
	case 'x':
		steps_shown = true;
		break;
	case 'h':
		context->help = true;
		break;
	case 'V':
		context->version = true;
		break;
	default:
		context->root = given->value;
	}
}

static int leading_globals(struct context *context, const char *title, int *argc, char ***argv)
{
	struct scan scan = {.argc = *argc, .argv = *argv, .title = title};
	struct given given;

	while (scan_at_option(&scan)) {
		if (scan_option(&scan, &given))
			return MISUSED;
		take_global(context, &given);
	}
	*argc -= scan.at;
	*argv += scan.at;
	return 0;
}

static int add_given(struct words *words, const struct given *given)
{
	for (size_t i = 0; i < words->given_count && !given->option->repeats; i++)
		if (words->given[i].option == given->option)
			return misuse("option --%s is given twice", given->option->name);
	words->given = xrealloc(words->given, (words->given_count + 1) * sizeof(*given));
	words->given[words->given_count++] = *given;
	return 0;
}

static int check_count(const char *title, const struct verb *verb, const struct words *words)
{
	const char *takes = *verb->synopsis ? verb->synopsis : "no words";

	if (words->count < verb->least) {
		misuse(words->count ? "%s needs more words: %s" : "%s needs %s", title, takes);
		fail_mend("npctl help %s", title);
		return MISUSED;
	}
	if (verb->most >= 0 && words->count > verb->most) {
		misuse("unexpected word \"%s\": %s takes %s", words->word[verb->most], title,
		       takes);
		fail_mend("npctl help %s", title);
		return MISUSED;
	}
	return 0;
}

/* What stands behind "--" is the command's own if its synopsis says so. */
static void take_rest(const struct verb *verb, struct scan *scan, struct words *words)
{
	scan->at++;
	if (strstr(verb->synopsis, "--")) {
		words->rest = scan->argv + scan->at;
		return;
	}
	while (scan->at < scan->argc)
		words->word[words->count++] = scan->argv[scan->at++];
}

static int words_parse(struct context *context, struct scan *scan, const struct verb *verb,
		       struct words *words)
{
	struct given given;

	words->word = xalloc((scan->argc + 1) * sizeof(*words->word));
	while (scan->at < scan->argc || scan_at_option(scan)) {
		if (scan_at_option(scan)) {
			if (scan_option(scan, &given))
				return MISUSED;
			if (is_global(given.option))
				take_global(context, &given);
			else if (add_given(words, &given))
				return MISUSED;
		} else if (!strcmp(scan->argv[scan->at], "--")) {
			take_rest(verb, scan, words);
			break;
		} else {
			words->word[words->count++] = scan->argv[scan->at++];
		}
	}
	return context->help || context->version ? 0 : check_count(scan->title, verb, words);
}

/* Sets *verb and takes its word away; without a word it is the unnamed one. */
static int take_verb(struct context *context, const struct command *command, int *argc,
		     char ***argv, const struct verb **verb)
{
	const struct verb *unnamed = verb_exact(command, "");

	*verb = NULL;
	if (!unnamed && leading_globals(context, command->name, argc, argv))
		return MISUSED;
	if (*argc && !is_option(**argv)) {
		if (verb_find(command, **argv, verb))
			return MISUSED;
		if (!*verb && (!unnamed || (unnamed->most == 0 && command->verbs[1].name)))
			return verb_unknown(command, **argv);
		if (*verb) {
			--*argc;
			++*argv;
			return 0;
		}
	}
	*verb = unnamed;
	return unnamed || context->help || context->version ? 0 : verb_missing(command);
}

/* npctl COMMAND help [VERB] */
static int parse_help(struct call *call, int argc, char **argv)
{
	call->help = true;
	if (argc > 0 && verb_find(call->command, argv[0], &call->verb))
		return MISUSED;
	if (argc > 0 && !call->verb)
		return verb_unknown(call->command, argv[0]);
	return 0;
}

static int parse_command(struct context *context, struct call *call, int argc, char **argv)
{
	struct scan scan = {.argc = argc - 1, .argv = argv + 1};
	int error;

	call->command = command_find(argv[0]);
	if (!call->command)
		return MISUSED;
	if (argc > 1 && !strcmp(argv[1], "help") && !verb_exact(call->command, "help"))
		return parse_help(call, argc - 2, argv + 2);
	if (take_verb(context, call->command, &scan.argc, &scan.argv, &call->verb))
		return MISUSED;
	call->help = context->help;
	if (!call->verb)
		return 0;
	scan.own = call->verb->options;
	scan.title = verb_title(call->command, call->verb);
	error = words_parse(context, &scan, call->verb, &call->words);
	call->help = context->help;
	if (call->help && !*call->verb->name)
		call->verb = NULL;
	return error;
}

/* --version wherever it stands: nothing else is done. */
static int parse_version(struct context *context, struct call *call)
{
	static char *version[] = {"version"};

	call_release(call);
	*call = (struct call){0};
	context->help = false;
	return parse_command(context, call, 1, version);
}

/* Long ones are cut: it is to be seen who said it, and what about. */
static char *line_of(int argc, char **argv)
{
	char *line = NULL;
	size_t size;
	FILE *to = open_memstream(&line, &size);

	if (!to)
		abort();
	for (int i = 0; i < argc && ftell(to) < LINE_MOST; i++)
		fprintf(to, "%s%.*s", i ? " " : "", LINE_MOST, argv[i]);
	fclose(to);
	return line;
}

int call_parse(struct context *context, int argc, char **argv, struct call *call)
{
	int error;

	*call = (struct call){.line = line_of(argc, argv)};
	if (leading_globals(context, NULL, &argc, &argv))
		return MISUSED;
	if (argc) {
		error = parse_command(context, call, argc, argv);
		return !error && context->version ? parse_version(context, call) : error;
	}
	if (context->version)
		return parse_version(context, call);
	call->help = true;
	call->status = context->help ? 0 : MISUSED;
	return 0;
}

int call_run(struct context *context, const struct call *call)
{
	const char *before;
	int status;

	if (!call->help) {
		before = author_say(call->line);
		status = call->verb->run(context, &call->words);
		author_say(before);
		if (context->after)
			context->after();
		context->after = NULL;
		return status == SHOWN ? 0 : status;
	}
	status = help_show(context, call->command, call->verb);
	return status ? status : call->status;
}

void call_release(struct call *call)
{
	free(call->line);
	free(call->words.word);
	free(call->words.given);
}

int command_run(struct context *context, int argc, char **argv)
{
	struct call call;
	int status = call_parse(context, argc, argv, &call);

	if (!status)
		status = call_run(context, &call);
	call_release(&call);
	return status;
}

bool word_flag(const struct words *words, const char *name)
{
	for (size_t i = 0; i < words->given_count; i++)
		if (!strcmp(words->given[i].option->name, name))
			return true;
	return false;
}

const char *word_nth(const struct words *words, const char *name, size_t n)
{
	for (size_t i = 0; i < words->given_count; i++)
		if (!strcmp(words->given[i].option->name, name) && n-- == 0)
			return words->given[i].value;
	return NULL;
}

const char *word_value(const struct words *words, const char *name)
{
	return word_nth(words, name, 0);
}

/* 16M is 16 << 20. */
static bool parse_number(const char *text, uint64_t *value)
{
	static const char units[] = "kmg";
	const char *unit;
	char *end;
	int shift;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno || end == text || *text < '0' || *text > '9')
		return false;
	if (!*end)
		return true;
	unit = strchr(units, *end | 0x20);
	if (!unit || !*unit || end[1])
		return false;
	shift = 10 * (int)(unit - units + 1);
	if (*value > UINT64_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

int word_number(const struct words *words, const char *name, uint64_t least, uint64_t most,
		uint64_t *value)
{
	const char *text = word_value(words, name);
	uint64_t number;

	if (!text)
		return 0;
	if (!parse_number(text, &number))
		return misuse("option --%s: \"%s\" is not a number", name, text);
	if (number < least || number > most)
		return misuse("option --%s: %s is not between %llu and %llu", name, text,
			      (unsigned long long)least, (unsigned long long)most);
	*value = number;
	return 0;
}
