// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Commands from a file: understood before the first one runs, and all or nothing if wanted. */
#include "base/interrupt.h"
#include "commit/enforce.h"
#include "shell/session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 8 /* files that call files */

struct batch {
	struct context *context;
	struct session session;
	struct input input;
	struct line *lines;
	bool *is_edit; /* of each line */
	size_t count, capacity;
	bool atomic, goes_on;
};

static int read_lines(struct batch *batch)
{
	struct line line;
	int result;

	for (;;) {
		result = line_read(&batch->input, &line);
		if (result)
			break;
		GROW(batch->lines, batch->count, batch->capacity);
		batch->lines[batch->count++] = line;
	}
	line_release(&line);
	if (result != INPUT_END)
		failure_at(batch->input.name, line.number);
	else if (ferror((FILE *)batch->input.data))
		return fail("%s: cannot be read: %s", batch->input.name, strerror(errno));
	return result == INPUT_END ? 0 : result;
}

/* Those that change documents alone, or nothing. */
static bool can_be_atomic(const struct call *call)
{
	static const struct {
		const char *command, *verbs; /* separated by "|", NULL: all */
	} table[] = {
	    {"policy", "allow|deny|default|preset|apply|delete|list|show|explain|lint|diff|export"},
	    {"endpoint", NULL},
	    {"topo", "show"},
	    {"attach", "show"},
	    {"help", NULL},
	    {"version", NULL},
	};
	size_t i = 0;

	if (call->help)
		return true;
	while (i < ARRAY_SIZE(table) && strcmp(table[i].command, call->command->name) != 0)
		i++;
	if (i == ARRAY_SIZE(table) || !table[i].verbs)
		return i < ARRAY_SIZE(table);
	return is_choice(table[i].verbs, call->verb->name);
}

/* What often stands there in great numbers: edits of policy, of this instance. */
static bool is_edit(const struct batch *batch, const struct context *context,
		    const struct call *call)
{
	return !call->help && !strcmp(call->command->name, "policy") &&
	       is_choice("allow|deny|delete", call->verb->name) &&
	       !strcmp(context->root, batch->context->root) && !steps_shown;
}

static int check_atomic(const struct batch *batch, const struct context *context,
			const struct call *call)
{
	if (!can_be_atomic(call)) {
		fail("%s cannot be taken back, and is not for --atomic",
		     verb_title(call->command, call->verb));
		return fail_mend("npctl batch without --atomic");
	}
	if (strcmp(context->root, batch->context->root) != 0)
		return misuse("--atomic is for one instance, and this is another: %s",
			      context->root);
	return 0;
}

/* Nothing runs when one line is wrong. */
static int check_lines(struct batch *batch)
{
	int error = 0;

	batch->is_edit = xalloc(batch->count + 1);
	for (size_t i = 0; i < batch->count && !error; i++) {
		const struct line *line = &batch->lines[i];
		struct context context;
		struct call call = {0};

		if (!line->words.count)
			continue;
		error = session_parse(&batch->session, line, &context, &call);
		if (!error && batch->atomic)
			error = check_atomic(batch, &context, &call);
		batch->is_edit[i] = !error && is_edit(batch, &context, &call);
		call_release(&call);
		if (error)
			failure_at(batch->input.name, line->number);
	}
	return error;
}

/* With --continue failures are shown as they come, and give REPORTED at the end. */
static int run_lines(struct batch *batch, size_t from, size_t to, size_t *at)
{
	bool failed = false;

	for (size_t i = from; i < to; i++) {
		const struct line *line = &batch->lines[i];
		int status;

		batch->session.plain = batch->is_edit && batch->is_edit[i];
		status = session_run(&batch->session, line);
		if (interrupted)
			status = fail("interrupted");
		else if (status == REPORTED)
			status = fail("the command gave exit status 1");
		if (status && (!batch->goes_on || interrupted)) {
			failure_at(batch->input.name, line->number);
			*at = i;
			return status;
		}
		failed |= status != 0;
		session_report(&batch->session, &batch->input, line, status);
	}
	return failed ? REPORTED : 0;
}

