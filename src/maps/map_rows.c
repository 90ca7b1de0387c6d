// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a map is: type, sizes, how full, how much memory. */
#include "maps/map.h"
#include "maps/btf_text.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t own_memory(const struct map *map)
{
	unsigned long long bytes = 0;
	char path[40], line[128];
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", map->fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "memlock: %llu", &bytes) == 1)
			break;
	if (info)
		fclose(info);
	return bytes;
}

static int add_inner(const struct map *map, const void *key, const void *value, void *data)
{
	uint64_t *bytes = data;
	struct map *inner;

	(void)map;
	(void)key;
	if (!map_open_id(*(const uint32_t *)value, &inner)) {
		*bytes += own_memory(inner);
		map_close(inner);
	}
	return 0;
}

/* With what its inner maps take. */
static uint64_t memory(const struct map *map)
{
	uint64_t bytes = own_memory(map);

	if (map_holds_maps(map))
		map_each(map, add_inner, &bytes);
	return bytes;
}

static int count_entry(const struct map *map, const void *key, const void *value, void *data)
{
	(void)map;
	(void)key;
	(void)value;
	++*(uint64_t *)data;
	return 0;
}

/* -1 when the map has no entries that could be counted. */
static int64_t entries(const struct map *map)
{
	uint64_t count = 0;

	switch (map->info.type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return map->info.max_entries; /* all of them always exist */
	}
	if (!map->info.key_size || map_each(map, count_entry, &count)) {
		failure_clear();
		return -1;
	}
	return (int64_t)count;
}

json_t *map_row(const struct map *map)
{
	const char *type = libbpf_bpf_map_type_str(map->info.type);
	int64_t count = entries(map);
	json_t *row = json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", map->name, "type",
				type ? type : "unknown", "id", (json_int_t)map->info.id,
				"key_bytes", (json_int_t)map->info.key_size, "value_bytes",
				(json_int_t)map->info.value_size);

	json_object_set_new(row, "entries", count < 0 ? json_null() : json_integer(count));
	json_object_set_new(row, "max_entries", json_integer(map->info.max_entries));
	json_object_set_new(row, "memory_bytes", json_integer((json_int_t)memory(map)));
	if (map->pin)
		json_object_set_new(row, "pin", json_string(map->pin));
	return row;
}

static json_t *flags_json(uint32_t flags)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} words[] = {
	    {BPF_F_NO_PREALLOC, "no_prealloc"},
	    {BPF_F_NO_COMMON_LRU, "no_common_lru"},
	    {BPF_F_NUMA_NODE, "numa_node"},
	    {BPF_F_RDONLY, "rdonly"},
	    {BPF_F_WRONLY, "wronly"},
	    {BPF_F_RDONLY_PROG, "rdonly_prog"},
	    {BPF_F_WRONLY_PROG, "wronly_prog"},
	    {BPF_F_MMAPABLE, "mmapable"},
	    {BPF_F_PRESERVE_ELEMS, "preserve_elems"},
	    {BPF_F_INNER_MAP, "inner_map"},
	};
	json_t *array = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (flags & words[i].flag)
			json_array_append_new(array, json_string(words[i].word));
	return array;
}

static void set_type(const struct map *map, json_t *row, const char *name, uint32_t type)
{
	char *text;

	if (!map->btf || !type)
		return;
	text = btf_type_text(map->btf, type);
	json_object_set_new(row, name, json_string(text));
	free(text);
}

json_t *map_details(const struct map *map)
{
	json_t *row = map_row(map);

	json_object_set_new(row, "flags", flags_json(map->info.map_flags));
	set_type(map, row, "key_type", map->info.btf_key_type_id);
	set_type(map, row, "value_type", map->info.btf_value_type_id);
	return row;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int map_rows(const char *root, json_t **rows)
{
	char *folder = xprintf("%s/maps", root);
	struct dirent **names = NULL;
	int count = scandir(folder, &names, is_visible, alphasort), error = 0;

	*rows = json_array();
	if (count < 0 && errno != ENOENT)
		error = fail("%s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *path = xprintf("%s/%s", folder, names[i]->d_name);
		struct map *map;

		/* one that went away meanwhile is none */
		if (!map_open(root, path, &map)) {
			json_array_append_new(*rows, map_row(map));
			map_close(map);
		}
		free(path);
		free(names[i]);
	}
	free(names);
	free(folder);
	return error;
}
