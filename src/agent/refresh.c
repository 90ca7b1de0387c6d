// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/refresh.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "agent/child.h"
#include "agent/source.h"
#include "agent/domains.h"

#define LOOK_S 2 /* for names that rules speak of since */

static void refresh_for_ever(const char *root)
{
	struct domains_clock clock = {0};
	char *said = NULL;

	for (;;) {
		time_t left;

		if (domains_refresh(root, &clock, NULL))
			complain_once(&said);
		left = clock.next ? clock.next - time(NULL) : LOOK_S;
		sleep(left < 1 ? 1 : left < LOOK_S ? (unsigned)left : LOOK_S);
	}
}

pid_t refresh_start(const char *root)
{
	pid_t parent = getpid(), process = fork();
	sigset_t none;

	if (process)
		return process;
	if (!child_apart(parent, NULL))
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	refresh_for_ever(root);
	_exit(0);
}

void refresh_stop(pid_t process)
{
	if (process <= 0)
		return;
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}
