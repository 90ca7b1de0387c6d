// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/child.h"
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define KEPT (STDERR_FILENO + 1)

bool child_apart(pid_t parent, int *keep)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		return false;
	if (!keep)
		return !close_range(KEPT, ~0u, 0);
	if (dup2(*keep, KEPT) < 0)
		return false;
	*keep = KEPT;
	return !close_range(KEPT + 1, ~0u, 0);
}
