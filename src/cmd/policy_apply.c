/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy apply, and delete -f: whole files of manifests, in one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/policy.h"
#include "kernel/domains.h"
#include "kernel/enforce.h"
#include "policy/lines.h"
#include "policy/lint.h"
#include "policy/manifest.h"
#include "policy/model_private.h"
#include "policy/store.h"

const struct option policy_apply_options[] = {
    {"file", VALUE_FILE, "FILE", "manifests: a file, a directory, - (may repeat)", 'f', true},
    {0},
};

/* Documents as they change, each read and written once. */
struct changes {
	struct instance *instance;
	json_t *documents; /* name -> array */
	json_t *rows;
};

static json_t *changing(struct changes *changes, const char *name)
{
	json_t *array = json_object_get(changes->documents, name);

	if (!array) {
		array = document_array(changes->instance, name);
		json_object_set_new(changes->documents, name, array);
	}
	return array;
}

static void add_row(struct changes *changes, const json_t *object, const char *state)
{
	char *title = object_title(object);

	json_array_append_new(changes->rows,
			      json_pack("{s:s, s:s, s:s}", "kind", field_text(object, "kind", ""),
					"name", title, "state", state));
	free(title);
}

static bool has_address(const json_t *pod)
{
	const json_t *status = json_object_get(pod, "status");

	return json_object_get(status, "podIP") || json_object_get(status, "podIPs");
}

/*
 * A pod that lives here keeps its addresses; a manifest tells its labels and
 * ports. One without an address waits for its container to be started.
 */
static void merge_pod(json_t *pod, const json_t *old)
{
	if (!has_address(pod) && has_address(old))
		json_object_set(pod, "status", json_object_get(old, "status"));
}

/* A rule, a default or a list, as `policy export` writes it; true when it was one. */
static bool apply_own(struct changes *changes, const json_t *object)
{
	const char *kind = field_text(object, "kind", ""), *name;
	json_t *copy = json_deep_copy(object);
	bool own = true;
	char *document;
	long id;

	json_object_del(copy, "apiVersion");
	json_object_del(copy, "id");
	if (strcmp(kind, "Rule") == 0) {
		if (!json_object_get(copy, "direction"))
			json_object_set_new(copy, "direction", json_string("ingress"));
		if (!json_object_get(copy, "ports"))
			json_object_set_new(copy, "ports", json_array());
		json_object_set_new(copy, "since", json_integer(time(NULL)));
		lines_put(changing(changes, "rules"), json_incref(copy), &id);
	} else if (strcmp(kind, "Default") == 0) {
		defaults_put(changing(changes, "defaults"), field_text(copy, "verdict", ""),
			     strcmp(field_text(copy, "direction", ""), "egress") == 0,
			     field_text(copy, "subject", NULL));
	} else if (strcmp(kind, "CidrList") == 0) {
		name = field_text(copy, "name", "");
		document = xprintf("lists/%s", name);
		document_put(changes->instance, document, json_incref(copy));
		free(document);
	} else {
		own = false;
	}
	json_decref(copy);
	return own;
}

static void apply_object(struct changes *changes, const json_t *object)
{
	static const char *const states[] = {[OBJECT_CREATED] = "created",
					     [OBJECT_CONFIGURED] = "configured",
					     [OBJECT_UNCHANGED] = "unchanged"};
	char *document = object_document(object);
	enum object_change change;
	json_t *array, *slim;

	if (!document && apply_own(changes, object))
		return;
	if (!document)
		return; /* what makes pods is for `test matrix`; here the pods themselves count */
	array = changing(changes, document);
	slim = object_slim(object);
	if (strncmp(document, "pods/", 5) == 0)
		merge_pod(slim, objects_find(array, slim));
	if (object_is_policy(slim))
		json_object_set_new(slim, "since", json_integer(time(NULL)));
	change = objects_put(array, json_incref(slim));
	add_row(changes, slim, states[change]);
	json_decref(slim);
	free(document);
}

static void delete_object(struct changes *changes, const json_t *object)
{
	char *document = object_is_policy(object) ? object_document(object) : NULL;

	if (document)
		add_row(changes, object,
			objects_remove(changing(changes, document), object) ? "deleted"
									    : "not there");
	free(document);
}

static int change_file(struct changes *changes, const char *path, bool delete)
{
	struct manifests manifests = {0};
	int result = manifests_read(path, &manifests);

	for (size_t i = 0; result == 0 && i < manifests.count; i++) {
		const struct manifest *manifest = &manifests.manifest[i];

		result = manifest_check(&manifests, manifest);
		if (result == 0 && delete)
			delete_object(changes, manifest->object);
		else if (result == 0)
			apply_object(changes, manifest->object);
		if (result > 0)
			result = 0;
	}
	manifests_release(&manifests);
	return result;
}

static int write_changes(struct changes *changes)
{
	const char *name;
	json_t *array;

	json_object_foreach (changes->documents, name, array) {
		document_put(changes->instance, name,
			     json_array_size(array) ? json_incref(array) : NULL);
	}
	if (domains_settle(changes->instance))
		return FAILED;
	return enforce_commit(changes->instance);
}

static void warn_of_ties(struct instance *instance)
{
	struct model *model;

	if (enforce_model(instance, &model) == 0) {
		model_warn_ties(model);
		model_free(model);
	}
}

static void show_changes(struct context *context, json_t *rows)
{
	json_t *row;
	size_t i;

	if (context->out.json) {
		out_json(&context->out, rows);
		return;
	}
	json_array_foreach (rows, i, row) {
		if (!quiet)
			printf("%s %s: %s\n", field_text(row, "kind", ""),
			       field_text(row, "name", ""), field_text(row, "state", ""));
	}
	json_decref(rows);
}

static int change_files(struct context *context, const struct words *words, bool delete)
{
	struct changes changes = {0};
	const char *path;
	int result =
	    instance_open(&changes.instance, context->root, delete ? ACCESS_WRITE : ACCESS_CREATE);

	if (result)
		return result;
	changes.documents = json_object();
	changes.rows = json_array();
	for (size_t i = 0; !result && (path = word_nth(words, "file", i)); i++)
		result = change_file(&changes, path, delete);
	if (!result)
		result = write_changes(&changes);
	if (!quiet && !result && json_object_get(changes.documents, "cluster-policies") && !delete)
		warn_of_ties(changes.instance);
	instance_close(changes.instance);
	if (!result)
		show_changes(context, changes.rows);
	else
		json_decref(changes.rows);
	json_decref(changes.documents);
	return result;
}

int policy_apply(struct context *context, const struct words *words)
{
	if (!word_value(words, "file"))
		return misuse("which manifests? -f FILE|DIR");
	return change_files(context, words, false);
}

int policy_delete_files(struct context *context, const struct words *words)
{
	return change_files(context, words, true);
}
