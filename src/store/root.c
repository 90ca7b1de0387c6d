// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/root.h"
#include <errno.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "kernel/privileges.h"
#include "store/instance.h"

#define BPFFS "/sys/fs/bpf"

int instance_mend(const struct instance *instance, const char *words)
{
	if (!strcmp(instance->root, DEFAULT_ROOT))
		return fail_mend("npctl %s", words);
	return fail_mend("npctl --root %s %s", instance->root, words);
}

char *instance_path(const struct instance *instance, const char *folder, const char *name)
{
	char *path = xprintf("%s/%s/%s", instance->root, folder, name);
	char *letter = path + strlen(path) - strlen(name);

	for (; *letter; letter++)
		if (*letter == '.')
			*letter = ':';
	return path;
}

static bool is_bpffs(const char *path)
{
	struct statfs info;

	return !statfs(path, &info) && info.f_type == BPF_FS_MAGIC;
}

int root_fail(const char *path)
{
	if (errno == EACCES || errno == EPERM)
		return fail_privileges(path);
	return fail("%s: %s", path, strerror(errno));
}

static int fail_no_bpffs(const char *path)
{
	fail("%s is not on a BPF file system", path);
	return fail_mend("mount -t bpf -o mode=700 bpf %s", path);
}

static int make_folder(const char *path)
{
	struct stat info;

	if (!stat(path, &info))
		return 0;
	step("mkdir %s", path);
	if (mkdir(path, 0700) && errno != EEXIST)
		return root_fail(path);
	return 0;
}

int instance_folder(const struct instance *instance, const char *folder)
{
	char *path = xprintf("%s/%s", instance->root, folder);
	int error = make_folder(path);

	free(path);
	return error;
}

/* The bpffs that every distribution has there, where no init system mounted it. */
static int mount_default(void)
{
	step("mount -t bpf bpf %s", BPFFS);
	if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return root_fail("mount a BPF file system at " BPFFS);
	return 0;
}

/* Whoever else may write there could put anything in the place of what is enforced. */
static int check_owner(const char *root)
{
	struct stat info;

	if (stat(root, &info))
		return 0;
	if (info.st_uid != geteuid() && info.st_uid != 0) {
		fail("%s belongs to user %u: who owns it can end all policy", root, info.st_uid);
		return fail_mend("rmdir %s, or chown it", root);
	}
	if (info.st_mode & (S_IWGRP | S_IWOTH)) {
		fail("%s may be written by others, who could end all policy", root);
		return fail_mend("chmod go-w %s", root);
	}
	return 0;
}

int root_check(const char *root, bool owner)
{
	if (!is_bpffs(root))
		return fail_no_bpffs(root);
	return owner ? check_owner(root) : 0;
}

int root_make(const char *root, bool *made)
{
	char *copy = xstrdup(root), *parent = dirname(copy);
	struct stat info;
	int error = 0;

	if (!stat(root, &info))
		goto out;
	if (errno != ENOENT || stat(parent, &info)) {
		error = root_fail(errno == ENOENT ? parent : root);
		goto out;
	}
	if (!is_bpffs(parent)) {
		error = strcmp(parent, BPFFS) ? fail_no_bpffs(parent) : mount_default();
		if (error)
			goto out;
	}
	error = make_folder(root);
	*made = !error;
out:
	free(copy);
	return error;
}
