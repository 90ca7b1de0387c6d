// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Walking a map: hashes change under the walker, so they are read bucket by bucket. */
#include "maps/map.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENOTSUPP 524

static bool is_hash(const struct map *map)
{
	switch (map->info.type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return true;
	}
	return false;
}

static int each_one(const struct map *map, map_callback *callback, void *data)
{
	void *key = xalloc(map->info.key_size), *next = xalloc(map->info.key_size);
	void *value = xalloc(map->value_bytes);
	uint32_t left = map->info.max_entries;
	bool first = true;
	int error = 0;

	/* A key that was deleted meanwhile sends the walk back to its start: it has to end. */
	while (!error && left-- && !bpf_map_get_next_key(map->fd, first ? NULL : key, next)) {
		first = false;
		memcpy(key, next, map->info.key_size);
		if (!bpf_map_lookup_elem(map->fd, key, value))
			error = callback(map, key, value, data);
	}
	if (first && left == map->info.max_entries && errno != ENOENT)
		error = fail("read map \"%s\": %s", map->name, strerror(errno));
	free(key);
	free(next);
	free(value);
	return error;
}

struct batch {
	char *keys, *values;
	uint32_t room, count;
	uint32_t place; /* the bucket to go on from */
	bool begun;
};

static void batch_grow(const struct map *map, struct batch *batch)
{
	batch->room *= 2;
	batch->keys = xrealloc(batch->keys, (size_t)batch->room * map->info.key_size);
	batch->values = xrealloc(batch->values, (size_t)batch->room * map->value_bytes);
}

/* 0, -ENOENT when these were the last, or another errno. */
static int batch_read(const struct map *map, struct batch *batch)
{
	uint32_t next;
	int error;

	do {
		batch->count = batch->room;
		error = bpf_map_lookup_batch(map->fd, batch->begun ? &batch->place : NULL, &next,
					     batch->keys, batch->values, &batch->count, NULL);
		if (error == -ENOSPC) /* the bucket is larger than our room */
			batch_grow(map, batch);
	} while (error == -ENOSPC || error == -EINTR);
	batch->place = next;
	batch->begun = true;
	return error;
}

static int each_batch(const struct map *map, map_callback *callback, void *data)
{
	struct batch batch = {.room = 512};
	int error, result = 0;

	batch_grow(map, &batch);
	do {
		error = batch_read(map, &batch);
		if (error && error != -ENOENT) {
			result = error;
			break;
		}
		for (uint32_t i = 0; i < batch.count && !result; i++)
			result = callback(map, batch.keys + (size_t)i * map->info.key_size,
					  batch.values + i * map->value_bytes, data);
	} while (!error && !result);
	free(batch.keys);
	free(batch.values);
	return result;
}

int map_each(const struct map *map, map_callback *callback, void *data)
{
	int error;

	if (!map->info.key_size)
		return fail("map \"%s\" is a %s: it holds no entries to list", map->name,
			    libbpf_bpf_map_type_str(map->info.type));
	if (!is_hash(map))
		return each_one(map, callback, data);
	error = each_batch(map, callback, data);
	if (error == -EINVAL || error == -ENOTSUPP)
		return each_one(map, callback, data);
	if (error < REPORTED)
		return fail("read map \"%s\": %s", map->name, strerror(-error));
	return error;
}
