/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any BPF map, with what is known of its types: kernel/map_*.c and `npctl map`. */
#ifndef NPCTL_MAPS_MAP_H
#define NPCTL_MAPS_MAP_H

#include <bpf/btf.h>
#include <jansson.h>
#include <linux/bpf.h>
#include "base/base.h"

struct map {
	int fd;
	char *name; /* of the pin, or else the kernel's */
	char *pin;  /* NULL when opened by id */
	struct bpf_map_info info;
	struct btf *btf; /* NULL: the map has no types, its bytes are shown */
	bool per_cpu;
	unsigned int cpus;  /* values in one entry: the processors, 1 for an ordinary map */
	size_t value_bytes; /* of a whole entry, all processors */
};

/* `name`: of a pin of the instance at `root` or right under /sys/fs/bpf, or a path. */
int map_open(const char *root, const char *name, struct map **map);
int map_open_id(uint32_t id, struct map **map);
void map_close(struct map *map);

/* One row for each map pinned in the instance, sorted by name; empty when there is none. */
int map_rows(const char *root, json_t **rows);
/* {"name", "type", "id", "key_bytes", "value_bytes", "entries", "max_entries", "memory_bytes",
 * "pin"} */
json_t *map_row(const struct map *map);
/* The row with flags, types, inner maps. */
json_t *map_details(const struct map *map);

/* Calls back for every entry until one returns other than 0, and returns that. */
typedef int map_callback(const struct map *map, const void *key, const void *value, void *data);
int map_each(const struct map *map, map_callback *callback, void *data);

/* {"key", "value"} and, where each processor has its own, the values by "cpus" beside the sum. */
json_t *map_entry(const struct map *map, const void *key, const void *value);

/*
 * Bytes from the words of a command line: JSON, a number, an address, a name,
 * "hex 0a 00 …" or bpftool's bytes. Freed by the caller; NULL after fail().
 */
void *map_key_parse(const struct map *map, char *const words[], int count);
void *map_value_parse(const struct map *map, char *const words[], int count);

/* `value` gets map->value_bytes. */
int map_lookup(const struct map *map, const void *key, void *value);
/* `flags` BPF_ANY, BPF_NOEXIST, BPF_EXIST; `value` as map_value_parse() made it. */
int map_update(const struct map *map, const void *key, const void *value, uint64_t flags);
int map_delete(const struct map *map, const void *key);

bool map_holds_maps(const struct map *map);
bool map_holds_programs(const struct map *map);

#endif
