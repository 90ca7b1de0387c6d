/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/test/room.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/base.h"

#define SPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID)

struct outcome {
	int result;
	char failure[1024], mend[512];
};

void *room_memory(size_t size)
{
	void *memory =
	    mmap(NULL, size ? size : 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		fail("no memory for %zu bytes", size);
		return NULL;
	}
	return memory;
}

void room_memory_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size ? size : 1);
}

static int mount_at(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL))
		return fail("mount %s on %s: %s", type, where, strerror(errno));
	return 0;
}

static int furnish(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return fail("mounts cannot be kept apart: %s", strerror(errno));
	if (mount_at("proc", "/proc") || mount_at("bpf", "/sys/fs/bpf"))
		return FAILED;
	return mount_at("tmpfs", "/run/netns");
}

/* The first process of the room: with it, all others end. */
static void be_first(struct outcome *outcome, int (*work)(void *, void *), void *shared, void *data)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	outcome->result = furnish();
	if (!outcome->result)
		outcome->result = work(shared, data);
	snprintf(outcome->failure, sizeof(outcome->failure), "%s", failure());
	snprintf(outcome->mend, sizeof(outcome->mend), "%s", failure_mend());
	fflush(stderr);
	_exit(0);
}

/* Spaces are left by a child, so that the caller stays where it is. */
static void enter(struct outcome *outcome, int (*work)(void *, void *), void *shared, void *data)
{
	pid_t first;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(SPACES)) {
		snprintf(outcome->failure, sizeof(outcome->failure),
			 "namespaces cannot be made: %s", strerror(errno));
		_exit(0);
	}
	first = fork();
	if (first == 0)
		be_first(outcome, work, shared, data);
	while (first > 0 && waitpid(first, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

int room_run(int (*work)(void *shared, void *data), void *shared, void *data)
{
	struct outcome *outcome = room_memory(sizeof(*outcome));
	pid_t child;
	int result;

	if (!outcome)
		return FAILED;
	outcome->result = FAILED;
	strcpy(outcome->failure, "the process that was to do it has died");
	fflush(stdout);
	child = fork();
	if (child == 0)
		enter(outcome, work, shared, data);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	result = outcome->result;
	if (result)
		fail("%s", outcome->failure);
	if (result && *outcome->mend)
		fail_mend("%s", outcome->mend);
	room_memory_free(outcome, sizeof(*outcome));
	return result;
}
