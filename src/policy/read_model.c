/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whole files into a model; the fields are checked where they stand. */
#include "policy/manifest.h"
#include "policy/model_private.h"

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

static int add_manifest(struct model *model, const struct manifests *manifests,
			const struct manifest *manifest)
{
	int result = manifest_check(manifests, manifest);

	if (result == 0)
		result = model_add_checked(model, manifest->object, manifest->where);
	return result < 0 ? FAILED : 0;
}

int model_add_manifests(struct model *model, const struct manifests *manifests)
{
	int result = 0;

	for (size_t i = 0; i < manifests->count && !result; i++)
		result = add_manifest(model, manifests, &manifests->manifest[i]);
	return result;
}

int model_read(struct model *model, const char *path)
{
	struct manifests manifests = {0};
	int result = manifests_read(path, &manifests);

	/* object by object out of one memory into the other: there may be very many */
	for (size_t i = 0; !result && i < manifests.count; i++) {
		result = add_manifest(model, &manifests, &manifests.manifest[i]);
		json_decref(manifests.manifest[i].object);
		manifests.manifest[i].object = NULL;
	}
	manifests_release(&manifests);
	return result;
}
