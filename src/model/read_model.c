/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole files into a model; the fields are checked where they stand. */
#include "manifest/manifest.h"
#include "model/model_private.h"

static unsigned int line_of(const void *data, const json_t *value)
{
	return manifest_line(data, value);
}

/* 1: not ours, and said so. */
int manifest_check(const struct manifests *manifests, const struct manifest *manifest)
{
	struct schema_place place = {manifest->where, line_of, manifests};
	const char *kind = field_text(manifest->object, "kind", NULL);

	if (kind && !schema_knows(kind)) {
		warn("%s: %.60s is passed over", manifest->where, kind);
		return 1;
	}
	if (kind && !field_get(manifest->object, "apiVersion"))
		return fail("%s: %.60s: apiVersion is required", manifest->where, kind);
	return schema_check(manifest->object, &place);
}

static int add_manifest(const struct manifests *manifests, const struct manifest *manifest,
			void *data)
{
	int result = manifest_check(manifests, manifest);

	if (result == 0)
		result = model_add_checked(data, manifest->object, manifest->where);
	return result < 0 ? FAILED : 0;
}

int model_add_manifests(struct model *model, const struct manifests *manifests)
{
	for (size_t i = 0; i < manifests->count; i++)
		if (add_manifest(manifests, &manifests->manifest[i], model))
			return FAILED;
	return 0;
}

int model_read(struct model *model, const char *path)
{
	return manifests_each(path, add_manifest, model);
}
