// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top/top.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void add_word(struct line *line, const char *word)
{
	line->word = xrealloc(line->word, (line->count + 2) * sizeof(*line->word));
	line->word[line->count++] = xstrdup(word);
	line->word[line->count] = NULL;
}

static void add_words(struct line *line, const char *words)
{
	char *copy = xstrdup(words), *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		if (*word)
			add_word(line, word);
	free(copy);
}

void job_add(struct job *job, const char *words, ...)
{
	struct line **last = &job->line;
	va_list arguments;

	while (*last)
		last = &(*last)->next;
	*last = xalloc(sizeof(**last));
	va_start(arguments, words);
	for (; words; words = va_arg(arguments, const char *))
		add_words(*last, words);
	va_end(arguments);
}

static void drop_line(struct job *job)
{
	struct line *line = job->line;

	job->line = line->next;
	for (int i = 0; i < line->count; i++)
		free(line->word[i]);
	free(line->word);
	free(line);
}

bool job_runs(const struct job *job)
{
	return job->line != NULL;
}

/* What main() does around a command. */
static void run_line(const struct context *ours, const struct line *line, int output, bool steps)
{
	struct context context = {.root = ours->root, .out = {.width = 100}};
	int status, nothing = open("/dev/null", O_RDONLY);

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	setpgid(0, 0);
	dup2(nothing, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	quiet = false;
	steps_shown = steps;
	failure_clear();
	status = command_run(&context, line->count, line->word);
	fflush(stdout);
	if (status && status != REPORTED)
		out_failure(&context.out);
	_exit(status ? 1 : 0);
}

static void say_line(const struct line *line, struct log *log)
{
	char *text = xstrdup("> npctl");

	for (int i = 0; i < line->count; i++) {
		char *longer = xprintf("%s %s", text, line->word[i]);

		free(text);
		text = longer;
	}
	log_add(log, CYAN, "%s", text);
	free(text);
}

static void start(struct job *job, const struct context *context, struct log *log)
{
	int ends[2];

	say_line(job->line, log);
	if (pipe2(ends, O_CLOEXEC)) {
		log_add(log, RED, "npctl: start a command: %s", strerror(errno));
		drop_line(job);
		return;
	}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	job->output = ends[0];
	job->pid = fork();
	if (job->pid == 0)
		run_line(context, job->line, ends[1], job->steps);
	close(ends[1]);
	if (job->pid > 0)
		return;
	log_add(log, RED, "npctl: start a command: %s", strerror(errno));
	close(ends[0]);
	job->pid = 0;
	drop_line(job);
}

static enum paint line_paint(const char *text)
{
	if (!strncmp(text, "npctl: ", 7) || strstr(text, "blocked") || strstr(text, "FAIL"))
		return RED;
	return strstr(text, "connected") ? GREEN : PLAIN;
}

static void take_output(struct job *job, struct log *log, const char *text, size_t length)
{
	char *all = xprintf("%s%.*s", job->partial ? job->partial : "", (int)length, text);
	char *rest = all, *end;

	while ((end = strchr(rest, '\n'))) {
		*end = '\0';
		if (*rest)
			log_add(log, line_paint(rest), "  %s", rest);
		rest = end + 1;
	}
	free(job->partial);
	job->partial = xstrdup(rest);
	free(all);
}

static bool read_output(struct job *job, struct log *log)
{
	char text[4096];
	ssize_t length;
	bool any = false;

	while ((length = read(job->output, text, sizeof(text))) > 0) {
		take_output(job, log, text, (size_t)length);
		any = true;
	}
	return any;
}

static void finish(struct job *job, struct log *log, int status)
{
	bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (job->partial && *job->partial)
		take_output(job, log, "\n", 1);
	free(job->partial);
	job->partial = NULL;
	close(job->output);
	job->pid = 0;
	if (WIFSIGNALED(status))
		log_add(log, RED, "npctl: ended by signal %d", WTERMSIG(status));
	drop_line(job);
	while (!well && job->line)
		drop_line(job);
	if (job->line)
		return;
	if (well && job->then)
		job->then(job->data);
	else
		job->then = NULL;
}

bool job_step(struct job *job, const struct context *context, struct log *log)
{
	bool changed = false;
	int status;

	if (!job->line)
		return false;
	if (!job->pid) {
		start(job, context, log);
		return true;
	}
	/* ended first, read after: then nothing is left in the pipe */
	if (waitpid(job->pid, &status, WNOHANG) == job->pid) {
		read_output(job, log);
		finish(job, log, status);
		return true;
	}
	changed = read_output(job, log);
	return changed;
}

void job_end(struct job *job)
{
	if (job->pid > 0) {
		kill(-job->pid, SIGTERM);
		kill(job->pid, SIGTERM);
		waitpid(job->pid, NULL, 0);
		close(job->output);
	}
	while (job->line)
		drop_line(job);
	free(job->partial);
}
