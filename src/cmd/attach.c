// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/table.h"
#include "attach/attach.h"
#include "kernel/cgroup.h"

static void say(struct context *context, const char *subject, const char *interface,
		const char *state)
{
	if (context->out.json)
		out_json(&context->out, json_pack("{s:s,s:s*,s:s}", "subject", subject, "interface",
						  interface, "state", state));
	else if (!quiet && interface && strcmp(subject, interface) != 0)
		printf("%s (%s): %s\n", subject, interface, state);
	else if (!quiet)
		printf("%s: %s\n", subject, state);
}

static int run_pod(struct context *context, const struct words *words)
{
	struct attach_request request = {.clsact = word_flag(words, "clsact")};
	struct instance *instance;
	int error;

	error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error)
		return error;
	error = attach_find_pod(instance, words->word[0], &request);
	if (!error)
		error = attach_interface(instance, &request);
	instance_close(instance);
	if (!error)
		say(context, request.subject, request.interface, "attached");
	attach_request_release(&request);
	return error;
}

static int attach_one(struct context *context, const struct attach_request *request)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_WRITE);

	if (error)
		return error;
	error = attach_interface(instance, request);
	instance_close(instance);
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
	int error;

	if (!request.program != !request.hook)
		error = misuse("--program and --hook go together");
	else
		error = attach_one(context, &request);
	if (!error)
		say(context, request.program ? request.program : interface, interface, "attached");
	free(subject);
	return error;
}

static int run_user(struct context *context, const struct words *words)
{
	const char *interface = words->word[1];
	char *subject = xprintf("user:%s", interface);
	struct attach_request request = {
	    .subject = subject,
	    .interface = interface,
	    .clsact = word_flag(words, "clsact"),
	    .strict = word_flag(words, "strict"),
	};
	int error;

	if (strcmp(words->word[0], "dev") != 0)
		error = misuse("attach user: expected dev DEV");
	else
		error = attach_one(context, &request);
	if (!error)
		say(context, subject, NULL, "attached");
	free(subject);
	return error;
}

/* Takes over `path`. */
static int place_cgroup(struct context *context, char *path, const char *container)
{
	struct instance *instance;
	char *subject = xprintf("cgroup:%s", path);
	int error;

	error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (!error) {
		error = attach_cgroup(instance, path, container);
		instance_close(instance);
	}
	if (!error)
		say(context, subject, NULL, "attached");
	free(subject);
	free(path);
	return error;
}

static int run_cgroup(struct context *context, const struct words *words)
{
	char *path;
	int error = cgroup_find(words->word[0], &path);

	return error ? error : place_cgroup(context, path, NULL);
}

static int run_container(struct context *context, const struct words *words)
{
	char *path;
	int error = cgroup_of_container(words->word[0], &path);

	return error ? error : place_cgroup(context, path, words->word[0]);
}

static int run_pid(struct context *context, const struct words *words)
{
	char *path;
	int error = cgroup_of_process(words->word[0], &path);

	return error ? error : place_cgroup(context, path, NULL);
}

/*
 * "user dev DEV", "cgroup PATH", "container NAME", as they were attached, or
 * the subject, path or name alone; NULL when nothing like it is attached.
 */
static char *find_subject(struct instance *instance, const struct words *words)
{
	const char *kind = words->word[0], *last = words->word[words->count - 1];
	char *path = NULL, *wanted = NULL, *subject;

	if (words->count == 3 || (words->count == 2 && !strcmp(kind, "user")))
		wanted = xprintf("user:%s", last);
	else if (words->count == 2 && !strcmp(kind, "pid") && !cgroup_of_process(last, &path))
		wanted = xstrdup(path);
	else if (strcmp(kind, "container") != 0 && !cgroup_find(last, &path))
		wanted = xstrdup(path); /* written in another way */
	failure_clear();
	subject = wanted ? attach_find_subject(instance, wanted) : NULL;
	if (!subject && words->count < 3)
		subject = attach_find_subject(instance, last);
	free(wanted);
	free(path);
	return subject;
}

/* 0, too, when nothing is attached: then *done is NULL. */
static int detach_socket(struct instance *instance, const struct words *words, char **done)
{
	*done = find_subject(instance, words);
	return *done ? detach_subject(instance, *done) : 0;
}

static int check_detach(const struct words *words)
{
	static const char *const kinds[] = {"user", "cgroup", "container", "pid", "pod", "dev"};
	const char *kind = words->word[0];
	size_t i;

	if (words->count == 3 && (strcmp(kind, "user") != 0 || strcmp(words->word[1], "dev") != 0))
		return misuse("attach detach: expected user dev DEV");
	for (i = 0; words->count == 2 && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i]))
			return 0;
	return words->count == 2 ? misuse("attach detach: \"%s\" is neither pod, dev, user dev, "
					  "cgroup, container nor pid",
					  kind)
				 : 0;
}

static int run_detach(struct context *context, const struct words *words)
{
	const char *word = words->word[words->count - 1], *program = word_value(words, "program");
	char *interface = NULL, *subject = NULL;
	struct instance *instance;
	int error;

	error = check_detach(words);
	if (!error)
		error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error)
		return error;
	if (!program)
		error = detach_socket(instance, words, &subject);
	if (!error && !subject && words->count < 3)
		interface = attach_find(instance, word);
	if (!error && !subject && !interface)
		error = fail("nothing of npctl's is attached to %s", word);
	else if (!error && program)
		error = detach_program(instance, interface, program);
	else if (!error && !subject)
		error = detach_interface(instance, interface);
	instance_close(instance);
	if (!error)
		say(context, subject ? subject : word, interface, "detached");
	free(interface);
	free(subject);
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

static const struct option user_options[] = {
    CLSACT,
    {"strict", VALUE_NONE, NULL, "judge answers to what others began as well", 0, false},
    {0},
};

static const struct option detach_options[] = {
    PROGRAM("only this program of your own"),
    {0},
};

#define DETACH(name)                                                                               \
	{                                                                                          \
		name, "POD|DEV|user dev DEV|cgroup PATH|container ID|NAME",                        \
		    "take npctl's programs off again", 1, 3, detach_options, run_detach, "POD|DEV" \
	}

const struct command command_attach = {
    "attach",
    "put programs on interfaces and cgroups",
    (const struct verb[]){
	{"pod", "POD", "enforce policy for a pod", 1, 1, pod_options, run_pod, "POD"},
	{"dev", "DEV", "enforce policy on an interface, or run a program of your own", 1, 1,
	 dev_options, run_dev, "DEV"},
	{"user", "dev DEV", "enforce policy on an interface by the user who owns the socket", 2, 2,
	 user_options, run_user, "dev DEV"},
	{"cgroup", "PATH", "enforce policy on the sockets of a cgroup and those below it", 1, 1,
	 NULL, run_cgroup, "CGROUP"},
	{"container", "ID|NAME", "the same for a container's cgroup", 1, 1, NULL, run_container,
	 NULL},
	{"pid", "PID", "the same for the cgroup that a process is in", 1, 1, NULL, run_pid, NULL},
	{"show", "", "show all programs on interfaces and what is wrong with them", 0, 0, NULL,
	 run_show, NULL},
	DETACH("detach"),
	{0},
    },
};

/* What people look for beside attach: the same as `attach detach`. */
const struct command command_detach = {
    "detach",
    NULL,
    (const struct verb[]){
	DETACH(""),
	{0},
    },
};
