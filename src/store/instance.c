// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/instance.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "base/interrupt.h"
#include "kernel/verifier_log.h"
#include "store/documents.h"
#include "store/root.h"
#include "store/waiting.h"
#include "state.skel.h"
#include "kernel/privileges.h"
#include "store/agent_mark.h"

#define ABSENT 1    /* there is no instance, which need not be a mistake */
#define UNDECIDED 2 /* a change was taken back, and nobody has tidied up yet */

/* Who holds a lock on the directory, as "name (pid)"; NULL when nobody can tell. */
static char *lock_holder(int directory)
{
	unsigned long inode, major, minor;
	FILE *locks = fopen("/proc/locks", "re");
	char line[256], name[64] = "?";
	char *holder = NULL;
	struct stat info;
	int pid;

	if (!locks)
		return NULL;
	while (!fstat(directory, &info) && !holder && fgets(line, sizeof(line), locks)) {
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %lx:%lx:%lu", &pid, &major, &minor,
			   &inode) != 4)
			continue;
		if (inode == info.st_ino && makedev(major, minor) == info.st_dev) {
			char *path = xprintf("/proc/%d/comm", pid);
			FILE *comm = fopen(path, "re");

			if (comm && fscanf(comm, "%63[^\n]", name) != 1)
				strcpy(name, "?");
			if (comm)
				fclose(comm);
			free(path);
			holder = xprintf("%s (pid %d)", name, pid);
		}
	}
	fclose(locks);
	return holder;
}

static int fail_lock(const struct instance *instance)
{
	return fail("lock %s: %s", instance->root, strerror(interrupted ? EINTR : errno));
}

unsigned int instance_patience;

static int fail_busy(const struct instance *instance)
{
	char *holder = lock_holder(instance->lock);

	fail("%s is locked by %s for more than %u seconds", instance->root,
	     holder ? holder : "another npctl", instance_patience);
	free(holder);
	return BUSY;
}

static int wait_for_lock(struct instance *instance, int kind)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	char *holder;
	unsigned int tries;
	int error = 0;

	for (tries = 0; tries < 1000 * (instance_patience ? instance_patience : 1); tries++) {
		if (!flock(instance->lock, kind | LOCK_NB))
			return 0;
		if (interrupted || (errno != EWOULDBLOCK && errno != EINTR))
			return fail_lock(instance);
		nanosleep(&pause, NULL);
	}
	if (instance_patience)
		return fail_busy(instance);
	holder = lock_holder(instance->lock);
	warn("waiting for %s, which works on %s", holder ? holder : "another npctl",
	     instance->root);
	free(holder);
	interrupt_allow(true);
	while (!error && flock(instance->lock, kind))
		if (interrupted || errno != EINTR)
			error = fail_lock(instance);
	interrupt_allow(false);
	return error;
}

/* Readers do not wait for a writer, who may be at work for seconds. */
static int take_lock(struct instance *instance)
{
	if (instance->writable) {
		instance->locked = true;
		return wait_for_lock(instance, LOCK_EX);
	}
	instance->locked = !flock(instance->lock, LOCK_SH | LOCK_NB);
	return 0;
}

static int read_documents(struct instance *instance)
{
	int error = 0;

	if (!instance->locked && documents_snapshot(instance))
		return 0;
	if (!instance->locked)
		error = wait_for_lock(instance, LOCK_SH);
	return error ? error : documents_open(instance);
}

/* False when the directory was removed while we waited for it. */
static bool still_there(const struct instance *instance)
{
	struct stat ours, now;

	return !fstat(instance->lock, &ours) && !stat(instance->root, &now) &&
	       ours.st_ino == now.st_ino && ours.st_dev == now.st_dev;
}

