// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/intake.h"
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "model/model.h"
#include "manifest/schema.h"
#include "manifest/kept.h"

#define OWN_ANNOTATIONS "npctl.io/"

char *intake_key(const json_t *object)
{
	char *document = object_document(object), *title, *key;

	if (!document)
		return xstrdup("");
	title = object_title(object);
	key = xprintf("%s %s", field_text(object, "kind", ""), title);
	free(document);
	free(title);
	return key;
}

/* Others' annotations change often and are long. */
static void keep_own_annotations(json_t *object)
{
	json_t *metadata = json_object_get(object, "metadata");
	json_t *annotations = json_object_get(metadata, "annotations"), *value;
	json_t *kept = json_object();
	const char *key;

	json_object_foreach (annotations, key, value)
		if (strncmp(key, OWN_ANNOTATIONS, strlen(OWN_ANNOTATIONS)) == 0)
			json_object_set(kept, key, value);
	json_object_del(metadata, "annotations");
	if (json_object_size(kept))
		json_object_set(metadata, "annotations", kept);
	json_decref(kept);
}

static int check(const json_t *slim, const char *where)
{
	struct model *model = model_new();
	int result = model_add(model, slim, where);

	model_free(model);
	return result;
}

int intake_object(const json_t *object, const char *where, const char *origin,
		  struct intake *intake)
{
	char *key = intake_key(object);
	json_t *slim;
	int result;

	*intake = (struct intake){0};
	if (!*key) {
		free(key);
		return 1;
	}
	slim = object_slim(object);
	keep_own_annotations(slim);
	result = check(slim, where);
	if (!result) {
		json_object_set_new(slim, "origin", json_string(origin));
		intake->key = key;
		intake->text = json_dumps(slim, JSON_COMPACT | JSON_SORT_KEYS);
		key = NULL;
	}
	json_decref(slim);
	free(key);
	return result;
}

void intake_release(struct intake *intake)
{
	free(intake->key);
	free(intake->text);
	*intake = (struct intake){0};
}
