// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/pins.h"
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool pin_exists(const struct instance *instance, const char *folder, const char *name)
{
	char *path = instance_path(instance, folder, name);
	bool exists = !access(path, F_OK);

	free(path);
	return exists;
}

static uint32_t pin_info(const struct instance *instance, const char *folder, const char *name,
			 void *info, __u32 size, const __u32 *id)
{
	char *path = instance_path(instance, folder, name);
	int fd = bpf_obj_get(path);
	bool known = fd >= 0 && !bpf_obj_get_info_by_fd(fd, info, &size);

	if (fd >= 0)
		close(fd);
	free(path);
	return known ? *id : 0;
}

uint32_t program_pin_id(const struct instance *instance, const char *name)
{
	struct bpf_prog_info info = {};

	return pin_info(instance, "progs", name, &info, sizeof(info), &info.id);
}

uint32_t map_pin_id(const struct instance *instance, const char *name)
{
	struct bpf_map_info info = {};

	return pin_info(instance, "maps", name, &info, sizeof(info), &info.id);
}

int pin_replace(const struct instance *instance, const char *folder, const char *name, int fd)
{
	char *path = instance_path(instance, folder, name);
	char *beside = xprintf("%s:new", path);
	int error;

	error = instance_folder(instance, folder);
	if (!error) {
		unlink(beside); /* of a run that was killed */
		if (bpf_obj_pin(fd, beside) || rename(beside, path))
			error = fail("pin %s: %s", path, strerror(errno));
	}
	if (error)
		unlink(beside);
	free(beside);
	free(path);
	return error;
}

static int file_remove(const char *path)
{
	if (!access(path, F_OK))
		step("rm %s", path);
	return unlink(path) && errno != ENOENT ? fail("remove %s: %s", path, strerror(errno)) : 0;
}

int link_pin_remove(const char *path)
{
	int link = bpf_obj_get(path);

	if (link >= 0) {
		step("bpftool link detach pinned %s", path);
		bpf_link_detach(link);
		close(link);
	}
	return file_remove(path);
}

int pin_remove(const struct instance *instance, const char *folder, const char *name)
{
	char *path = instance_path(instance, folder, name);
	int error = strcmp(folder, "links") ? file_remove(path) : link_pin_remove(path);

	free(path);
	return error;
}

int pins_each(const struct instance *instance, const char *folder,
	      int (*callback)(const char *name, void *data), void *data)
{
	char *path = xprintf("%s/%s", instance->root, folder);
	struct dirent **entries = NULL;
	int i, error = 0, count = scandir(path, &entries, NULL, alphasort);

	if (count < 0 && errno != ENOENT)
		error = fail("read %s: %s", path, strerror(errno));
	for (i = 0; i < count; i++) {
		if (entries[i]->d_type != DT_DIR && !error)
			error = callback(entries[i]->d_name, data);
		free(entries[i]);
	}
	free(entries);
	free(path);
	return error;
}

struct removal {
	const struct instance *instance;
	const char *folder;
	bool (*chosen)(const char *name);
};

static int remove_chosen(const char *name, void *data)
{
	const struct removal *removal = data;

	if (removal->chosen && !removal->chosen(name))
		return 0;
	return pin_remove(removal->instance, removal->folder, name);
}

int pins_remove(const struct instance *instance, const char *folder,
		bool (*chosen)(const char *name))
{
	struct removal removal = {instance, folder, chosen};

	return pins_each(instance, folder, remove_chosen, &removal);
}
