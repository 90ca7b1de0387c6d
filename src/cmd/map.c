// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/table.h"
#include "maps/map.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* NAME, PATH or "id N" at the head of the words; says how many words that took. */
static int open_words(struct context *context, const struct words *words, struct map **map)
{
	unsigned long id;
	char *end;

	if (strcmp(words->word[0], "id") != 0 || words->count < 2) {
		if (map_open(context->root, words->word[0], map))
			return FAILED;
		return 1;
	}
	errno = 0;
	id = strtoul(words->word[1], &end, 10);
	if (*end || end == words->word[1] || errno || !id || id > UINT32_MAX)
		return misuse("\"%s\" is not a map id", words->word[1]);
	return map_open_id((uint32_t)id, map) ? FAILED : 2;
}

static int no_more(const struct words *words, int used)
{
	if (words->count > used)
		return misuse("unexpected word \"%s\"", words->word[used]);
	return 0;
}

/* People read sizes with units. */
static void show_memory(const struct out *out, json_t *row)
{
	json_int_t bytes = json_integer_value(json_object_get(row, "memory_bytes"));

	if (!out->json)
		json_object_set_new(row, "memory_bytes", json_string(human_bytes((uint64_t)bytes)));
}

static int run_list(struct context *context, const struct words *words)
{
	static const struct column columns[] = {
	    {.key = "name"},
	    {.key = "type"},
	    {.key = "id", .right = true},
	    {.key = "key_bytes", .title = "KEY", .right = true},
	    {.key = "value_bytes", .title = "VALUE", .right = true},
	    {.key = "entries", .right = true},
	    {.key = "max_entries", .title = "MAX", .right = true},
	    {.key = "memory_bytes", .title = "MEMORY", .right = true},
	    {.key = "pin"},
	};
	json_t *rows, *row;
	size_t i;

	(void)words;
	if (map_rows(context->root, &rows)) {
		json_decref(rows);
		return FAILED;
	}
	json_array_foreach (rows, i, row)
		show_memory(&context->out, row);
	out_table(&context->out, rows, columns, ARRAY_SIZE(columns), "no maps are pinned");
	return 0;
}

static int run_show(struct context *context, const struct words *words)
{
	struct map *map = NULL;
	int used, error;
	json_t *row;

	if (!words->count)
		return run_list(context, words);
	used = open_words(context, words, &map);
	if (used < 0)
		return used;
	error = no_more(words, used);
	if (!error) {
		row = map_details(map);
		show_memory(&context->out, row);
		out_object(&context->out, row);
	}
	map_close(map);
	return error;
}

struct dump {
	json_t *rows;
	bool used_only;
};

static bool is_zero(const void *value, size_t size)
{
	const uint8_t *bytes = value;

	return !size || (!bytes[0] && !memcmp(bytes, bytes + 1, size - 1));
}

static int add_entry(const struct map *map, const void *key, const void *value, void *data)
{
	struct dump *dump = data;

	if (!dump->used_only || !is_zero(value, map->value_bytes))
		json_array_append_new(dump->rows, map_entry(map, key, value));
	return 0;
}

static int run_dump(struct context *context, const struct words *words)
{
	static const struct column columns[] = {{.key = "key"}, {.key = "value"}, {.key = "cpus"}};
	struct dump dump = {.used_only = word_flag(words, "used")};
	struct map *map = NULL;
	int used = open_words(context, words, &map), error;

	if (used < 0)
		return used;
	error = no_more(words, used);
	if (error)
		goto out;
	step("bpftool map dump %s%s", map->pin ? "pinned " : "id ", words->word[used - 1]);
	dump.rows = json_array();
	error = map_each(map, add_entry, &dump);
	if (!error)
		out_table(&context->out, json_incref(dump.rows), columns, ARRAY_SIZE(columns),
			  "no entries");
	json_decref(dump.rows);
out:
	map_close(map);
	return error;
}

/* The words of a key and, where one is wanted, of a value. */
struct element {
	struct map *map;
	char **key, **value;
	int key_count, value_count;
};

