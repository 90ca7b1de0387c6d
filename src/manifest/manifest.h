/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML and JSON files as JSON objects, each with the place it came from. */
#ifndef NPCTL_MANIFEST_MANIFEST_H
#define NPCTL_MANIFEST_MANIFEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct manifest {
	json_t *object;
	char *where; /* "FILE:LINE" of its first line */
};

struct manifests {
	struct manifest *manifest;
	size_t count, capacity;
	struct value_lines *lines; /* where each value of the YAML among them stands */
};

/* A file, a directory, or "-" for standard input; `kind: List` is taken apart. */
int manifests_read(const char *path, struct manifests *manifests);
/* The same from memory; `path` is for errors alone. */
int manifests_read_text(const char *path, const char *text, size_t size,
			struct manifests *manifests);
/*
 * The same, one object at a time, each forgotten once `take` has returned; it
 * stops when that is not 0. Of pods and NetworkPolicies in JSON only what
 * schema_check() looks at is there.
 */
typedef int (*manifest_take)(const struct manifests *manifests, const struct manifest *manifest,
			     void *data);
int manifests_each(const char *path, manifest_take take, void *data);
int manifests_each_text(const char *path, const char *text, size_t size, manifest_take take,
			void *data);
void manifests_release(struct manifests *manifests);
/* What a directory's file must be called to be read. */
bool manifest_is_name(const char *name);
/* schema_check() with lines; 1 when npctl has nothing to do with the kind. */
int manifest_check(const struct manifests *manifests, const struct manifest *manifest);

struct model;
/* Checks each and adds it; warns of kinds that npctl has nothing to do with. */
int model_add_manifests(struct model *model, const struct manifests *manifests);

/* The line of a value, 0 when unknown. */
unsigned int manifest_line(const struct manifests *manifests, const json_t *value);

#endif
