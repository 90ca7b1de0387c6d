// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Container engines name a container's cgroup after its id: docker-ID.scope,
 * libpod-ID, cri-containerd-ID.scope, crio-ID.scope, /docker/ID, …:cri-containerd:ID.
 * What people call it is in the engines' own files.
 */
#include <glob.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/cgroup.h"

#define ID_LENGTH 64
#define PODMAN "/var/lib/containers/storage/*-containers/containers.json"
#define DOCKER "/var/lib/docker/containers/*/config.v2.json"

/* The id that a cgroup's path ends in, or NULL. */
static const char *id_of(const char *path, size_t *length)
{
	const char *name = strrchr(path, '/') + 1, *id;

	*length = strlen(name);
	if (*length > 6 && !strcmp(name + *length - 6, ".scope"))
		*length -= 6;
	if (*length < ID_LENGTH || strstr(name, "conmon"))
		return NULL;
	id = name + *length - ID_LENGTH;
	*length = ID_LENGTH;
	if (strspn(id, "0123456789abcdef") < ID_LENGTH)
		return NULL;
	return id == name || strchr("-:", id[-1]) ? id : NULL;
}

struct search {
	const char *start; /* of an id */
	char *path, *other;
};

/* A container's own cgroup comes before those that are made in it. */
static bool take(const char *path, void *data)
{
	struct search *search = data;
	size_t length;
	const char *id = id_of(path, &length);

	if (!id || strncmp(id, search->start, strlen(search->start)) != 0)
		return false;
	if (search->path && cgroup_is_below(path, search->path))
		return false;
	if (search->path)
		search->other = xstrdup(path);
	else
		search->path = xstrdup(path);
	return search->other != NULL;
}

static bool podman_has(const json_t *container, const char *name)
{
	json_t *each;
	size_t i;

	json_array_foreach (json_object_get(container, "names"), i, each)
		if (json_is_string(each) && !strcmp(json_string_value(each), name))
			return true;
	return false;
}

static char *podman_id(const json_t *containers, const char *name)
{
	const char *id;
	json_t *each;
	size_t i;

	json_array_foreach (containers, i, each) {
		id = json_string_value(json_object_get(each, "id"));
		if (id && podman_has(each, name))
			return xstrdup(id);
	}
	return NULL;
}

static char *docker_id(const json_t *container, const char *name)
{
	const char *own = json_string_value(json_object_get(container, "Name"));
	const char *id = json_string_value(json_object_get(container, "ID"));

	return own && id && !strcmp(own + (*own == '/'), name) ? xstrdup(id) : NULL;
}

static char *id_in_files(const char *pattern, const char *name,
			 char *(*find)(const json_t *file, const char *name))
{
	glob_t files = {};
	char *id = NULL;
	size_t i;

	glob(pattern, GLOB_NOSORT, NULL, &files);
	for (i = 0; i < files.gl_pathc && !id; i++) {
		json_t *file = json_load_file(files.gl_pathv[i], 0, NULL);

		id = find(file, name);
		json_decref(file);
	}
	globfree(&files);
	return id;
}

/* The id of the container that is called so. */
static char *id_of_name(const char *name)
{
	char *id = id_in_files(PODMAN, name, podman_id);

	return id ? id : id_in_files(DOCKER, name, docker_id);
}

static bool may_be_id(const char *word)
{
	size_t length = strlen(word);

	return length && length <= ID_LENGTH && strspn(word, "0123456789abcdef") == length;
}

int cgroup_of_container(const char *word, char **path)
{
	char *id = id_of_name(word);
	struct search search = {.start = id ? id : word};
	int error = 0;

	if (id || may_be_id(word))
		cgroup_walk(take, &search);
	if (search.other)
		error = fail("container \"%s\" is more than one: %s, %s", word, search.path,
			     search.other);
	else if (!search.path && id)
		error = fail("container \"%s\" (%.12s) has no cgroup of its own in the cgroup2 "
			     "hierarchy: it does not run, or its engine uses the first version "
			     "alone",
			     word, id);
	else if (!search.path)
		error = fail("container \"%s\" does not exist: neither docker, podman, containerd "
			     "nor CRI-O has made a cgroup for such an id, or knows the name",
			     word);
	*path = error ? NULL : search.path;
	if (error)
		free(search.path);
	free(search.other);
	free(id);
	return error;
}