static int find_word(const struct words *words, int from, const char *word)
{
	while (from < words->count && strcmp(words->word[from], word) != 0)
		from++;
	return from;
}

static int open_element(struct context *context, const struct words *words, bool has_value,
			struct element *element)
{
	int at = open_words(context, words, &element->map), value;

	if (at < 0)
		return at;
	if (at >= words->count || strcmp(words->word[at], "key") != 0)
		return misuse("the word \"key\" is missing behind the map");
	value = has_value ? find_word(words, at + 1, "value") : words->count;
	if (has_value && value == words->count)
		return misuse("the word \"value\" is missing behind the key");
	element->key = words->word + at + 1;
	element->key_count = value - at - 1;
	element->value = words->word + value + 1;
	element->value_count = has_value ? words->count - value - 1 : 0;
	if (!element->key_count || (has_value && !element->value_count))
		return misuse("the %s is missing", element->key_count ? "value" : "key");
	return 0;
}

static int run_lookup(struct context *context, const struct words *words)
{
	struct element element = {0};
	void *key = NULL, *value = NULL;
	int error = open_element(context, words, false, &element);

	if (error)
		goto out;
	error = FAILED;
	key = map_key_parse(element.map, element.key, element.key_count);
	if (!key)
		goto out;
	value = xalloc(element.map->value_bytes + 8);
	error = map_lookup(element.map, key, value);
	if (!error)
		out_object(&context->out, map_entry(element.map, key, value));
out:
	free(key);
	free(value);
	map_close(element.map);
	return error;
}

/* The last word may say whether the key may, must or must not exist. */
static uint64_t take_flags(struct element *element)
{
	static const char *const words[] = {"any", "noexist", "exist"}; /* BPF_ANY … */
	const char *last = element->value[element->value_count - 1];

	for (size_t i = 0; i < ARRAY_SIZE(words) && element->value_count > 1; i++)
		if (!strcmp(words[i], last)) {
			element->value_count--;
			return i;
		}
	return BPF_ANY;
}

static int run_update(struct context *context, const struct words *words)
{
	struct element element = {0};
	void *key = NULL, *value = NULL;
	int error = open_element(context, words, true, &element);
	uint64_t flags;

	if (error)
		goto out;
	error = FAILED;
	flags = take_flags(&element);
	key = map_key_parse(element.map, element.key, element.key_count);
	if (key)
		value = map_value_parse(element.map, element.value, element.value_count);
	if (value)
		error = map_update(element.map, key, value, flags);
out:
	free(key);
	free(value);
	map_close(element.map);
	return error;
}

static int run_delete(struct context *context, const struct words *words)
{
	struct element element = {0};
	int error = open_element(context, words, false, &element);
	void *key = NULL;

	if (error)
		goto out;
	key = map_key_parse(element.map, element.key, element.key_count);
	error = key ? map_delete(element.map, key) : FAILED;
out:
	free(key);
	map_close(element.map);
	return error;
}

static const struct option no_options[] = {{0}};

static const struct option dump_options[] = {
    {"used", VALUE_NONE, NULL, "leave out entries that are all zero", 0, false},
    {0},
};

#define MAP "MAP|PATH|id N"

static const struct verb verbs[] = {
    {"list", "", "the maps pinned in this instance", 0, 0, no_options, run_list, NULL},
    {"show", "[" MAP "]", "what a map is: types, sizes, memory", 0, 2, no_options, run_show, "MAP"},
    {"dump", MAP, "all entries, by their types", 1, 2, dump_options, run_dump, "MAP"},
    {"lookup", MAP " key KEY", "one entry", 3, -1, no_options, run_lookup, "MAP"},
    {"update", MAP " key KEY value VALUE [any|exist|noexist]", "set an entry", 5, -1, no_options,
     run_update, "MAP"},
    {"delete", MAP " key KEY", "delete an entry", 3, -1, no_options, run_delete, "MAP"},
    {0},
};

const struct command command_map = {"map", "look into BPF maps and change them", verbs};
