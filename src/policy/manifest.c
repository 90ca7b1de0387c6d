/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "policy/manifest.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base.h"
#include "policy/read_file.h"
#include "policy/schema.h"
#include "policy/yaml.h"

struct taking {
	const char *path;
	struct manifests *manifests;
};

static void add_manifest(const struct taking *taking, json_t *object, unsigned int line)
{
	struct manifests *manifests = taking->manifests;

	GROW(manifests->manifest, manifests->count, manifests->capacity);
	manifests->manifest[manifests->count++] =
	    (struct manifest){json_incref(object), xprintf("%s:%u", taking->path, line)};
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

static int add_endpoint(const struct taking *taking, const json_t *element, unsigned int line)
{
	void *pair = json_object_iter((json_t *)element);
	json_t *endpoint = json_pack("{s:s, s:s}", "apiVersion", "npctl.io/v1", "kind", "Endpoint");
	json_t *fields;

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
	add_manifest(taking, endpoint, line_at(taking, fields, line));
	json_decref(endpoint);
	return json_is_object(fields) || json_is_null(fields)
		   ? 0
		   : fail("%s:%u: endpoint %s: expected iface, range and allow", taking->path,
			  line_at(taking, fields, line), json_object_iter_key(pair));
}

static int add_endpoints(const struct taking *taking, const json_t *object, unsigned int line)
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
static void add_type(const json_t *list, json_t *item)
{
	const char *kind = field_text(list, "kind", ""),
		   *version = field_text(list, "apiVersion", "");
	size_t length = strlen(kind) - strlen("List");

	if (!length || !json_is_object(item))
		return;
	if (!json_object_get(item, "kind"))
		json_object_set_new(item, "kind", json_stringn(kind, length));
	if (!json_object_get(item, "apiVersion"))
		json_object_set_new(item, "apiVersion", json_string(version));
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

static int take(void *data, json_t *object, unsigned int line)
{
	const struct taking *taking = data;
	const json_t *items;
	size_t index;
	json_t *item;
	int result = 0;

	if (json_is_null(object))
		return 0; /* nothing between two --- */
	if (is_endpoints(object)) {
		result = add_endpoints(taking, object, line);
	} else if (!is_list(object)) {
		add_manifest(taking, object, line);
	} else {
		items = field_get(object, "items");
		if (items && !json_is_array(items))
			result = fail("%s:%u: items: expected a list", taking->path, line);
		json_array_foreach (items, index, item) {
			unsigned int at = line_at(taking, item, line);

			add_type(object, item);
			if (is_endpoints(item) && !result)
				result = add_endpoints(taking, item, at);
			else if (!is_endpoints(item))
				add_manifest(taking, item, at);
		}
	}
	json_decref(object);
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
	struct taking taking = {path, manifests};
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

static int read_one(const char *path, struct manifests *manifests)
{
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

static int read_directory(const char *path, struct manifests *manifests)
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
			result = read_one(file, manifests);
		free(file);
		free(entries[i]);
	}
	free(entries);
	return result;
}

int manifests_read(const char *path, struct manifests *manifests)
{
	struct stat stat_buffer;

	if (strcmp(path, "-") != 0 && stat(path, &stat_buffer) == 0 && S_ISDIR(stat_buffer.st_mode))
		return read_directory(path, manifests);
	return read_one(path, manifests);
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
