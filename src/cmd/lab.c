// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/lab.h"
#include <stdlib.h>
#include <string.h>
#include "attach/attach.h"
#include "commit/enforce.h"
#include "store/documents.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Documents under change: by name, each read once and put once; null: none. */
static json_t *edit_get(struct instance *instance, json_t *edit, const char *document)
{
	json_t *objects = json_object_get(edit, document);

	if (objects)
		return objects;
	objects = document_get(instance, document);
	if (!json_is_array(objects)) {
		json_decref(objects);
		objects = json_array();
	}
	json_object_set_new(edit, document, objects);
	return objects;
}

static void edit_put(struct instance *instance, const json_t *edit)
{
	const char *document;
	json_t *objects;

	json_object_foreach ((json_t *)edit, document, objects)
		document_put(instance, document,
			     json_array_size(objects) ? json_incref(objects) : NULL);
}

static void drop(json_t *objects, const char *name)
{
	for (size_t i = json_array_size(objects); i-- > 0;) {
		json_t *metadata = json_object_get(json_array_get(objects, i), "metadata");

		if (!strcmp(text_of(metadata, "name"), name))
			json_array_remove(objects, i);
	}
}

/* The document of a pod's namespace; *name is what stands behind the slash. */
static json_t *pods_of(struct instance *instance, json_t *edit, const char *pod, const char **name)
{
	const char *slash = strchr(pod, '/');
	char *document = xprintf("pods/%.*s", (int)(slash - pod), pod);
	json_t *objects = edit_get(instance, edit, document);

	*name = slash + 1;
	free(document);
	return objects;
}

/* Takes a topology's pods and namespaces off the documents. */
static void forget(struct instance *instance, json_t *edit, const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *each;
	const char *name;
	size_t i;

	json_array_foreach (pods, i, each) {
		json_t *objects = pods_of(instance, edit, text_of(each, "pod"), &name);

		drop(objects, name);
	}
	json_array_foreach (json_object_get(record, "namespaces"), i, each)
		drop(edit_get(instance, edit, "namespaces"), json_string_value(each));
	if (json_object_get(record, "previous"))
		forget(instance, edit, json_object_get(record, "previous"));
}

/* Reads what learn() will change, so that it can be put back. */
static void touch(struct instance *instance, json_t *edit, const struct lab *lab)
{
	json_t *pods = json_object_get(lab->record, "pods"), *each;
	const char *name;
	size_t i;

	json_array_foreach (pods, i, each)
		pods_of(instance, edit, text_of(each, "pod"), &name);
	edit_get(instance, edit, "namespaces");
}

static void learn(struct instance *instance, json_t *edit, const struct lab *lab)
{
	json_t *pods = json_object_get(lab->record, "pods"), *namespaces, *each;
	const char *name;
	size_t i;

	json_array_foreach (pods, i, each) {
		json_t *objects = pods_of(instance, edit, text_of(each, "pod"), &name);

		drop(objects, name);
		json_array_append(objects, json_array_get(lab->pods, i));
	}
	json_array_foreach (lab->namespaces, i, each) {
		namespaces = edit_get(instance, edit, "namespaces");
		drop(namespaces, text_of(json_object_get(each, "metadata"), "name"));
		json_array_append(namespaces, each);
	}
}

static int store(struct instance *instance, const json_t *record)
{
	document_put(instance, "topology", json_deep_copy(record));
	return enforce_commit(instance);
}

/* "" when no link of the record has that name; the bridge stands for itself. */
static const char *link_owner(const json_t *record, const char *interface)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	size_t i;

	json_array_foreach (pods, i, pod)
		if (!strcmp(text_of(pod, "host"), interface))
			return text_of(pod, "pod");
	if (!strcmp(text_of(json_object_get(record, "bridge"), "name"), interface))
		return interface;
	return "";
}

static const char *link_of(const json_t *record, const char *owner)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	size_t i;

	json_array_foreach (pods, i, pod)
		if (!strcmp(text_of(pod, "pod"), owner))
			return text_of(pod, "host");
	return text_of(json_object_get(record, "bridge"), "name");
}

/* What stands on the record's links, with whom each belongs to. */
static json_t *attached_to(struct instance *instance, const json_t *record)
{
	json_t *rows = document_get(instance, "attachments"), *row, *left, *found;
	size_t i;

	left = json_object_get(record, "attached");
	found = left ? json_deep_copy(left) : json_array();
	json_array_foreach (rows, i, row) {
		const char *owner = link_owner(record, text_of(row, "interface"));

		if (*owner)
			json_array_append_new(found,
					      json_pack("{s:s, s:O}", "owner", owner, "row", row));
	}
	json_decref(rows);
	return found;
}