static int lock_root(struct instance *instance, enum access access, bool *made)
{
	int error;

	for (;;) {
		error = access == ACCESS_CREATE ? root_make(instance->root, made) : 0;
		if (error)
			return error;
		instance->lock = open(instance->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (instance->lock < 0 && errno == ENOENT && access != ACCESS_CREATE)
			return ABSENT;
		if (instance->lock < 0)
			return root_fail(instance->root);
		if (root_check(instance->root, instance->writable && access != ACCESS_REMOVE))
			return FAILED;
		error = take_lock(instance);
		if (error || still_there(instance))
			return error;
		close(instance->lock);
		instance->lock = -1;
	}
}

struct shape {
	const char *name;
	__u32 type, key, value;
};

static const struct shape settings_shape = {"settings", BPF_MAP_TYPE_ARRAY, sizeof(__u32),
					    sizeof(struct settings)};
static const struct shape documents_shape = {
    "documents", BPF_MAP_TYPE_HASH, sizeof(struct document_key), sizeof(struct document_part)};

/* The pinned map, if it has the shape that this version gives it; -ENOENT when there is none. */
static int open_state(const struct instance *instance, const struct shape *shape)
{
	char *path = instance_path(instance, "maps", shape->name);
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd;

	fd = bpf_obj_get(path);
	if (fd < 0) {
		fd = errno == ENOENT ? -ENOENT : root_fail(path);
	} else if (bpf_obj_get_info_by_fd(fd, &info, &size) || info.type != shape->type ||
		   info.key_size != shape->key || info.value_size != shape->value) {
		close(fd);
		fd = fail("%s is of another version of npctl", path);
		instance_mend(instance, "load --unload");
	}
	free(path);
	return fd;
}

/* Those of the two maps that are missing, and both descriptors. */
static int make_states(struct instance *instance, int *settings)
{
	char *pins = xprintf("%s/maps", instance->root);
	LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = pins);
	struct state_bpf *state = NULL;
	int error;

	error = instance_folder(instance, "maps");
	if (error)
		goto out;
	step("bpftool map create %s/settings type array key 4 value %zu entries 1 "
	     "name settings flags 0x400",
	     pins, sizeof(struct settings));
	step("bpftool map create %s/documents type hash key 8 value %zu entries 65536 "
	     "name documents flags 1",
	     pins, sizeof(struct document_part));
	state = state_bpf__open_opts(&options);
	error = state ? state_bpf__load(state) : -errno;
	if (error == -EPERM || error == -EACCES)
		error = fail_privileges("make BPF maps");
	else if (error)
		error =
		    fail("make the maps settings and documents in %s: %s", pins, strerror(-error));
	if (error)
		goto out;
	if (*settings < 0)
		*settings = fcntl(bpf_map__fd(state->maps.settings), F_DUPFD_CLOEXEC, 0);
	if (instance->documents < 0)
		instance->documents = fcntl(bpf_map__fd(state->maps.documents), F_DUPFD_CLOEXEC, 0);
out:
	state_bpf__destroy(state);
	free(pins);
	return error;
}

