// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/netns.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/base.h"

#define SELF "/proc/thread-self/ns/net"

static char *path_of(const char *netns)
{
	if (strchr(netns, '/'))
		return xstrdup(netns);
	return xprintf("%s/%s", NETNS_FOLDER, netns);
}

int netns_open(const char *netns)
{
	char *path = path_of(netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("network namespace %s: %s", netns,
		     errno == ENOENT ? "does not exist" : strerror(errno));
	free(path);
	return fd < 0 ? FAILED : fd;
}

int netns_enter(const char *netns)
{
	int fd = netns_open(netns), error = 0;

	if (fd < 0)
		return FAILED;
	if (setns(fd, CLONE_NEWNET))
		error = fail("enter network namespace %s: %s", netns, strerror(errno));
	close(fd);
	return error;
}

/* Only one thread runs at a time: the other waits for it. */
struct visit {
	const char *netns;
	int (*begin)(const char *netns);
	int (*work)(void *data);
	void *data;
	int (*end)(const char *netns);
	int result;
};

static void *visit_thread(void *data)
{
	struct visit *visit = data;

	visit->result = visit->begin(visit->netns);
	if (!visit->result && visit->work)
		visit->result = visit->work(visit->data);
	if (!visit->result && visit->end)
		visit->result = visit->end(visit->netns);
	return NULL;
}

static int visit_run(struct visit *visit)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, visit_thread, visit);

	if (error)
		return fail("start a thread for %s: %s", visit->netns, strerror(error));
	pthread_join(thread, NULL);
	return visit->result;
}

int netns_run(const char *netns, int (*work)(void *data), void *data)
{
	struct visit visit = {.netns = netns, .begin = netns_enter, .work = work, .data = data};

	return visit_run(&visit);
}

/*
 * The folder becomes a shared mount point of its own, as ip-netns makes it, so
 * that names appear in mount namespaces that are made later.
 */
static int make_folder(void)
{
	if (mkdir(NETNS_FOLDER, 0755) && errno != EEXIST)
		return fail("make %s: %s", NETNS_FOLDER, strerror(errno));
	if (!mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL))
		return 0;
	if (errno != EINVAL)
		return fail("share the mounts in %s: %s", NETNS_FOLDER, strerror(errno));
	if (mount(NETNS_FOLDER, NETNS_FOLDER, "none", MS_BIND | MS_REC, NULL) ||
	    mount("", NETNS_FOLDER, "none", MS_SHARED | MS_REC, NULL))
		return fail("mount %s: %s", NETNS_FOLDER, strerror(errno));
	return 0;
}

static int leave(const char *netns)
{
	if (!unshare(CLONE_NEWNET))
		return 0;
	return fail("make network namespace %s: %s", netns, strerror(errno));
}

static int name_it(const char *netns)
{
	char *path = path_of(netns);
	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0), error = 0;

	if (fd < 0) {
		error = fail("make network namespace %s: %s", netns, strerror(errno));
		goto out;
	}
	close(fd);
	if (mount(SELF, path, "none", MS_BIND, NULL)) {
		error = fail("mount network namespace %s: %s", netns, strerror(errno));
		unlink(path);
	}
out:
	free(path);
	return error;
}

int netns_make(const char *netns, int (*prepare)(void *data), void *data)
{
	struct visit visit = {
	    .netns = netns, .begin = leave, .work = prepare, .data = data, .end = name_it};

	step("ip netns add %s", netns);
	if (make_folder())
		return FAILED;
	return visit_run(&visit);
}

int netns_remove(const char *netns)
{
	char *path = path_of(netns);
	int error = 0;

	step("ip netns del %s", netns);
	if (umount2(path, MNT_DETACH) && errno != EINVAL && errno != ENOENT)
		error = fail("unmount network namespace %s: %s", netns, strerror(errno));
	else if (unlink(path) && errno != ENOENT)
		error = fail("remove network namespace %s: %s", netns, strerror(errno));
	free(path);
	return error;
}

bool netns_exists(const char *netns)
{
	char *path = path_of(netns);
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

unsigned int netns_number(const char *netns)
{
	char *path = path_of(netns);
	struct statfs system;
	struct stat file;
	bool is = !statfs(path, &system) && system.f_type == NSFS_MAGIC && !stat(path, &file);

	free(path);
	return is ? (unsigned int)file.st_ino : 0;
}

bool netns_is_hollow(const char *netns)
{
	char *path = path_of(netns);
	struct statfs system;
	struct stat file;
	bool hollow = !statfs(path, &system) && system.f_type != NSFS_MAGIC && !stat(path, &file) &&
		      S_ISREG(file.st_mode) && file.st_size == 0;

	free(path);
	return hollow;
}
