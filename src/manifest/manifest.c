/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/manifest.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/base.h"
#include "base/read_file.h"
#include "manifest/schema.h"
#include "manifest/sieve.h"
#include "manifest/yaml.h"

struct taking {
	const char *path;
	struct manifests *manifests;
	manifest_take each; /* NULL: they are kept */
	void *data;
	size_t taken; /* of this file */
	bool stuck;   /* somebody else has to say what is wrong with it */
};

static int add_manifest(struct taking *taking, json_t *object, unsigned int line)
{
	struct manifests *manifests = taking->manifests;
	struct manifest manifest = {object, NULL};
	int result;

	if (taking->each) {
		taking->taken++;
		manifest.where = xprintf("%s:%u", taking->path, line);
		result = taking->each(manifests, &manifest, taking->data);
		free(manifest.where);
		return result;
	}
	GROW(manifests->manifest, manifests->count, manifests->capacity);
	manifests->manifest[manifests->count++] =
	    (struct manifest){json_incref(object), xprintf("%s:%u", taking->path, line)};
	return 0;
}

/* A per-user file, as it is: endpoints: [{NAME: {iface, range, allow}}, …] */
static bool is_endpoints(const json_t *object)
{
	return json_object_get(object, "endpoints") && !json_object_get(object, "kind");
}

static unsigned int line_at(const struct taking *taking, const json_t *value, unsigned int line)
{
	unsigned int at = value_lines_get(taking->manifests->lines, value);

	return at ? at : line;
}

static int add_endpoint(struct taking *taking, const json_t *element, unsigned int line)
{
	void *pair = json_object_iter((json_t *)element);
	json_t *endpoint = json_pack("{s:s, s:s}", "apiVersion", "npctl.io/v1", "kind", "Endpoint");
	json_t *fields;
	int result;

	if (json_object_size(element) != 1) {
		json_decref(endpoint);
		return fail("%s:%u: endpoints: expected one name with iface, range and allow",
			    taking->path, line);
	}
	fields = json_object_iter_value(pair);
	json_object_set_new(endpoint, "metadata",
			    json_pack("{s:s}", "name", json_object_iter_key(pair)));
	if (json_is_object(fields))
		json_object_update_missing(endpoint, fields);
	result = add_manifest(taking, endpoint, line_at(taking, fields, line));
	json_decref(endpoint);
	return result || json_is_object(fields) || json_is_null(fields)
		   ? result
		   : fail("%s:%u: endpoint %s: expected iface, range and allow", taking->path,
			  line_at(taking, fields, line), json_object_iter_key(pair));
}

static int add_endpoints(struct taking *taking, const json_t *object, unsigned int line)
{
	const json_t *list = json_object_get(object, "endpoints");
	const char *key;
	json_t *value;
	size_t index;
	int result = 0;

	json_object_foreach ((json_t *)object, key, value)
		if (strcmp(key, "endpoints") != 0)
			return fail("%s:%u: \"%.60s\" is unknown; expected endpoints", taking->path,
				    line_at(taking, value, line), key);
	line = line_at(taking, list, line);
	if (!json_is_array(list))
		return fail("%s:%u: endpoints: expected a list", taking->path, line);
	json_array_foreach (list, index, value)
		if (!result)
			result = add_endpoint(taking, value, line_at(taking, value, line));
	return result;
}

/* "PodList" -> "Pod": its elements need not say so themselves. */
static void add_type(const char *kind, size_t length, const char *version, json_t *item)
{
	length -= strlen("List");
	if (!length || !json_is_object(item))
		return;
	if (!json_object_get(item, "kind"))
		json_object_set_new(item, "kind", json_stringn(kind, length));
	if (!json_object_get(item, "apiVersion"))
		json_object_set_new(item, "apiVersion", json_string(version));
}

static int take_element(struct taking *taking, json_t *item, unsigned int line)
{
	return is_endpoints(item) ? add_endpoints(taking, item, line)
				  : add_manifest(taking, item, line);
}

/* A list of objects; npctl's own list of prefixes is an object by itself. */
static bool is_list(const json_t *object)
{
	const char *kind = field_text(object, "kind", "");
	size_t length = strlen(kind);

	return length >= 4 && strcmp(kind + length - 4, "List") == 0 &&
	       strcmp(kind, "CidrList") != 0 &&
	       (json_is_array(field_get(object, "items")) || !field_get(object, "spec"));
}