static int map_settings(struct instance *instance, int fd, bool create)
{
	int protection = PROT_READ | (instance->writable ? PROT_WRITE : 0);
	void *memory = mmap(NULL, sizeof(struct settings), protection, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return fail("map %s/maps/settings: %s", instance->root, strerror(errno));
	instance->settings = memory;
	if (create && !instance->settings->abi)
		instance->settings->abi = NPCTL_ABI;
	if (!instance->settings->abi)
		return ABSENT;
	if (instance->settings->abi == NPCTL_ABI)
		return 0;
	fail("%s is of another version of npctl (format %u, not %u)", instance->root,
	     instance->settings->abi, NPCTL_ABI);
	return instance_mend(instance, "load --unload");
}

/* Whoever changes anything overwrites what would come back. */
static int decide_waiting(struct instance *instance, enum access access)
{
	struct settings *settings = instance->settings;
	double left;

	if (waiting_is_over(settings)) {
		warn("a change was not confirmed in time: what was before is in force again");
	} else if (waiting_is(settings, &left) && access != ACCESS_REMOVE) {
		if (access == ACCESS_DECIDE)
			return 0;
		return fail("a change waits to be confirmed, %.0f seconds yet: npctl confirm keeps "
			    "it, npctl policy rollback takes it back",
			    left);
	}
	waiting_take_back(settings);
	return 0;
}

/* What is of no use stays closed, so that nobody takes it for an instance. */
static void close_states(struct instance *instance)
{
	documents_release(instance);
	if (instance->settings)
		munmap(instance->settings, sizeof(struct settings));
	if (instance->documents >= 0)
		close(instance->documents);
	instance->settings = NULL;
	instance->documents = -1;
}

static int open_states(struct instance *instance, enum access access)
{
	bool create = access == ACCESS_CREATE;
	int settings = open_state(instance, &settings_shape);
	int error = 0;

	instance->documents = open_state(instance, &documents_shape);
	if (settings == FAILED || instance->documents == FAILED)
		error = FAILED;
	else if (settings < 0 || instance->documents < 0)
		error = create ? make_states(instance, &settings) : ABSENT;
	if (!error)
		error = map_settings(instance, settings, create);
	if (!error && instance->writable)
		error = decide_waiting(instance, access);
	else if (!error && waiting_is_over(instance->settings))
		error = UNDECIDED;
	if (!error)
		error = read_documents(instance);
	if (settings >= 0)
		close(settings);
	return error;
}

/* Says whether it is gone. */
static bool remove_folder(const struct instance *instance, const char *name)
{
	char *path = xprintf("%s%s", instance->root, name);
	bool done = !rmdir(path), gone = done || errno == ENOENT;

	if (done)
		step("rmdir %s", path);
	free(path);
	return gone;
}

static int open_new(struct instance **instance, const char *root, enum access access)
{
	bool optional = access == ACCESS_TRY || access == ACCESS_REMOVE;
	bool reads = access == ACCESS_TRY || access == ACCESS_READ, made = false;
	struct instance *new = xalloc(sizeof(*new));
	int error;

	libbpf_listen();
	*instance = NULL;
	new->root = xstrdup(root);
	new->lock = new->documents = -1;
	new->writable = !reads;
	error = lock_root(new, access, &made);
	if (!error) {
		error = open_states(new, access);
		if (error && access == ACCESS_REMOVE) {
			close_states(new);
			failure_clear();
			error = 0;
		}
	}
	if (error && new->locked && access == ACCESS_CREATE) {
		remove_folder(new, "/maps");
		if (made)
			remove_folder(new, "");
	}
	if (error == ABSENT && !optional) {
		error = fail("there is no npctl instance at %s", root);
		instance_mend(new, "load");
	}
	if (!error)
		*instance = new;
	else
		instance_close(new);
	return error == ABSENT ? 0 : error;
}

/* Those who only read have a writer tidy up first. */
static int open_decided(struct instance **instance, const char *root, enum access access)
{
	struct instance *writer;
	int error = open_new(instance, root, access);

	if (error != UNDECIDED)
		return error;
	error = open_new(&writer, root, ACCESS_DECIDE);
	if (!error)
		instance_close(writer);
	return error ? error : open_new(instance, root, access);
}

static struct {
	const char *root; /* NULL: nothing is held */
	struct instance *instance;
} held;

void instance_hold(const char *root)
{
	held.root = root;
}

bool instance_holds(void)
{
	return held.root != NULL;
}

struct instance *instance_release(void)
{
	struct instance *instance = held.instance;

	held.root = NULL;
	held.instance = NULL;
	if (instance)
		instance->held = false;
	return instance;
}

int (*instance_opened)(struct instance *instance);

int instance_open(struct instance **instance, const char *root, enum access access)
{
	bool holds = held.root && !strcmp(root, held.root);
	int error;

	if (holds && held.instance) {
		*instance = held.instance;
		return 0;
	}
	error = open_decided(instance, root, access);
	if (!error && instance_opened && (*instance)->writable) {
		error = instance_opened(*instance);
		if (error)
			instance_close(*instance);
	}
	if (!error && holds && (*instance)->writable) {
		held.instance = *instance;
		held.instance->held = true;
	}
	return error;
}

void instance_unlock(struct instance *instance)
{
	flock(instance->lock, LOCK_UN);
}

void instance_close(struct instance *instance)
{
	if (!instance || instance->held)
		return;
	close_states(instance);
	if (instance->lock >= 0)
		close(instance->lock);
	free(instance->root);
	free(instance);
}

bool instance_loaded(const struct instance *instance)
{
	char *path = instance_path(instance, "maps", "subjects");
	bool loaded = !access(path, F_OK);

	free(path);
	return loaded;
}

int instance_map(const struct instance *instance, const char *name)
{
	char *path = instance_path(instance, "maps", name);
	int fd = bpf_obj_get(path);

	if (fd < 0 && errno == ENOENT) {
		fd = fail("the datapath is not loaded (%s is missing)", path);
		instance_mend(instance, "load");
	} else if (fd < 0) {
		fd = root_fail(path);
	}
	free(path);
	return fd;
}

static void remove_file(const struct instance *instance, const char *name)
{
	char *path = xprintf("%s/%s", instance->root, name);

	if (!unlink(path))
		step("rm %s", path);
	free(path);
}

void instance_remove_if_empty(struct instance *instance)
{
	bool programs = !remove_folder(instance, "/progs");
	bool links = !remove_folder(instance, "/links");
	char *records;

	if (programs || links || instance_agent_runs(instance) ||
	    (instance->settings && (instance_loaded(instance) || document_count(instance))))
		return;
	records = instance_path(instance, "maps", "records");
	tree_remove(records);
	free(records);
	remove_file(instance, "maps/settings");
	remove_file(instance, "maps/documents");
	remove_folder(instance, "/agent");
	remove_folder(instance, "/maps");
	remove_folder(instance, "");
}
