// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "cmd/lab.h"
#include "manifest/manifest.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool is_kind(const json_t *object, const char *kind)
{
	return !strcmp(text_of(object, "kind"), kind);
}

/* "ns/name" */
static char *name_of(const json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata");
	const char *namespace = text_of(metadata, "namespace");

	return xprintf("%s/%s", *namespace ? namespace : "default", text_of(metadata, "name"));
}

/* Pod objects and their annotations by "ns/name", later ones in place of earlier ones. */
struct given {
	json_t *pods, *annotations, *namespaces;
	size_t policies;
};

static void given_add(struct given *given, json_t *object)
{
	const json_t *metadata = json_object_get(object, "metadata");
	char *name;

	if (is_kind(object, "Namespace"))
		json_object_set(given->namespaces, text_of(metadata, "name"), object);
	given->policies += strstr(text_of(object, "kind"), "Policy") != NULL;
	if (!is_kind(object, "Pod"))
		return;
	name = name_of(object);
	json_object_set(given->pods, name, object);
	json_object_set(given->annotations, name, json_object_get(metadata, "annotations"));
	free(name);
}

static int read_default(struct model *model, struct given *given)
{
	json_t *pods = topo_default(), *pod;
	int error = 0;
	size_t i;

	json_array_foreach (pods, i, pod) {
		given_add(given, pod);
		error = error ? error : model_add(model, pod, "the default lab");
	}
	json_decref(pods);
	return error;
}

static int read_file(const char *path, struct model *model, struct given *given)
{
	struct manifests manifests = {};
	int error = manifests_read(path, &manifests);

	for (size_t i = 0; i < manifests.count && !error; i++) {
		given_add(given, manifests.manifest[i].object);
		error = model_add(model, manifests.manifest[i].object, manifests.manifest[i].where);
	}
	manifests_release(&manifests);
	if (!error && given->policies)
		warn("policies in %s are left for `npctl policy apply -f %s`", path, path);
	return error;
}

static json_t *labels_of(const struct pod *pod)
{
	json_t *labels = json_object();

	for (size_t i = 0; i < pod->labels.count; i++)
		json_object_set_new(labels, pod->labels.label[i].key,
				    json_string(pod->labels.label[i].value));
	return labels;
}

static json_t *ports_of(const struct pod *pod)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < pod->port_count; i++) {
		const struct container_port *port = &pod->ports[i];
		json_t *object = json_pack("{s:i, s:s}", "containerPort", port->port, "protocol",
					   port->protocol == 17	   ? "UDP"
					   : port->protocol == 132 ? "SCTP"
								   : "TCP");

		if (*port->name)
			json_object_set_new(object, "name", json_string(port->name));
		json_array_append_new(ports, object);
	}
	return ports;
}

/* For the pods that a Deployment or the like stands for. */
static json_t *pod_object(const struct pod *pod)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:o}, s:{s:[{s:s, s:o}]}}", "apiVersion", "v1",
			 "kind", "Pod", "metadata", "name", pod->name, "namespace", pod->namespace,
			 "labels", labels_of(pod), "spec", "containers", "name", "main", "ports",
			 ports_of(pod));
}

/* The addresses that the record gives, where a cluster would report them. */
static void set_addresses(json_t *object, const json_t *row)
{
	json_t *addresses = json_object_get(row, "addresses"), *each;
	json_t *status = json_object_get(object, "status"), *list = json_array();
	size_t i;

	status = json_is_object(status) ? json_copy(status) : json_object();
	json_array_foreach (addresses, i, each) {
		const char *text = json_string_value(each);
		json_t *bare = json_stringn(text, strcspn(text, "/"));

		if (i == 0)
			json_object_set(status, "podIP", bare);
		json_array_append_new(list, json_pack("{s:o}", "ip", bare));
	}
	json_object_set_new(status, "podIPs", list);
	json_object_set_new(object, "status", status);
}

static void fill(struct lab *lab, const struct model *model, const struct given *given)
{
	json_t *rows = json_object_get(lab->record, "pods"), *row, *object;
	const char *name;
	size_t i;

	lab->pods = json_array();
	json_array_foreach (rows, i, row) {
		object = json_object_get(given->pods, text_of(row, "pod"));
		object = object ? json_copy(object)
				: pod_object(model_pod_find(model, text_of(row, "pod")));
		set_addresses(object, row);
		json_array_append_new(lab->pods, object);
	}
	lab->namespaces = json_array();
	json_object_foreach (given->namespaces, name, object)
		json_array_append(lab->namespaces, object);
}

int lab_read(const char *path, const struct topo_wishes *wishes, struct lab *lab)
{
	struct given given = {json_object(), json_object(), json_object(), 0};
	struct topo_wishes all = *wishes;
	struct model *model = model_new();
	int error;

	*lab = (struct lab){};
	error = path ? read_file(path, model, &given) : read_default(model, &given);
	all.annotations = given.annotations;
	if (!error && !model_pod_count(model))
		error = fail("%s: holds no pods", path);
	if (!error)
		error = topo_plan(model, &all, &lab->record);
	if (!error)
		fill(lab, model, &given);
	model_free(model);
	json_decref(given.pods);
	json_decref(given.annotations);
	json_decref(given.namespaces);
	return error;
}

void lab_release(struct lab *lab)
{
	json_decref(lab->record);
	json_decref(lab->pods);
	json_decref(lab->namespaces);
	*lab = (struct lab){};
}