static int take_list(struct taking *taking, const json_t *object, unsigned int line)
{
	const json_t *items = field_get(object, "items");
	const char *kind = field_text(object, "kind", "");
	size_t index;
	json_t *item;
	int result = 0;

	if (items && !json_is_array(items))
		return fail("%s:%u: items: expected a list", taking->path, line);
	json_array_foreach (items, index, item) {
		add_type(kind, strlen(kind), field_text(object, "apiVersion", ""), item);
		if (!result)
			result = take_element(taking, item, line_at(taking, item, line));
	}
	return result;
}

static int take(void *data, json_t *object, unsigned int line)
{
	struct taking *taking = data;
	int result;

	if (json_is_null(object))
		return 0; /* nothing between two --- */
	result = !is_endpoints(object) && is_list(object) ? take_list(taking, object, line)
							  : take_element(taking, object, line);
	json_decref(object);
	if (taking->each)
		value_lines_clear(taking->manifests->lines);
	return result;
}

/* One JSON value after the other, as `jq -c` or kubectl write them. */
static int read_json(const char *text, size_t size, struct taking *taking)
{
	size_t at = 0, flags = JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES;
	unsigned int line = 1;
	json_error_t error;
	json_t *value;
	int result = 0;

	while (!result) {
		for (; at < size && isspace((unsigned char)text[at]); at++)
			line += text[at] == '\n';
		if (at == size)
			break;
		value = json_loadb(text + at, size - at, flags, &error);
		if (!value)
			return fail("%s:%u: %s", taking->path,
				    line + (unsigned int)(error.line > 0 ? error.line - 1 : 0),
				    error.text);
		result = take(taking, value, line);
		for (size_t end = at + (size_t)error.position; at < end; at++)
			line += text[at] == '\n';
	}
	return result;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* JSON is YAML, too, but its own reader is faster; a flow mapping of YAML is not JSON. */
int manifests_read_text(const char *path, const char *text, size_t size,
			struct manifests *manifests)
{
	struct taking taking = {.path = path, .manifests = manifests};
	size_t before = manifests->count, start = strspn(text, " \t\r\n");
	int result;

	if (!manifests->lines)
		manifests->lines = xalloc(sizeof(*manifests->lines));
	if (ends_with(path, ".json"))
		return read_json(text, size, &taking);
	if (text[start] == '{' || text[start] == '[') {
		result = read_json(text, size, &taking);
		if (!result)
			return 0;
		failure_clear();
		while (manifests->count > before) {
			struct manifest *last = &manifests->manifest[--manifests->count];

			json_decref(last->object);
			free(last->where);
		}
	}
	return yaml_read(path, text, size, manifests->lines, take, &taking);
}

/* The line of the value that a piece is part of, from the one before it on. */
static unsigned int line_of_piece(const struct piece *piece, const char **from, unsigned int line)
{
	for (; *from < piece->top; ++*from)
		line += **from == '\n';
	return line;
}

static int take_piece(struct taking *taking, const struct pieces *pieces, const struct piece *piece,
		      char *room, unsigned int line)
{
	const struct piece *list = piece->list ? &pieces->item[piece->list - 1] : NULL;
	struct span kind = piece->kind, version = piece->version;
	char *version_text;
	json_t *object;
	int result;

	if (list && !kind.length && list->kind.length > strlen("List"))
		kind = (struct span){list->kind.at, list->kind.length - strlen("List")};
	if (list && !version.length)
		version = list->version;
	object = json_loadb(room, piece_sieve(piece, &kind, &version, room), JSON_REJECT_DUPLICATES,
			    NULL);
	if (!object) {
		taking->stuck = true;
		return FAILED;
	}
	if (!list)
		return take(taking, object, line);
	version_text = xprintf("%.*s", (int)version.length, version.length ? version.at : "");
	add_type(list->kind.at, list->kind.length, version_text, object);
	result = take_element(taking, object, line);
	json_decref(object);
	free(version_text);
	return result;
}

/* A list that is taken apart already; others have no pieces of their own. */
static bool is_apart(const struct pieces *pieces, size_t index)
{
	const struct piece *piece = &pieces->item[index];
	size_t length = piece->kind.length;

	return index + 1 < pieces->count && pieces->item[index + 1].list == index + 1 &&
	       length >= 4 && memcmp(piece->kind.at + length - 4, "List", 4) == 0 &&
	       (length != 8 || memcmp(piece->kind.at, "Cidr", 4) != 0);
}

static size_t longest(const struct pieces *pieces)
{
	size_t most = 0;

	for (size_t i = 0; i < pieces->count; i++)
		if (!is_apart(pieces, i) && pieces->item[i].text.length > most)
			most = pieces->item[i].text.length;
	return most;
}

static int take_pieces(struct taking *taking, const struct pieces *pieces, const char *text)
{
	char *room = xalloc(longest(pieces) + 1);
	const char *from = text;
	unsigned int line = 1;
	int result = 0;

	for (size_t i = 0; i < pieces->count && !result; i++) {
		const struct piece *piece = &pieces->item[i];

		line = line_of_piece(piece, &from, line);
		if (is_apart(pieces, i) || (piece->list && !is_apart(pieces, piece->list - 1)))
			continue;
		result = take_piece(taking, pieces, piece, room, line);
	}
	free(room);
	return result;
}

/* The rest of what is not plain JSON, by those who can say what is wrong with it. */
static int take_whole(struct taking *taking, const char *text, size_t size)
{
	struct manifests all = {0};
	int result = manifests_read_text(taking->path, text, size, &all);

	for (size_t i = taking->taken; i < all.count && !result; i++)
		result = taking->each(&all, &all.manifest[i], taking->data);
	manifests_release(&all);
	return result;
}

static bool looks_like_json(const char *path, const char *text)
{
	char first = text[strspn(text, " \t\r\n")];

	return first == '{' || first == '[' || ends_with(path, ".json");
}

static int take_text(struct taking *taking, const char *text, size_t size)
{
	struct pieces pieces = {0};
	int result;

	taking->taken = 0;
	if (!looks_like_json(taking->path, text))
		return yaml_read(taking->path, text, size, taking->manifests->lines, take, taking);
	taking->stuck = !pieces_find(text, size, &pieces);
	result = taking->stuck ? FAILED : take_pieces(taking, &pieces, text);
	if (taking->stuck)
		result = take_whole(taking, text, size);
	pieces_release(&pieces);
	return result;
}

static int take_file(const char *path, void *data)
{
	struct taking *taking = data;
	size_t size;
	char *text;
	int result;

	if (file_read(path, &text, &size))
		return FAILED;
	taking->path = strcmp(path, "-") == 0 ? "standard input" : path;
	result = take_text(taking, text, size);
	free(text);
	return result;
}

static int read_one(const char *path, void *data)
{
	struct manifests *manifests = data;
	size_t size;
	char *text;
	int result;

	if (file_read(path, &text, &size))
		return FAILED;
	result = manifests_read_text(strcmp(path, "-") == 0 ? "standard input" : path, text, size,
				     manifests);
	free(text);
	return result;
}

bool manifest_is_name(const char *name)
{
	return *name != '.' &&
	       (ends_with(name, ".yaml") || ends_with(name, ".yml") || ends_with(name, ".json"));
}

static int is_manifest(const struct dirent *entry)
{
	return manifest_is_name(entry->d_name);
}

static int read_directory(const char *path, int (*read)(const char *file, void *data), void *data)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_manifest, alphasort), result = 0;

	if (count < 0)
		return fail("%s: %s", path, strerror(errno));
	if (count == 0)
		result = fail("%s: holds no *.yaml, *.yml or *.json", path);
	for (int i = 0; i < count; i++) {
		char *file =
		    xprintf("%s%s%s", path, ends_with(path, "/") ? "" : "/", entries[i]->d_name);

		if (!result)
			result = read(file, data);
		free(file);
		free(entries[i]);
	}
	free(entries);
	return result;
}

