// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/interrupt.h"
#include "shell/session.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child leaves behind. */
struct outcome {
	int status;
	char failure[4096], mend[1024];
};

static void run_child(struct context *context, const struct call *call, struct outcome *outcome)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	outcome->status = call_run(context, call);
	snprintf(outcome->failure, sizeof(outcome->failure), "%s", failure());
	snprintf(outcome->mend, sizeof(outcome->mend), "%s", failure_mend());
	if (fflush(stdout) && !outcome->status) {
		outcome->status = FAILED;
		snprintf(outcome->failure, sizeof(outcome->failure), "cannot write the output: %s",
			 strerror(errno));
	}
	_exit(0);
}

/* The terminal sends SIGINT to both; others are passed on. */
static int wait_for(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		if (interrupted && interrupted != SIGINT && interrupted != SIGQUIT)
			kill(child, interrupted);
	return status;
}

static int result_of(const struct outcome *outcome, int status)
{
	if (WIFSIGNALED(status) && interrupted)
		return REPORTED;
	if (WIFSIGNALED(status))
		return fail("ended by signal %d (%s)", WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status)) /* it was replaced by another program */
		return REPORTED;
	if (!outcome->status || !*outcome->failure)
		return outcome->status;
	fail("%s", outcome->failure);
	if (*outcome->mend)
		fail_mend("%s", outcome->mend);
	return outcome->status;
}

int apart_run(struct context *context, const struct call *call)
{
	struct outcome *outcome =
	    mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;
	int result;

	if (outcome == MAP_FAILED)
		return fail("no memory: %s", strerror(errno));
	interrupt_catch();
	fflush(stdout);
	child = fork();
	if (child == 0)
		run_child(context, call, outcome);
	if (child > 0)
		result = result_of(outcome, wait_for(child));
	else
		result = fail("start a process: %s", strerror(errno));
	munmap(outcome, sizeof(*outcome));
	return result;
}
