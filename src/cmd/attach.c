// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/cmd.h"
#include "kernel/attach.h"

static void say(struct context *context, const char *subject, const char *interface,
		const char *state)
{
	if (context->out.json)
		out_json(&context->out, json_pack("{s:s,s:s,s:s}", "subject", subject, "interface",
						  interface, "state", state));
	else if (!quiet && strcmp(subject, interface) != 0)
		printf("%s (%s): %s\n", subject, interface, state);
	else if (!quiet)
		printf("%s: %s\n", interface, state);
}

static int run_pod(struct context *context, const struct words *words)
{
	char *subject = NULL, *interface = NULL;
	struct attach_request request = {.clsact = word_flag(words, "clsact")};
	struct instance *instance;
	int error;

	error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error)
		return error;
	error = attach_find_pod(instance, words->word[0], &subject, &interface);
	if (!error) {
		request.subject = subject;
		request.interface = interface;
		error = attach_interface(instance, &request);
	}
	instance_close(instance);
	if (!error)
		say(context, subject, interface, "attached");
	free(subject);
	free(interface);
	return error;
}

static int run_dev(struct context *context, const struct words *words)
{
	const char *interface = words->word[0];
	char *subject = xprintf("dev:%s", interface);
	struct attach_request request = {
	    .subject = subject,
	    .interface = interface,
	    .clsact = word_flag(words, "clsact"),
	    .program = word_value(words, "program"),
	    .hook = word_value(words, "hook"),
	};
	struct instance *instance;
	int error;

	if (!request.program != !request.hook)
		error = misuse("--program and --hook go together");
	else
		error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (!error) {
		error = attach_interface(instance, &request);
		instance_close(instance);
	}
	if (!error)
		say(context, request.program ? request.program : interface, interface, "attached");
	free(subject);
	return error;
}

static int run_detach(struct context *context, const struct words *words)
{
	const char *word = words->word[0], *program = word_value(words, "program");
	struct instance *instance;
	char *interface;
	int error;

	error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error)
		return error;
	interface = attach_find(instance, word);
	if (!interface)
		error = fail("nothing of npctl's is attached to %s", word);
	else if (program)
		error = detach_program(instance, interface, program);
	else
		error = detach_interface(instance, interface);
	instance_close(instance);
	if (!error)
		say(context, word, interface, "detached");
	free(interface);
	return error;
}

/* Text: the table, and under it a line for everything that is wrong. */
static void show_warnings(const struct out *out, const json_t *rows)
{
	json_t *row, *warning;
	size_t i, j;

	json_array_foreach (rows, i, row) {
		const char *interface = json_string_value(json_object_get(row, "interface"));
		const char *hook = json_string_value(json_object_get(row, "hook"));
		const char *program = json_string_value(json_object_get(row, "program"));

		json_array_foreach (json_object_get(row, "warnings"), j, warning) {
			char *where =
			    interface ? xprintf(" at the %s of %s", hook, interface) : xstrdup("");

			printf("%s %s%s: %s\n", painted(out, YELLOW, "warning:"), program, where,
			       json_string_value(warning));
			free(where);
		}
	}
}

static int run_show(struct context *context, const struct words *words)
{
	static const struct column columns[] = {
	    {.key = "interface"},	  {.key = "hook"},    {.key = "by"},   {.key = "program"},
	    {.key = "id", .right = true}, {.key = "subject"}, {.key = "type"},
	};
	struct instance *instance;
	json_t *rows;
	int error;

	(void)words;
	error = instance_open(&instance, context->root, ACCESS_TRY);
	if (error)
		return error;
	error = attach_list(instance, &rows);
	instance_close(instance);
	if (error)
		return error;
	out_table(&context->out, json_incref(rows), columns, ARRAY_SIZE(columns),
		  "no program is attached to any interface");
	if (!context->out.json)
		show_warnings(&context->out, rows);
	json_decref(rows);
	return 0;
}

#define CLSACT                                                                                     \
	{                                                                                          \
		"clsact", VALUE_NONE, NULL, "by clsact filters, even where the kernel has tcx", 0, \
		    false                                                                          \
	}
#define PROGRAM(help)                                         \
	{                                                     \
		"program", VALUE_TEXT, "NAME", help, 0, false \
	}

static const struct option pod_options[] = {CLSACT, {0}};

static const struct option dev_options[] = {
    CLSACT,
    PROGRAM("one program of your own, as `load FILE.o` pinned it"),
    {"hook", VALUE_CHOICE, "ingress|egress", "the side of the interface for --program", 0, false},
    {0},
};

static const struct option detach_options[] = {
    PROGRAM("only this program of your own"),
    {0},
};

const struct command command_attach = {
    "attach",
    "put programs on interfaces",
    (const struct verb[]){
	{"pod", "POD", "enforce policy for a pod", 1, 1, pod_options, run_pod, "POD"},
	{"dev", "DEV", "enforce policy on an interface, or run a program of your own", 1, 1,
	 dev_options, run_dev, "DEV"},
	{"show", "", "show all programs on interfaces and what is wrong with them", 0, 0, NULL,
	 run_show, NULL},
	{"detach", "POD|DEV", "take npctl's programs off an interface", 1, 1, detach_options,
	 run_detach, "POD|DEV"},
	{0},
    },
};
