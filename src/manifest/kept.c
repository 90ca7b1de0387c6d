/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/kept.h"

#include <string.h>
#include "base/base.h"
#include "manifest/schema.h"

static const struct {
	const char *kind, *document;
	bool namespaced, policy;
} kept[] = {
    {"Namespace", "namespaces", false, false},
    {"Node", "nodes", false, false},
    {"Pod", "pods", true, false},
    {"Service", "services", true, false},
    {"NetworkPolicy", "policies", true, true},
    {"ClusterNetworkPolicy", "cluster-policies", false, true},
    {"AdminNetworkPolicy", "cluster-policies", false, true},
    {"BaselineAdminNetworkPolicy", "cluster-policies", false, true},
    {"Endpoint", "endpoints", false, true},
};

static int kept_index(const json_t *object)
{
	const char *kind = field_text(object, "kind", "");

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (strcmp(kept[i].kind, kind) == 0)
			return (int)i;
	return -1;
}

static const char *name_of(const json_t *object)
{
	return field_text(field_get(object, "metadata"), "name", "");
}

static const char *namespace_of(const json_t *object)
{
	return field_text(field_get(object, "metadata"), "namespace", "default");
}

char *object_document(const json_t *object)
{
	int index = kept_index(object);

	if (index < 0)
		return NULL;
	if (!kept[index].namespaced)
		return xstrdup(kept[index].document);
	return xprintf("%s/%s", kept[index].document, namespace_of(object));
}

bool object_is_policy(const json_t *object)
{
	int index = kept_index(object);

	return index >= 0 && kept[index].policy;
}

char *object_title(const json_t *object)
{
	int index = kept_index(object);

	if (index >= 0 && kept[index].namespaced)
		return xprintf("%s/%s", namespace_of(object), name_of(object));
	return xstrdup(name_of(object));
}

/* Copies the named fields that are there. */
static json_t *pick(const json_t *object, const char *const *names)
{
	json_t *picked = json_object();

	for (; *names; names++)
		if (field_get(object, *names))
			json_object_set(picked, *names, field_get(object, *names));
	return picked;
}

static json_t *slim_containers(const json_t *containers)
{
	static const char *const fields[] = {"name", "ports", "restartPolicy", NULL};
	json_t *slim = json_array(), *container;
	size_t index;

	json_array_foreach (containers, index, container)
		json_array_append_new(slim, pick(container, fields));
	return slim;
}

static json_t *slim_pod_spec(const json_t *spec)
{
	static const char *const fields[] = {"hostNetwork", "nodeName", NULL};
	json_t *slim = pick(spec, fields);

	json_object_set_new(slim, "containers", slim_containers(field_get(spec, "containers")));
	if (field_get(spec, "initContainers"))
		json_object_set_new(slim, "initContainers",
				    slim_containers(field_get(spec, "initContainers")));
	return slim;
}

json_t *object_slim(const json_t *object)
{
	static const char *const top[] = {"apiVersion", "kind", "spec",	   "iface", "range",
					  "allow",	"port", "between", NULL};
	static const char *const meta[] = {"name", "namespace", "labels", "annotations", NULL};
	static const char *const pod_status[] = {"phase",  "podIP",   "podIPs",
						 "hostIP", "hostIPs", NULL};
	static const char *const node_status[] = {"addresses", NULL};
	const char *kind = field_text(object, "kind", "");
	const json_t *status = field_get(object, "status");
	json_t *slim = pick(object, top), *metadata = pick(field_get(object, "metadata"), meta);
	int index = kept_index(object);

	if (index >= 0 && kept[index].namespaced)
		json_object_set_new(metadata, "namespace", json_string(namespace_of(object)));
	json_object_set_new(slim, "metadata", metadata);
	if (strcmp(kind, "Pod") == 0) {
		json_object_set_new(slim, "spec", slim_pod_spec(field_get(object, "spec")));
		json_object_set_new(slim, "status", pick(status, pod_status));
	} else if (strcmp(kind, "Node") == 0) {
		json_object_del(slim, "spec");
		json_object_set_new(slim, "status", pick(status, node_status));
	} else if (strcmp(kind, "Namespace") == 0) {
		json_object_del(slim, "spec");
	}
	return slim;
}

static bool is_same(const json_t *a, const json_t *b)
{
	return strcmp(field_text(a, "kind", ""), field_text(b, "kind", "")) == 0 &&
	       strcmp(name_of(a), name_of(b)) == 0;
}

/* Equal but for when it was said; then the old time stays. */
static bool is_unchanged(const json_t *old, json_t *object)
{
	json_t *since = json_object_get(object, "since"), *before = json_object_get(old, "since");
	bool equal;

	json_incref(since);
	if (before)
		json_object_set(object, "since", before);
	else
		json_object_del(object, "since");
	equal = json_equal(old, object);
	if (!equal && since)
		json_object_set(object, "since", since);
	json_decref(since);
	return equal;
}

enum object_change objects_put(json_t *array, json_t *object)
{
	size_t index;
	json_t *old;

	json_array_foreach (array, index, old) {
		enum object_change change = OBJECT_CONFIGURED;

		if (!is_same(old, object))
			continue;
		if (is_unchanged(old, object))
			change = OBJECT_UNCHANGED;
		json_array_set_new(array, index, object);
		return change;
	}
	json_array_append_new(array, object);
	return OBJECT_CREATED;
}

json_t *objects_find(const json_t *array, const json_t *like)
{
	size_t index;
	json_t *object;

	json_array_foreach (array, index, object) {
		if (is_same(object, like))
			return object;
	}
	return NULL;
}

bool objects_remove(json_t *array, const json_t *like)
{
	size_t index;
	json_t *object;

	json_array_foreach (array, index, object) {
		if (!is_same(object, like))
			continue;
		json_array_remove(array, index);
		return true;
	}
	return false;
}
