// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "maps/map.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUND8(size) (((size) + 7) & ~(size_t)7)

bool map_holds_maps(const struct map *map)
{
	return map->info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
	       map->info.type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

bool map_holds_programs(const struct map *map)
{
	return map->info.type == BPF_MAP_TYPE_PROG_ARRAY;
}

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

/* Takes over `fd`. Reading types needs more privileges than maps do: without, bytes will do. */
static int map_make(int fd, const char *name, const char *pin, struct map **map)
{
	struct map *new = xalloc(sizeof(*new));
	__u32 size = sizeof(new->info);
	int error;

	new->fd = fd;
	error = bpf_obj_get_info_by_fd(fd, &new->info, &size);
	if (error) {
		fail("%s: %s", name, error == -EINVAL ? "not a BPF map" : strerror(-error));
		free(new);
		close(fd);
		return FAILED;
	}
	new->name = xstrdup(pin ? name : new->info.name);
	new->pin = pin ? xstrdup(pin) : NULL;
	if (new->info.btf_id)
		new->btf = btf__load_from_kernel_by_id(new->info.btf_id);
	new->per_cpu = is_per_cpu(new->info.type);
	new->cpus = new->per_cpu ? libbpf_num_possible_cpus() : 1;
	new->value_bytes =
	    new->per_cpu ? new->cpus *ROUND8(new->info.value_size) : new->info.value_size;
	*map = new;
	return 0;
}

void map_close(struct map *map)
{
	if (!map)
		return;
	btf__free(map->btf);
	close(map->fd);
	free(map->name);
	free(map->pin);
	free(map);
}

/* A pinned program or link opens as well; its information has another shape. */
static bool is_map(int fd)
{
	char path[32], target[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return true;
	target[length] = '\0';
	return strstr(target, "bpf-map") != NULL;
}

static int open_pin(const char *path, const char *name, struct map **map)
{
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	if (!is_map(fd)) {
		close(fd);
		return fail("%s is not a BPF map", path);
	}
	return map_make(fd, name, path, map);
}

static int refuse_open(const char *name, int error)
{
	if (error == -ENOENT)
		return fail("map \"%s\" does not exist", name);
	if (error == -EPERM)
		return fail("map \"%s\": not permitted (root or CAP_BPF is needed)", name);
	return fail("map \"%s\": %s", name,
		    error == -EACCES ? "access refused, or no object of BPF" : strerror(-error));
}

int map_open(const char *root, const char *name, struct map **map)
{
	char *ours = xprintf("%s/maps/%s", root, name);
	char *others = xprintf("/sys/fs/bpf/%s", name);
	const char *base = strrchr(name, '/');
	int error;

	for (char *at = ours + strlen(ours) - strlen(name); *at; at++)
		if (*at == '.')
			*at = ':'; /* as it is pinned */
	if (base) {
		error = open_pin(name, base + 1, map);
	} else {
		error = open_pin(ours, name, map);
		if (error == -ENOENT)
			error = open_pin(others, name, map);
	}
	if (error && error != FAILED) {
		bool unknown = error == -ENOENT && !base;

		error = refuse_open(name, error);
		if (unknown)
			fail_mend("npctl map list");
	}
	free(ours);
	free(others);
	return error;
}

int map_open_id(uint32_t id, struct map **map)
{
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0 && errno == ENOENT)
		return fail("there is no map with id %u", id);
	if (fd < 0)
		return fail("map id %u: %s", id, strerror(errno));
	return map_make(fd, "", NULL, map);
}

static int refuse_access(const struct map *map, const char *what, int error)
{
	switch (-error) {
	case ENOENT:
		return fail("map \"%s\" has no such key", map->name);
	case EEXIST:
		return fail("map \"%s\" has that key already", map->name);
	case E2BIG:
		return fail("map \"%s\" is full, or ends before that key (%u entries)", map->name,
			    map->info.max_entries);
	case ENOTSUP:
	case 524: /* the kernel's ENOTSUPP */
		return fail("%s map \"%s\": a map of type %s does not allow that", what, map->name,
			    libbpf_bpf_map_type_str(map->info.type));
	case EPERM:
		return fail("%s map \"%s\": not permitted, or the map is frozen", what, map->name);
	}
	return fail("%s map \"%s\": %s", what, map->name, strerror(-error));
}

static void show_step(const struct map *map, const char *verb)
{
	if (map->pin)
		step("bpftool map %s pinned %s", verb, map->pin);
	else
		step("bpftool map %s id %u", verb, map->info.id);
}

int map_lookup(const struct map *map, const void *key, void *value)
{
	show_step(map, "lookup");
	if (!bpf_map_lookup_elem(map->fd, key, value))
		return 0;
	return refuse_access(map, "read", -errno);
}

int map_update(const struct map *map, const void *key, const void *value, uint64_t flags)
{
	show_step(map, "update");
	if (!bpf_map_update_elem(map->fd, key, value, flags))
		return 0;
	if (errno == EINVAL && map_holds_maps(map))
		return fail("update map \"%s\": its inner maps are of another shape", map->name);
	return refuse_access(map, "update", -errno);
}

int map_delete(const struct map *map, const void *key)
{
	show_step(map, "delete");
	if (!bpf_map_delete_elem(map->fd, key))
		return 0;
	if (errno == EINVAL)
		return fail("delete from map \"%s\": the entries of an array cannot be deleted",
			    map->name);
	return refuse_access(map, "delete from", -errno);
}
