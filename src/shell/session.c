// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shell/session.h"
#include "base/interrupt.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void session_begin(struct session *session, const struct context *base)
{
	*session = (struct session){
	    .base = base,
	    .quiet = quiet,
	    .debug = debug,
	    .steps = steps_shown,
	    .out = base->out,
	};
	interrupt_defer();
}

/* What a line before has set, and how wide the terminal is by now. */
static void reset(const struct session *session, struct context *context)
{
	struct out now;

	quiet = session->quiet;
	debug = session->debug;
	steps_shown = session->steps;
	failure_clear();
	if (session->plain)
		now = session->base->out;
	else
		out_setup(&now);
	now.json = session->base->out.json;
	now.pretty = session->base->out.pretty;
	*context = *session->base;
	context->out = now;
	context->depth++;
}

int session_parse(struct session *session, const struct line *line, struct context *context,
		  struct call *call)
{
	int count = line->words.count, error;
	char **word = line->words.word;

	/* "npctl policy list", as one reads it everywhere */
	if (count > 1 && !strcmp(word[0], "npctl")) {
		word++;
		count--;
	}
	reset(session, context);
	error = call_parse(context, count, word, call);
	session->out = context->out;
	return error;
}

/* A descriptor with the here-document, or with nothing; -1: the command gets ours. */
static int open_input(struct session *session, const struct line *line, int *fd)
{
	if (session->owns_stdin && !session->nothing)
		session->nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*fd = session->owns_stdin ? session->nothing : -1;
	if (!line->body)
		return 0;
	*fd = memfd_create("here-document", MFD_CLOEXEC);
	if (*fd < 0 || write(*fd, line->body, line->size) != (ssize_t)line->size ||
	    lseek(*fd, 0, SEEK_SET) < 0)
		return fail("keep the here-document: %s", strerror(errno));
	return 0;
}

/* Whether it execs, or waits for long without looking at `interrupted`. */
static bool is_apart(const struct call *call)
{
	static const struct {
		const char *command, *verb; /* NULL: all */
	} apart[] = {{"topo", "exec"}, {"test", NULL}, {"policy", "wait"}, {"agent", NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(apart) && !call->help; i++)
		if (!strcmp(call->command->name, apart[i].command) &&
		    (!apart[i].verb || !strcmp(call->verb->name, apart[i].verb)))
			return true;
	return false;
}

/* Signals as they were, but for those that `interrupted` tells of. */
static void signals_reset(void)
{
	static const int numbers[] = {SIGPIPE, SIGTSTP, SIGWINCH, SIGCHLD, SIGALRM};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		signal(numbers[i], SIG_DFL);
}

/* A full disk or a closed pipe must not look like success. */
static int flush_output(int status)
{
	bool failed = fflush(stdout) || ferror(stdout);

	clearerr(stdout);
	if (!failed || status)
		return status;
	return errno == EPIPE ? REPORTED : fail("cannot write the output: %s", strerror(errno));
}

static int run_call(struct session *session, const struct line *line, struct context *context,
		    const struct call *call)
{
	int input, saved = -1, status;

	if (session->plain && !line->body)
		return call_run(context, call);
	status = open_input(session, line, &input);
	if (!status && input >= 0) {
		saved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		dup2(input, STDIN_FILENO);
	}
	interrupt_defer();
	if (!status)
		status = is_apart(call) ? apart_run(context, call) : call_run(context, call);
	signals_reset();
	status = flush_output(status);
	if (saved >= 0) {
		dup2(saved, STDIN_FILENO);
		close(saved);
	}
	if (input >= 0 && input != session->nothing)
		close(input);
	return status;
}

int session_run(struct session *session, const struct line *line)
{
	struct context context;
	struct call call = {0};
	int status;

	if (line_is_shell(line))
		return misuse("! is for the prompt of npctl repl");
	if (!line->words.count)
		return line->body ? misuse("a here-document without a command") : 0;
	status = session_parse(session, line, &context, &call);
	if (!status)
		status = run_call(session, line, &context, &call);
	session->out = context.out;
	call_release(&call);
	return status;
}

void session_report(struct session *session, const struct input *input, const struct line *line,
		    int status)
{
	if (!status || status == REPORTED || !*failure())
		return;
	if (input->name)
		failure_at(input->name, line->number);
	out_failure(&session->out);
	failure_clear();
	session->out = session->base->out;
}
