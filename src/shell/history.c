// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shell/history.h"
#include "base/base.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With sudo the home may be another user's, who would find root's files in it. */
static bool is_ours(const char *directory)
{
	struct stat info;

	return !stat(directory, &info) && S_ISDIR(info.st_mode) && info.st_uid == geteuid();
}

/* Every directory of the path that is not there, from the one behind `from` on. */
static void make_folders(char *path, size_t from)
{
	for (char *at = path + from + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
}

char *history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	const char *start = state && *state == '/' ? state : home;
	char *path;
	int fd;

	if (!start || *start != '/')
		return NULL;
	path = xprintf("%s%s/npctl/history", start, start == state ? "" : "/.local/state");
	if (start == home && !is_ours(home)) {
		free(path);
		return NULL;
	}
	make_folders(path, start == home ? strlen(home) : 0);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		free(path);
		return NULL;
	}
	close(fd);
	return path;
}
