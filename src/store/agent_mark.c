// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The agent's mark: a lock on ROOT/agent, which ends with the process however
 * it ends. It lies beside the lock of the root, which only writers hold.
 */
#include "store/agent_mark.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "store/instance.h"

#define FOLDER "agent"

static int open_mark(const struct instance *instance)
{
	char *path = instance_path(instance, FOLDER, "");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(path);
	return fd;
}

bool instance_agent_runs(const struct instance *instance)
{
	int fd = open_mark(instance);
	bool runs;

	if (fd < 0)
		return false;
	runs = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return runs;
}

/* Who asks whether an agent runs holds the lock, too, for a moment. */
static int lock_mark(int fd)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	int tries;

	for (tries = 0; tries < 50; tries++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return -EWOULDBLOCK;
}

static bool is_current(const struct instance *instance, int mark)
{
	char *path = instance_path(instance, FOLDER, "");
	struct stat ours, now;
	bool same = !fstat(mark, &ours) && !stat(path, &now) && ours.st_ino == now.st_ino &&
		    ours.st_dev == now.st_dev;

	free(path);
	return same;
}

int instance_agent_enter(const struct instance *instance, int *mark)
{
	int error;

	if (*mark >= 0 && is_current(instance, *mark))
		return 0;
	instance_agent_leave(mark);
	error = instance_folder(instance, FOLDER);
	if (error)
		return error;
	*mark = open_mark(instance);
	error = *mark < 0 ? -errno : lock_mark(*mark);
	if (!error)
		return 0;
	instance_agent_leave(mark);
	if (error == -EWOULDBLOCK)
		return fail("an agent runs already for %s", instance->root);
	return fail("lock %s/" FOLDER ": %s", instance->root, strerror(-error));
}

void instance_agent_leave(int *mark)
{
	if (*mark >= 0)
		close(*mark);
	*mark = -1;
}
