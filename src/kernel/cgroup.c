// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/cgroup.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Where the hierarchy is mounted: on hybrid systems not where one would think. */
static char *mount_find(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;
	char *found = NULL;

	while (mounts && !found && (mount = getmntent(mounts)))
		if (!strcmp(mount->mnt_type, "cgroup2"))
			found = xstrdup(mount->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return found;
}

static int fail_no_mount(void)
{
	fail("no cgroup2 file system is mounted");
	return fail_mend("mount -t cgroup2 none /sys/fs/cgroup");
}

char *cgroup_directory(const char *path)
{
	char *mount = mount_find(), *directory;

	if (!mount)
		return NULL;
	directory = xprintf("%s%s", mount, strcmp(path, "/") != 0 ? path : "");
	free(mount);
	return directory;
}

bool cgroup_is_below(const char *path, const char *ancestor)
{
	size_t length = strcmp(ancestor, "/") != 0 ? strlen(ancestor) : 0;

	return !strncmp(path, ancestor, length) && path[length] == '/' && path[length + 1];
}

static bool is_cgroup(const char *directory)
{
	struct statfs info;

	return !statfs(directory, &info) && info.f_type == CGROUP2_SUPER_MAGIC;
}

/* The canonical path below the mount, NULL when there is no such cgroup. */
static char *below_mount(const char *mount, const char *directory)
{
	char real[PATH_MAX];
	struct stat info;

	if (!realpath(directory, real) || stat(real, &info) || !S_ISDIR(info.st_mode) ||
	    !is_cgroup(real))
		return NULL;
	if (!strcmp(real, mount))
		return xstrdup("/");
	return cgroup_is_below(real, mount) ? xstrdup(real + strlen(mount)) : NULL;
}

int cgroup_find(const char *word, char **path)
{
	char *mount = *word ? mount_find() : NULL, *directory;

	if (!*word)
		return misuse("the path of a cgroup is missing");
	if (!mount)
		return fail_no_mount();
	*path = *word == '/' ? below_mount(mount, word) : NULL;
	if (!*path) {
		directory = xprintf("%s/%s", mount, word);
		*path = below_mount(mount, directory);
		free(directory);
	}
	if (!*path)
		fail("cgroup \"%s\" does not exist below %s", word, mount);
	free(mount);
	return *path ? 0 : FAILED;
}

int cgroup_of_process(const char *pid, char **path)
{
	char *file, line[PATH_MAX + 8], *end;
	unsigned long number = strtoul(pid, &end, 10);
	FILE *cgroups;

	*path = NULL;
	if (*pid < '0' || *pid > '9' || *end || !number || number > INT_MAX)
		return misuse("\"%s\" is not the number of a process", pid);
	file = xprintf("/proc/%lu/cgroup", number);
	cgroups = fopen(file, "re");
	free(file);
	if (!cgroups)
		return fail("process %s does not exist", pid);
	while (!*path && fgets(line, sizeof(line), cgroups)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::/", 4))
			*path = xstrdup(line + 3);
	}
	fclose(cgroups);
	if (!*path)
		return fail("process %s is in no cgroup of the second version", pid);
	if (!strstr(*path, "/.."))
		return 0;
	free(*path);
	*path = NULL;
	return fail("process %s is in a cgroup that cannot be seen from this namespace", pid);
}

/* The handle of a cgroup's directory is its id. */
uint64_t cgroup_id(const char *path)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} handle = {.handle.handle_bytes = sizeof(uint64_t)};
	char *directory = cgroup_directory(path);
	uint64_t id = 0;
	int mount;

	if (directory && is_cgroup(directory) &&
	    !name_to_handle_at(AT_FDCWD, directory, &handle.handle, &mount, 0))
		memcpy(&id, handle.handle.f_handle, sizeof(id));
	free(directory);
	return id;
}

static bool walk(const char *path, bool (*callback)(const char *path, void *data), void *data)
{
	char *directory = cgroup_directory(path), *below;
	DIR *entries = directory ? opendir(directory) : NULL;
	struct dirent *entry;
	bool done;

	free(directory);
	done = entries && callback(path, data);
	while (entries && !done && (entry = readdir(entries))) {
		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		below = xprintf("%s/%s", strcmp(path, "/") != 0 ? path : "", entry->d_name);
		done = walk(below, callback, data);
		free(below);
	}
	if (entries)
		closedir(entries);
	return done;
}

bool cgroup_walk(bool (*callback)(const char *path, void *data), void *data)
{
	return walk("/", callback, data);
}

struct search {
	uint64_t id;
	char *path;
};

static bool has_id(const char *path, void *data)
{
	struct search *search = data;

	if (cgroup_id(path) != search->id)
		return false;
	search->path = xstrdup(path);
	return true;
}

char *cgroup_path(uint64_t id)
{
	struct search search = {.id = id};

	cgroup_walk(has_id, &search);
	return search.path;
}
