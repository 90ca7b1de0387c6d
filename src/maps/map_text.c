// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Keys and values of a map as JSON, and from the words of a command line. */
#include "maps/map.h"
#include "maps/btf_text.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUND8(size) (((size) + 7) & ~(size_t)7)

static bool is_array(const struct map *map)
{
	switch (map->info.type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_PROG_ARRAY:
	case BPF_MAP_TYPE_PERF_EVENT_ARRAY:
	case BPF_MAP_TYPE_CGROUP_ARRAY:
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
	case BPF_MAP_TYPE_DEVMAP:
	case BPF_MAP_TYPE_CPUMAP:
	case BPF_MAP_TYPE_XSKMAP:
	case BPF_MAP_TYPE_SOCKMAP:
		return true;
	}
	return false;
}

static json_t *bytes_json(const void *data, size_t size)
{
	char *text = hex_text(data, size);
	json_t *value = json_string(text);

	free(text);
	return value;
}

static json_t *key_json(const struct map *map, const void *key)
{
	if (map->btf && map->info.btf_key_type_id)
		return btf_json(map->btf, map->info.btf_key_type_id, key);
	if (is_array(map))
		return json_integer(*(const uint32_t *)key);
	return bytes_json(key, map->info.key_size);
}

static json_t *value_json(const struct map *map, const void *value)
{
	if (map_holds_maps(map))
		return json_pack("{s:I}", "map_id", (json_int_t) * (const uint32_t *)value);
	if (map_holds_programs(map))
		return json_pack("{s:I}", "program_id", (json_int_t) * (const uint32_t *)value);
	if (map->btf && map->info.btf_value_type_id)
		return btf_json(map->btf, map->info.btf_value_type_id, value);
	return bytes_json(value, map->info.value_size);
}

/* The sum stands where other maps have the value; bytes cannot be summed. */
static void set_per_cpu(const struct map *map, const char *value, json_t *entry)
{
	json_t *cpus = json_array(), *sum = NULL, *longer;
	size_t stride = ROUND8(map->info.value_size);

	for (unsigned int cpu = 0; cpu < map->cpus; cpu++) {
		json_t *one = value_json(map, value + cpu * stride);

		longer = sum ? json_sum(sum, one) : json_deep_copy(one);
		json_decref(sum);
		sum = longer;
		json_array_append_new(cpus, one);
	}
	if (map->btf && map->info.btf_value_type_id)
		json_object_set(entry, "value", sum);
	json_decref(sum);
	json_object_set_new(entry, "cpus", cpus);
}

json_t *map_entry(const struct map *map, const void *key, const void *value)
{
	json_t *entry = json_object();

	json_object_set_new(entry, "key", key_json(map, key));
	if (map->per_cpu)
		set_per_cpu(map, value, entry);
	else
		json_object_set_new(entry, "value", value_json(map, value));
	return entry;
}

/* "hex 0a 00", or bpftool's "10 0 0 20" and "0x0a 0 …". */
static int parse_bytes(const char *what, char *const words[], int count, uint8_t *data, size_t size)
{
	bool hex = !strcmp(words[0], "hex");

	words += hex;
	count -= hex;
	if (hex && count == 1 && size != 1)
		return hex_parse(words[0], data, size) == 0
			   ? 0
			   : fail("%s: \"%s\" is not %zu bytes in hex", what, words[0], size);
	if ((size_t)count != size)
		return fail("%s: %d byte%s given, %zu needed", what, count, count == 1 ? "" : "s",
			    size);
	for (int i = 0; i < count; i++) {
		char *end;
		unsigned long byte;

		errno = 0;
		byte = strtoul(words[i], &end, hex || words[i][1] == 'x' ? 16 : 10);
		if (*end || end == words[i] || byte > 255 || words[i][0] == '-' || errno)
			return fail("%s: \"%s\" is not a byte", what, words[i]);
		data[i] = (uint8_t)byte;
	}
	return 0;
}

static json_t *word_json(const char *what, const char *word)
{
	json_error_t error;
	json_t *value = json_loads(word, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	if (!value && strchr("{[\"", word[0]))
		fail("%s: not JSON: %s", what, error.text);
	else if (!value)
		value = json_string(word);
	return value;
}

/* Without a type: a number of one of the common sizes. */
static int parse_plain(const char *what, const char *word, void *data, size_t size)
{
	uint64_t number;
	char *end;

	errno = 0;
	number = strtoull(word, &end, word[0] == '0' && (word[1] | 32) == 'x' ? 16 : 10);
	if (*end || end == word || errno || word[0] == '-' || size > 8 || (size & (size - 1)) ||
	    (size < 8 && number >> 8 * size))
		return fail("%s: \"%s\" is no number of %zu byte%s; give \"hex\" and the bytes",
			    what, word, size, size == 1 ? "" : "s");
	if (size == 8)
		*(uint64_t *)data = number;
	else if (size == 4)
		*(uint32_t *)data = (uint32_t)number;
	else if (size == 2)
		*(uint16_t *)data = (uint16_t)number;
	else
		*(uint8_t *)data = (uint8_t)number;
	return 0;
}

static int parse_words(const struct map *map, uint32_t type, const char *what, char *const words[],
		       int count, void *data, size_t size)
{
	json_t *value;
	int error;

	if (!count)
		return fail("%s: nothing given", what);
	if (count > 1 || !strcmp(words[0], "hex"))
		return parse_bytes(what, words, count, data, size);
	if (!map->btf || !type)
		return parse_plain(what, words[0], data, size);
	value = word_json(what, words[0]);
	error = value ? btf_bytes(map->btf, type, what, value, data, size) : FAILED;
	json_decref(value);
	return error;
}

void *map_key_parse(const struct map *map, char *const words[], int count)
{
	void *key = xalloc(map->info.key_size + 8);

	if (!parse_words(map, map->info.btf_key_type_id, "key", words, count, key,
			 map->info.key_size))
		return key;
	free(key);
	return NULL;
}

/* An inner map or a program: "id N", "pinned PATH". The descriptor stays open to the end. */
static int parse_object(const struct map *map, char *const words[], int count, uint32_t *value)
{
	const char *kind = map_holds_maps(map) ? "map" : "program";
	bool by_id = count == 2 && !strcmp(words[0], "id");
	char *end = "";
	int fd = -1;

	if (by_id) {
		unsigned long id = strtoul(words[1], &end, 10);

		fd = map_holds_maps(map) ? bpf_map_get_fd_by_id(id) : bpf_prog_get_fd_by_id(id);
	} else if (count == 2 && !strcmp(words[0], "pinned")) {
		fd = bpf_obj_get(words[1]);
	} else {
		return fail("value: a %s is needed: id N or pinned PATH", kind);
	}
	if (fd < 0 || *end)
		return fail("value: %s %s %s: %s", kind, words[0], words[1],
			    *end ? "not a number" : strerror(errno));
	*value = (uint32_t)fd;
	return 0;
}

void *map_value_parse(const struct map *map, char *const words[], int count)
{
	size_t stride = ROUND8(map->info.value_size);
	char *value = xalloc(map->value_bytes + 8);
	int error;

	if (map_holds_maps(map) || map_holds_programs(map))
		error = parse_object(map, words, count, (uint32_t *)(void *)value);
	else
		error = parse_words(map, map->info.btf_value_type_id, "value", words, count, value,
				    map->info.value_size);
	if (error) {
		free(value);
		return NULL;
	}
	for (unsigned int cpu = 1; cpu < map->cpus; cpu++)
		memcpy(value + cpu * stride, value, map->info.value_size);
	return value;
}
