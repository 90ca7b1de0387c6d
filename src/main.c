// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/table.h"
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cni/cni.h"

#define DEFAULT_ROOT "/sys/fs/bpf/npctl"

/* A descriptor below 3 that is not open would be given to some map. */
static void open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

/* Names are UTF-8 whatever the locale says; only their width is asked of it. */
static void set_locale(void)
{
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

static const char *root_of_environment(void)
{
	const char *root = getenv("NPCTL_ROOT");

	return root && *root ? root : DEFAULT_ROOT;
}

/* What could not be written was not done: a full disk must not look like success. */
static bool written(void)
{
	if (!ferror(stdout) && fflush(stdout) == 0)
		return true;
	if (errno != EPIPE)
		fprintf(stderr, "npctl: cannot write the output: %s\n", strerror(errno));
	return false;
}

int main(int argc, char **argv)
{
	struct context context = {.root = root_of_environment()};
	int status;

	/* small pieces stay where malloc's threads keep them: else each large one sweeps them up */
	mallopt(M_MXFAST, 0);
	open_standard();
	set_locale();
	commands = command_table;
	signal(SIGPIPE, SIG_DFL);
	if (cni_is_called(argc)) {
		status = cni_run(context.root);
		return written() ? status : 1;
	}
	out_setup(&context.out);
	status = command_run(&context, argc - (argc > 0), argv + (argc > 0));
	if (status && status != REPORTED)
		out_failure(&context.out);
	failure_clear();
	if (!written() && !status)
		return 1;
	return status == MISUSED ? 2 : status ? 1 : 0;
}
