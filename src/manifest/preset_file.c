/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where presets are, and what their files say. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/base.h"
#include "manifest/manifest.h"
#include "model/preset.h"
#include "manifest/schema.h"

#define ENDING ".yml"

/* PREFIX/share/npctl/presets for PREFIX/sbin/npctl; NULL when that is not known. */
static char *installed_directory(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	for (int i = 0; i < 2; i++) {
		path[length > 0 ? length : 0] = '\0';
		slash = strrchr(path, '/');
		if (!slash)
			return NULL;
		length = slash - path;
	}
	path[length] = '\0';
	return xprintf("%s/share/npctl/presets", path);
}

/* The nth place to look in; NULL after the last one. */
static char *directory_nth(size_t n)
{
	const char *own = getenv("NPCTL_PRESETS");

	switch (n) {
	case 0:
		return xstrdup(own && *own ? own : "/etc/npctl/presets");
	case 1:
		return xstrdup("/etc/npctl/presets");
	case 2:
		return installed_directory();
	default:
		return NULL;
	}
}

static unsigned int line_of(const void *manifests, const json_t *value)
{
	return manifest_line(manifests, value);
}

static int check(const struct manifests *manifests, const char *path)
{
	struct schema_place place = {path, line_of, manifests};
	const struct manifest *only = manifests->manifest;

	if (manifests->count != 1 || !json_is_object(only->object))
		return fail("%s: is not one mapping with rules", path);
	if (field_get(only->object, "kind"))
		return fail("%s: is a %.60s, not a preset", path,
			    field_text(only->object, "kind", "list"));
	json_object_set_new(only->object, "kind", json_string("Preset"));
	place.where = only->where;
	return schema_check(only->object, &place);
}

static int read_file(const char *name, const char *path, json_t **preset)
{
	struct manifests manifests = {0};
	json_t *object;
	int error = manifests_read(path, &manifests);

	if (!error)
		error = check(&manifests, path);
	if (!error) {
		object = manifests.manifest[0].object;
		*preset = json_pack("{s:s, s:s, s:O*, s:O, s:s}", "preset", name, "description",
				    field_text(object, "description", ""), "settings",
				    json_object_get(object, "settings"), "rules",
				    json_object_get(object, "rules"), "file", path);
	}
	manifests_release(&manifests);
	return error;
}

int preset_read(const char *name, json_t **preset)
{
	char *directory, *path;
	int error = 1;

	*preset = NULL;
	if (!schema_is_dns_label(name))
		return fail("preset name \"%.60s\" is not made of letters, digits and dashes",
			    name);
	for (size_t i = 0; error > 0 && (directory = directory_nth(i)); i++) {
		path = xprintf("%s/%s" ENDING, directory, name);
		if (access(path, F_OK) == 0)
			error = read_file(name, path, preset);
		free(path);
		free(directory);
	}
	if (error <= 0)
		return error;
	fail("preset \"%s\" does not exist", name);
	return fail_mend("npctl policy preset");
}

static int is_preset(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), ending = strlen(ENDING);

	return length > ending && *entry->d_name != '.' &&
	       strcmp(entry->d_name + length - ending, ENDING) == 0;
}

static void list_directory(const char *directory, json_t *found)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, is_preset, NULL);
	json_t *preset;

	for (int i = 0; i < count; i++) {
		char *name = entries[i]->d_name, *path = xprintf("%s/%s", directory, name);

		name[strlen(name) - strlen(ENDING)] = '\0';
		if (!json_object_get(found, name) && schema_is_dns_label(name)) {
			if (read_file(name, path, &preset)) {
				preset = json_pack("{s:s, s:s, s:s}", "preset", name, "file", path,
						   "problem", failure());
				failure_clear();
			}
			json_object_set_new(found, name, preset);
		}
		free(path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *presets_list(void)
{
	json_t *found = json_object(), *rows = json_array(), *preset;
	const char *name, **names;
	size_t count = 0;
	char *directory;

	for (size_t i = 0; (directory = directory_nth(i)); i++) {
		list_directory(directory, found);
		free(directory);
	}
	names = xalloc((json_object_size(found) + 1) * sizeof(*names));
	json_object_foreach (found, name, preset)
		names[count++] = name;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++)
		json_array_append(rows, json_object_get(found, names[i]));
	free(names);
	json_decref(found);
	return rows;
}