static int detach(struct instance *instance, const json_t *record)
{
	json_t *attached = attached_to(instance, record), *each;
	int error = 0;
	size_t i;

	json_array_foreach (attached, i, each)
		if (!error)
			error = detach_interface(
			    instance, text_of(json_object_get(each, "row"), "interface"));
	json_decref(attached);
	return error;
}

static int attach_again(struct instance *instance, const json_t *record)
{
	json_t *attached = json_object_get(record, "attached"), *each;
	int error = 0;
	size_t i;

	json_array_foreach (attached, i, each) {
		const json_t *row = json_object_get(each, "row");
		const char *program = json_string_value(json_object_get(row, "program"));
		struct attach_request request = {
		    .subject = json_string_value(json_object_get(row, "subject")),
		    .interface = link_of(record, text_of(each, "owner")),
		    .clsact = !strcmp(text_of(row, "by"), "clsact"),
		    .program = program,
		    .hook = program ? text_of(row, "hook") : NULL,
		};

		if (error || !*link_owner(record, request.interface) ||
		    strcmp(link_owner(record, request.interface), text_of(each, "owner")))
			continue;
		error = attach_interface(instance, &request);
	}
	return error;
}

static int remove_all(const json_t *record)
{
	const json_t *previous = json_object_get(record, "previous");

	if (topo_remove(record))
		return FAILED;
	return previous ? remove_all(previous) : 0;
}

/* What stands on links goes with them, but is known until it is back. */
static int build(struct instance *instance, struct lab *lab, const json_t *old)
{
	json_t *record = lab->record;
	int error = old ? detach(instance, old) : topo_sweep(text_of(record, "mark"), NULL);

	if (!error && old)
		error = remove_all(old);
	if (!error)
		error = topo_make(record);
	if (!error)
		error = attach_again(instance, record);
	if (error)
		return error;
	error = topo_serve(record);
	if (error)
		return error;
	json_object_del(record, "previous");
	json_object_del(record, "attached");
	return store(instance, record);
}

/* After a failure: nothing is up, and the documents say so. */
static void give_up(struct instance *instance, const struct lab *lab, const json_t *before)
{
	char *sentence = xstrdup(failure()), *mend = xstrdup(failure_mend());

	detach(instance, lab->record);
	if (!remove_all(lab->record)) {
		edit_put(instance, before);
		document_put(instance, "topology", NULL);
		enforce_commit(instance);
	}
	fail("%s", sentence);
	if (*mend)
		fail_mend("%s", mend);
	free(sentence);
	free(mend);
}

/* Only what the documents say may differ: labels, for one. */
static int keep(struct instance *instance, struct lab *lab, json_t *old)
{
	json_t *edit = json_object();

	json_decref(lab->record);
	lab->record = json_incref(old);
	forget(instance, edit, old);
	learn(instance, edit, lab);
	edit_put(instance, edit);
	json_decref(edit);
	return enforce_commit(instance);
}

static int replace(struct instance *instance, struct lab *lab, json_t *old)
{
	json_t *edit = json_object(), *before, *record = lab->record;
	int error;

	if (old) {
		json_object_set(record, "previous", old);
		json_object_set_new(record, "attached", attached_to(instance, old));
		forget(instance, edit, old);
	}
	touch(instance, edit, lab);
	before = json_deep_copy(edit);
	learn(instance, edit, lab);
	edit_put(instance, edit);
	error = store(instance, record);
	if (!error) {
		error = build(instance, lab, old);
		if (error)
			give_up(instance, lab, before);
	}
	json_decref(before);
	json_decref(edit);
	return error;
}

static void note_namespaces(struct lab *lab)
{
	json_t *names = json_array(), *each;
	size_t i;

	json_array_foreach (lab->namespaces, i, each)
		json_array_append(names,
				  json_object_get(json_object_get(each, "metadata"), "name"));
	json_object_set_new(lab->record, "namespaces", names);
}

int lab_up(struct instance *instance, struct lab *lab, bool *already)
{
	json_t *old = document_get(instance, "topology");
	int error;

	note_namespaces(lab);
	*already = old && topo_same(old, lab->record) && topo_is_made(old);
	if (*already)
		error = keep(instance, lab, old);
	else
		error = topo_check(lab->record) ? FAILED : replace(instance, lab, old);
	json_decref(old);
	return error;
}

int lab_down(struct instance *instance, bool *was_up)
{
	json_t *old = document_get(instance, "topology"), *edit = json_object();
	int error;

	*was_up = old != NULL;
	error = old ? detach(instance, old) : 0;
	if (!error && old)
		error = remove_all(old);
	if (!error && old) {
		forget(instance, edit, old);
		edit_put(instance, edit);
		document_put(instance, "topology", NULL);
		error = enforce_commit(instance);
	}
	json_decref(edit);
	json_decref(old);
	return error;
}
