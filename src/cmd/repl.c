// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* npctl repl: a prompt for all the other commands. */
#include "base/interrupt.h"
#include "watch/prompt_state.h"
#include "shell/edit.h"
#include "shell/session.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct repl {
	struct context *context;
	struct session session;
	struct glance glance;
	bool interactive, failed;
};

/* Readline has to know what takes no room on the screen. */
static char *red(const struct out *out, const char *text)
{
	return out->colour ? xprintf("\001\033[31m\002%s\001\033[0m\002", text) : xstrdup(text);
}

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* "npctl (3 pods, 2 drops)> ": the instance when it is not the usual one, its state. */
static char *prompt_text(struct repl *repl)
{
	const struct glance *glance = &repl->glance;
	const char *root = repl->context->root;
	bool usual = !strcmp(root, "/sys/fs/bpf/npctl");
	char *drops = xstrdup(""), *count, *text;

	glance_look(&repl->glance, root);
	if (glance->drops) {
		count = xprintf("%llu drop%s", (unsigned long long)glance->drops,
				plural(glance->drops));
		free(drops);
		drops = red(&repl->context->out, count);
		free(count);
	}
	if (!glance->present)
		text = xprintf("npctl%s%s> ", usual ? "" : " ", usual ? "" : root);
	else
		text = xprintf("npctl%s%s (%zu pod%s%s%s%s)> ", usual ? "" : " ", usual ? "" : root,
			       glance->pods, plural(glance->pods),
			       glance->loaded ? "" : ", not loaded", *drops ? ", " : "", drops);
	free(drops);
	return text;
}

static int next_typed(struct input *input, bool first, char **text)
{
	char *prompt = first ? prompt_text(input->data) : xstrdup("> ");
	int result = edit_line(prompt, first, text);

	free(prompt);
	return result;
}

/* What stands behind "!" is for a shell, as a child in the foreground. */
static void run_shell(const struct line *line)
{
	const char *shell = getenv("SHELL"), *command = strchr(line->text, '!') + 1;
	bool asks = !command[strspn(command, " \t")];
	pid_t child;

	if (!shell || !*shell)
		shell = "/bin/sh";
	interrupt_defer();
	fflush(stdout);
	child = fork();
	if (child == 0) {
		for (int number = 1; number < NSIG; number++)
			signal(number, SIG_DFL);
		execl(shell, shell, asks ? NULL : "-c", command, NULL);
		fprintf(stderr, "npctl: run %s: %s\n", shell, strerror(errno));
		_exit(127);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool is_exit(const struct line *line)
{
	return line->words.count == 1 &&
	       (!strcmp(line->words.word[0], "exit") || !strcmp(line->words.word[0], "quit"));
}

static void run_line(struct repl *repl, const struct input *input, const struct line *line)
{
	int status;

	if (line_is_shell(line)) {
		run_shell(line);
		return;
	}
	status = session_run(&repl->session, line);
	repl->failed |= status != 0;
	session_report(&repl->session, input, line, status);
	if (interrupted && repl->interactive)
		putchar('\n'); /* behind the ^C of the terminal */
}

/* Of an interrupt only what it ended is over; of other signals, all. */
static bool is_ended(void)
{
	return interrupted && interrupted != SIGINT && interrupted != SIGQUIT;
}

static void run_lines(struct repl *repl, struct input *input)
{
	struct line line;
	bool over = false;
	int result;

	while (!over) {
		result = line_read(input, &line);
		over = result == INPUT_END || is_ended();
		if (result == MISUSED) {
			session_report(&repl->session, input, &line, MISUSED);
			repl->failed = true;
		} else if (!result && !over) {
			over = is_exit(&line);
			if (!over)
				run_line(repl, input, &line);
			over |= is_ended() || (interrupted && !repl->interactive);
		}
		line_release(&line);
	}
}

static int run_repl(struct context *context, const struct words *words)
{
	struct repl repl = {.context = context, .interactive = isatty(STDIN_FILENO)};
	struct input input = {.next = next_typed, .data = &repl};

	if (context->depth)
		return misuse("this is the prompt already");
	session_begin(&repl.session, context);
	if (repl.interactive) {
		edit_begin(context, word_flag(words, "private"));
		run_lines(&repl, &input);
		edit_end();
	} else {
		input = (struct input){
		    .next = input_next_of_file, .data = stdin, .name = "standard input"};
		repl.session.owns_stdin = true;
		run_lines(&repl, &input);
	}
	glance_release(&repl.glance);
	return repl.failed && !repl.interactive ? REPORTED : 0;
}

static const struct option options[] = {
    {"private", VALUE_NONE, NULL, "keep no history", 0, false},
    {0},
};

const struct command command_repl = {
    "repl",
    "a prompt for all the other commands",
    (const struct verb[]){
	{"", "", "commands one after the other, with completion and history", 0, 0, options,
	 run_repl, NULL},
	{0},
    },
};