static int read_path(const char *path, int (*read)(const char *file, void *data), void *data)
{
	struct stat stat_buffer;

	if (strcmp(path, "-") != 0 && stat(path, &stat_buffer) == 0 && S_ISDIR(stat_buffer.st_mode))
		return read_directory(path, read, data);
	return read(path, data);
}

int manifests_read(const char *path, struct manifests *manifests)
{
	return read_path(path, read_one, manifests);
}

int manifests_each(const char *path, manifest_take take, void *data)
{
	struct manifests manifests = {.lines = xalloc(sizeof(*manifests.lines))};
	struct taking taking = {.manifests = &manifests, .each = take, .data = data};
	int result = read_path(path, take_file, &taking);

	manifests_release(&manifests);
	return result;
}

int manifests_each_text(const char *path, const char *text, size_t size, manifest_take take,
			void *data)
{
	struct manifests manifests = {.lines = xalloc(sizeof(*manifests.lines))};
	struct taking taking = {path, &manifests, take, data, 0, false};
	int result = take_text(&taking, text, size);

	manifests_release(&manifests);
	return result;
}

void manifests_release(struct manifests *manifests)
{
	for (size_t i = 0; i < manifests->count; i++) {
		json_decref(manifests->manifest[i].object);
		free(manifests->manifest[i].where);
	}
	free(manifests->manifest);
	value_lines_free(manifests->lines);
	memset(manifests, 0, sizeof(*manifests));
}

unsigned int manifest_line(const struct manifests *manifests, const json_t *value)
{
	return value_lines_get(manifests->lines, value);
}
