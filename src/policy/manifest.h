/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* YAML and JSON files as JSON objects, each with the place it came from. */
#ifndef NPCTL_POLICY_MANIFEST_H
#define NPCTL_POLICY_MANIFEST_H

#include <jansson.h>
#include <stddef.h>

struct manifest {
	json_t *object;
	char *where; /* "FILE:LINE" of its first line */
};

struct manifests {
	struct manifest *manifest;
	size_t count;
};

/* A file, a directory, or "-" for standard input; `kind: List` is taken apart. */
int manifests_read(const char *path, struct manifests *manifests);
void manifests_release(struct manifests *manifests);

#endif
