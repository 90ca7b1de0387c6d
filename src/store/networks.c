// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/networks.h"
#include "store/documents.h"
#include <stdlib.h>
#include <string.h>

char *network_document(const char *network)
{
	return xprintf(NETWORK_DOCUMENTS "%s", network);
}

struct walk {
	struct instance *instance;
	network_callback *callback;
	void *data;
};

static int take_document(const char *name, void *data)
{
	const struct walk *walk = data;
	json_t *document;
	int result;

	if (strncmp(name, NETWORK_DOCUMENTS, strlen(NETWORK_DOCUMENTS)) != 0)
		return 0;
	document = document_get(walk->instance, name);
	result = walk->callback(name + strlen(NETWORK_DOCUMENTS), document, walk->data);
	json_decref(document);
	return result;
}

int networks_each(struct instance *instance, network_callback *callback, void *data)
{
	struct walk walk = {instance, callback, data};

	return document_each(instance, take_document, &walk);
}

json_t *network_pod_end(const json_t *attachment)
{
	json_t *addresses = json_array(), *each;
	size_t i;

	json_array_foreach (json_object_get(attachment, "addresses"), i, each) {
		const char *text = json_string_value(each);

		json_array_append_new(addresses, json_stringn(text, strcspn(text, "/")));
	}
	return json_pack("{s:o, s:O*, s:O*}", "addresses", addresses, "mac",
			 json_object_get(attachment, "mac"), "netns",
			 json_object_get(attachment, "netns"));
}

struct search {
	const char *pod;
	size_t count;
	json_t *found;
};

static bool is_meant(const json_t *attachment, const char *pod)
{
	const char *namespace = json_string_value(json_object_get(attachment, "namespace"));
	const char *name = json_string_value(json_object_get(attachment, "name"));
	char *full = xprintf("%s/%s", namespace, name);
	bool meant = !strcmp(strchr(pod, '/') ? full : name, pod);

	free(full);
	return meant;
}

static int search_network(const char *network, json_t *document, void *data)
{
	struct search *search = data;
	json_t *each;
	size_t i;

	(void)network;
	json_array_foreach (json_object_get(document, "attachments"), i, each) {
		if (!is_meant(each, search->pod))
			continue;
		search->count++;
		json_decref(search->found);
		search->found = json_incref(each);
	}
	return 0;
}

json_t *network_pod_find(struct instance *instance, const char *pod, size_t *count)
{
	struct search search = {.pod = pod};

	networks_each(instance, search_network, &search);
	*count = search.count;
	return search.found;
}

static int add_pods(const char *network, json_t *document, void *data)
{
	json_t *pods = data, *each;
	size_t i;

	(void)network;
	json_array_foreach (json_object_get(document, "attachments"), i, each) {
		const char *namespace = json_string_value(json_object_get(each, "namespace"));
		const char *name = json_string_value(json_object_get(each, "name"));

		json_array_append_new(pods,
				      json_pack("{s:s++, s:O, s:O}", "pod", namespace, "/", name,
						"netns", json_object_get(each, "netns"),
						"addresses", json_object_get(each, "addresses")));
	}
	return 0;
}

json_t *networks_with_topology(struct instance *instance, json_t *record)
{
	json_t *pods = json_object_get(record, "pods");

	if (!record) {
		record = json_pack("{s:[]}", "pods");
		pods = json_object_get(record, "pods");
	}
	networks_each(instance, add_pods, pods);
	if (json_array_size(pods))
		return record;
	json_decref(record);
	return NULL;
}