/* What the commands say is true only when all of it is in force: it waits, too. */
static int run_atomic(struct batch *batch, size_t from, size_t to, bool checks, size_t *at)
{
	FILE *screen = stdout;
	char *text = NULL;
	size_t length;
	int status;

	stdout = open_memstream(&text, &length);
	if (!stdout) {
		stdout = screen;
		return fail("no memory for the output");
	}
	enforce_begin(batch->context->root, checks);
	*at = to;
	status = run_lines(batch, from, to, at);
	fclose(stdout);
	stdout = screen;
	if (status)
		enforce_end(false);
	else
		status = enforce_end(true);
	if (!status)
		fwrite(text, 1, length, stdout);
	free(text);
	return status;
}

/* The commit knows no lines: when it refuses what they say, they are run again, each checked. */
static int run_whole(struct batch *batch)
{
	size_t at;
	int status = run_atomic(batch, 0, batch->count, false, &at);

	if (!status || at < batch->count || !enforce_refused())
		return status;
	failure_clear();
	return run_atomic(batch, 0, batch->count, true, &at);
}

/*
 * Edits that follow each other come into force together: nobody could tell, and
 * a thousand cost little more than one. What stands before a line that fails is
 * done all the same.
 */
static int run_edits(struct batch *batch, size_t from, size_t to)
{
	size_t at, unused;
	int status = run_atomic(batch, from, to, false, &at);

	if (!status || interrupted)
		return status;
	failure_clear();
	if (at == to) /* the commit knows no lines */
		return run_lines(batch, from, to, &unused);
	if (at > from)
		status = run_atomic(batch, from, at, false, &unused);
	return at > from && status ? status : run_lines(batch, at, to, &unused);
}

static int run_each(struct batch *batch)
{
	size_t from, to, unused;
	int status = 0;

	for (from = 0; from < batch->count && !status; from = to) {
		for (to = from; to < batch->count && batch->is_edit[to]; to++)
			;
		if (to - from > 1)
			status = run_edits(batch, from, to);
		else
			status = run_lines(batch, from, to = from + 1, &unused);
	}
	return status;
}

static int run_all(struct batch *batch)
{
	size_t unused;

	if (batch->atomic)
		return run_whole(batch);
	return batch->goes_on ? run_lines(batch, 0, batch->count, &unused) : run_each(batch);
}

static int run_file(struct batch *batch)
{
	int error = read_lines(batch);

	if (!error && !batch->goes_on)
		error = check_lines(batch);
	if (!error)
		error = run_all(batch);
	for (size_t i = 0; i < batch->count; i++)
		line_release(&batch->lines[i]);
	free(batch->lines);
	free(batch->is_edit);
	return error;
}

static int run_batch(struct context *context, const struct words *words)
{
	const char *file = words->word[0];
	bool is_stdin = !strcmp(file, "-");
	struct batch batch = {
	    .context = context,
	    .input = {.next = input_next_of_file, .name = is_stdin ? "standard input" : file},
	    .atomic = word_flag(words, "atomic"),
	    .goes_on = word_flag(words, "continue"),
	};
	int error;

	if (batch.atomic && batch.goes_on)
		return misuse("--atomic and --continue do not go together");
	if (context->depth >= DEEPEST)
		return fail("batch files call each other without end");
	batch.input.data = is_stdin ? stdin : fopen(file, "re");
	if (!batch.input.data)
		return fail("%s: %s", file, strerror(errno));
	session_begin(&batch.session, context);
	batch.session.owns_stdin = is_stdin || batch.atomic;
	error = run_file(&batch);
	if (!is_stdin)
		fclose(batch.input.data);
	return error;
}

static const struct option options[] = {
    {"atomic", VALUE_NONE, NULL, "all lines are one change, in force as a whole or not at all", 0,
     false},
    {"continue", VALUE_NONE, NULL, "go on after an error; exit status 1 at the end", 0, false},
    {0},
};

const struct command command_batch = {
    "batch",
    "run the commands in a file",
    (const struct verb[]){
	{"", "FILE|-", "commands from a file, one a line, checked before the first one runs", 1, 1,
	 options, run_batch, "FILE"},
	{0},
    },
};
