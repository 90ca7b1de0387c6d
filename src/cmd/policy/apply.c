/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy apply, and delete -f: whole files of manifests, in one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/policy/policy.h"
#include "agent/domains.h"
#include "commit/enforce.h"
#include "load/programs.h"
#include "model/rule.h"
#include "questions/lint.h"
#include "manifest/manifest.h"
#include "model/model_private.h"
#include "manifest/kept.h"
#include "store/documents.h"

const struct option policy_apply_options[] = {
    {"file", VALUE_FILE, "FILE", "manifests: a file, a directory, - (may repeat)", 'f', true},
    TENTATIVE_OPTIONS,
    {0},
};

/* Documents as they change, each read and written once. */
struct changes {
	struct instance *instance;
	json_t *documents; /* name -> array */
	json_t *before;	   /* name -> what it was, or null */
	json_t *rows;
	json_t *endpoints; /* names of those that the files have */
};

static void keep_before(struct changes *changes, const char *name)
{
	json_t *old;
	char *text;
	size_t size;

	if (json_object_get(changes->before, name))
		return;
	if (strcmp(name, "rules") == 0) {
		/* of many, a text is quicker to have than their values */
		text = document_get_bytes(changes->instance, name, &size);
		json_object_set_new(changes->before, name, json_stringn(text, size));
		free(text);
		return;
	}
	old = document_get(changes->instance, name);
	json_object_set_new(changes->before, name, old ? json_deep_copy(old) : json_null());
	json_decref(old);
}

static json_t *changing(struct changes *changes, const char *name)
{
	json_t *array = json_object_get(changes->documents, name);

	if (!array) {
		keep_before(changes, name);
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
	struct rule_store *rules;
	enum line_change change;
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
		keep_before(changes, "rules");
		rules = instance_rules(changes->instance);
		if (!rules || rule_store_put(rules, json_incref(copy), &change, &id))
			changes->instance->full = true;
	} else if (strcmp(kind, "Default") == 0) {
		defaults_put(changing(changes, "defaults"), field_text(copy, "verdict", ""),
			     strcmp(field_text(copy, "direction", ""), "egress") == 0,
			     field_text(copy, "subject", NULL));
	} else if (strcmp(kind, "CidrList") == 0) {
		name = field_text(copy, "name", "");
		document = xprintf("lists/%s", name);
		keep_before(changes, document);
		document_put(changes->instance, document, json_incref(copy));
		free(document);
	} else {
		own = false;
	}
	json_decref(copy);
	return own;
}

static void note_endpoint(struct changes *changes, const json_t *endpoint)
{
	if (!changes->endpoints)
		changes->endpoints = json_object();
	json_object_set_new(changes->endpoints,
			    field_text(field_get(endpoint, "metadata"), "name", ""), json_true());
}

/* Files of endpoints are the whole of it: what they no longer have is gone. */
static void drop_endpoints(struct changes *changes)
{
	json_t *array = json_object_get(changes->documents, "endpoints"), *endpoint;

	for (size_t i = json_array_size(array); changes->endpoints && i-- > 0;) {
		char *name;

		endpoint = json_array_get(array, i);
		name = object_title(endpoint);
		if (!json_object_get(changes->endpoints, name)) {
			add_row(changes, endpoint, "deleted");
			json_array_remove(array, i);
		}
		free(name);
	}
}

/* The same name twice in the files of one command is a slip. */
static int check_endpoint(const struct changes *changes, const struct manifests *manifests,
			  const struct manifest *manifest)
{
	char *name;
	int result = 0;

	if (strcmp(field_text(manifest->object, "kind", ""), "Endpoint") != 0)
		return 0;
	name = object_title(manifest->object);
	if (json_object_get(changes->endpoints, name))
		result = fail("%s: endpoint %s stands here twice", manifest->where, name);
	free(name);
	return result ? result : endpoint_check(manifests, manifest);
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
	if (strcmp(document, "endpoints") == 0)
		note_endpoint(changes, object);
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
		if (result == 0 && !delete)
			result = check_endpoint(changes, &manifests, manifest);
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

/* The sentence that says why stays. */
static void restore(struct changes *changes)
{
	char *sentence = xstrdup(failure()), *mend = xstrdup(failure_mend());
	const char *name;
	json_t *old;

	json_object_foreach (changes->before, name, old)
		document_put(changes->instance, name,
			     json_is_null(old)	   ? NULL
			     : json_is_string(old) ? json_loads(json_string_value(old), 0, NULL)
						   : json_incref(old));
	enforce_commit(changes->instance);
	fail("%s", sentence);
	if (*mend)
		fail_mend("%s", mend);
	free(sentence);
	free(mend);
}

/* Whoever names interfaces wants them judged: one command does it. */
static int load_first(struct changes *changes)
{
	json_t *report;
	int error;

	if (!changes->endpoints || instance_loaded(changes->instance))
		return 0;
	error = programs_load(changes->instance, &(struct load_sizes){0}, &report);
	json_decref(report);
	return error;
}

static int commit_changes(struct changes *changes, bool delete)
{
	int error;

	if (delete) {
		error = endpoints_release(changes->instance, changes->rows);
		return error ? error : enforce_commit(changes->instance);
	}
	error = enforce_commit(changes->instance);
	if (error || !changes->endpoints)
		return error;
	error = endpoints_attach(changes->instance, changes->rows);
	if (error)
		restore(changes);
	else
		endpoints_warn(changes->instance);
	return error;
}

static int write_changes(struct changes *changes, bool delete)
{
	const char *name;
	json_t *array;
	int error;

	if (changes->endpoints && enforce_is_tentative())
		return fail("what endpoints attach is not taken back: --confirm, --dry-run and "
			    "--shadow do not go with them");
	error = load_first(changes);
	if (error)
		return error;
	drop_endpoints(changes);
	json_object_foreach (changes->documents, name, array) {
		document_put(changes->instance, name,
			     json_array_size(array) ? json_incref(array) : NULL);
	}
	if (domains_settle(changes->instance))
		return FAILED;
	return commit_changes(changes, delete);
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
	int result = tentative_words(context, words);

	if (!result)
		result = instance_open(&changes.instance, context->root,
				       delete ? ACCESS_WRITE : ACCESS_CREATE);

	if (result)
		return result;
	changes.documents = json_object();
	changes.before = json_object();
	changes.rows = json_array();
	for (size_t i = 0; !result && (path = word_nth(words, "file", i)); i++)
		result = change_file(&changes, path, delete);
	if (!result)
		result = write_changes(&changes, delete);
	if (!quiet && !result && json_object_get(changes.documents, "cluster-policies") && !delete)
		warn_of_ties(changes.instance);
	instance_close(changes.instance);
	if (!result)
		show_changes(context, changes.rows);
	else
		json_decref(changes.rows);
	json_decref(changes.documents);
	json_decref(changes.before);
	json_decref(changes.endpoints);
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
