// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/server.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "net/netns.h"
#include "net/serve.h"

#define ANSWER_FD 3
#define STOP_MS 2000

/* Field n of /proc/PID/stat as proc(5) counts them, from 3 on; 0 when there is none. */
static uint64_t stat_field(int pid, int n)
{
	char *path = xprintf("/proc/%d/stat", pid), line[1024], *at;
	FILE *file = fopen(path, "re");

	free(path);
	at = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (file)
		fclose(file);
	for (int field = 2; at && field < n; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static bool is_zombie(int pid)
{
	char *path = xprintf("/proc/%d/stat", pid), state = 'Z';
	FILE *file = fopen(path, "re");

	free(path);
	if (!file)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state == 'Z' || state == 'X';
}

/* What ps shows: the kernel reads on from the words of the command line to the environment. */
static void set_title(const char *title)
{
	enum { ARG_START = 48, ENV_END = 51 };
	char *start = (char *)(uintptr_t)stat_field(getpid(), ARG_START);
	char *end = (char *)(uintptr_t)stat_field(getpid(), ENV_END);

	prctl(PR_SET_NAME, "npctl-server");
	if (!start || end <= start)
		return;
	memset(start, 0, end - start);
	snprintf(start, end - start, "%s", title);
}

__attribute__((noreturn)) static void answer_error(void)
{
	const char *sentence = failure();

	if (write(ANSWER_FD, sentence, strlen(sentence)) < 0)
		_exit(2);
	_exit(1);
}

/* Nothing of the command that started it may stay open: no lock, no terminal, no map. */
static int detach(int answer)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return fail("open /dev/null: %s", strerror(errno));
	if (answer != ANSWER_FD && dup2(answer, ANSWER_FD) < 0)
		return fail("prepare a server: %s", strerror(errno));
	syscall(SYS_close_range, ANSWER_FD + 1, ~0U, 0);
	return chdir("/");
}

static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static void serve(const struct server *server, int answer)
{
	char *title = xprintf("npctl: server %s", server->pod);
	struct service *service;

	reset_signals();
	raise_file_limit();
	/* by its name, before the title writes over the words */
	if (detach(answer) || netns_enter(server->netns) ||
	    service_open(server->pod, server->interface, server->ports, &service))
		answer_error();
	set_title(title);
	close(ANSWER_FD);
	service_run(service);
	_exit(0);
}

int server_start(struct server *server)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return fail("start the server of %s: %s", server->pod, strerror(errno));
	fflush(NULL);
	server->pid = fork();
	if (server->pid == 0)
		serve(server, ends[1]);
	close(ends[1]);
	if (server->pid < 0) {
		close(ends[0]);
		return fail("start the server of %s: %s", server->pod, strerror(errno));
	}
	server->answer = ends[0];
	return 0;
}

int server_wait(struct server *server)
{
	char sentence[512];
	ssize_t length;

	do
		length = read(server->answer, sentence, sizeof(sentence) - 1);
	while (length < 0 && errno == EINTR);
	close(server->answer);
	server->answer = -1;
	server->started = stat_field(server->pid, 22);
	if (length == 0 && !is_zombie(server->pid))
		return 0;
	sentence[length > 0 ? length : 0] = '\0';
	waitpid(server->pid, NULL, 0);
	return fail("server of %s: %s", server->pod, *sentence ? sentence : "ended at once");
}

bool server_alive(int pid, uint64_t started)
{
	return pid > 0 && started && !is_zombie(pid) && stat_field(pid, 22) == started;
}

void server_stop(int pid, uint64_t started)
{
	struct pollfd process = {.fd = -1, .events = POLLIN};

	if (!server_alive(pid, started))
		return;
	process.fd = syscall(SYS_pidfd_open, pid, 0);
	/* the descriptor holds on to one process: look again whether it is ours */
	if (process.fd < 0 || !server_alive(pid, started))
		goto out;
	step("kill %d", pid);
	if (syscall(SYS_pidfd_send_signal, process.fd, SIGKILL, NULL, 0))
		kill(pid, SIGKILL);
	poll(&process, 1, STOP_MS);
	waitpid(pid, NULL, WNOHANG);
out:
	if (process.fd >= 0)
		close(process.fd);
}
