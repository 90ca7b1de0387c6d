/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy export: what `policy apply -f` would take in again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "manifest/schema.h"
#include "manifest/kept.h"
#include "manifest/yaml_write.h"
#include "store/documents.h"

const struct option policy_export_options[] = {
    {"all", VALUE_NONE, NULL, "namespaces, nodes and pods, too", 0, false},
    {0},
};

struct exporting {
	struct instance *instance;
	const struct words *words;
	bool all;
	json_t *objects;
};

static bool is_wanted(const struct exporting *export, const json_t *object)
{
	const char *name = field_text(field_get(object, "metadata"), "name", "");
	char *title;
	bool wanted = false;

	if (export->words->count == 0)
		return export->all || object_is_policy(object) || !field_get(object, "metadata");
	if (!object_is_policy(object))
		return false;
	title = object_title(object);
	for (int i = 0; i < export->words->count; i++)
		wanted |= strcmp(export->words->word[i], title) == 0 ||
			  strcmp(export->words->word[i], name) == 0;
	free(title);
	return wanted;
}

/* All in one list, as the file had them. */
static void add_endpoint(struct exporting *export, const json_t *object)
{
	json_t *last = json_array_get(export->objects, json_array_size(export->objects) - 1);
	json_t *fields = json_deep_copy(object), *list = json_object_get(last, "endpoints");

	json_object_del(fields, "kind");
	json_object_del(fields, "apiVersion");
	json_object_del(fields, "metadata");
	if (!list) {
		list = json_array();
		json_array_append_new(export->objects, json_pack("{s:o}", "endpoints", list));
	}
	json_array_append_new(
	    list,
	    json_pack("{s:o}", field_text(field_get(object, "metadata"), "name", ""), fields));
}

static void add_object(struct exporting *export, json_t *object)
{
	const char *kind = field_text(object, "kind", "");
	json_t *own;

	if (strcmp(kind, "RuleSequence") == 0 || !is_wanted(export, object))
		return;
	json_object_del(object, "since");
	if (strcmp(kind, "Endpoint") == 0) {
		add_endpoint(export, object);
		return;
	}
	if (field_get(object, "metadata")) {
		json_array_append(export->objects, object);
		return;
	}
	own = json_pack("{s:s}", "apiVersion", "npctl.io/v1");
	json_object_update(own, object);
	json_object_del(own, "id");
	json_array_append_new(export->objects, own);
}

static int add_document(const char *name, void *data)
{
	static const char *const kept[] = {"namespaces",       "nodes",	   "pods/", "services/",
					   "policies/",	       "lists/",   "rules", "defaults",
					   "cluster-policies", "endpoints"};
	struct exporting *export = data;
	json_t *document, *object;
	bool known = false;
	size_t index;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		known |= strncmp(kept[i], name, strlen(kept[i])) == 0;
	document = known ? document_get(export->instance, name) : NULL;
	if (json_is_object(document))
		add_object(export, document);
	json_array_foreach (document, index, object)
		add_object(export, object);
	json_decref(document);
	return 0;
}

int policy_export(struct context *context, const struct words *words)
{
	struct exporting export = {.words = words, .all = word_flag(words, "all")};
	int error = instance_open(&export.instance, context->root, ACCESS_READ);

	if (error)
		return error;
	export.objects = json_array();
	document_each(export.instance, add_document, &export);
	instance_close(export.instance);
	if (words->count && !json_array_size(export.objects))
		error = fail("policy \"%s\" does not exist", words->word[0]);
	else if (context->out.json)
		out_json(&context->out, json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind",
						  "List", "items", export.objects));
	else if (json_array_size(export.objects))
		error = yaml_write(stdout, export.objects);
	json_decref(export.objects);
	return error;
}
