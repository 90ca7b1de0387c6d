// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which attachment people mean. */
#include <stdlib.h>
#include <string.h>
#include "attach/attach.h"
#include "attach/attach_cgroup.h"
#include "store/networks.h"
#include "store/documents.h"

static const char *text(const json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "";
}

/* "backend" is the pod "default/backend", if no other namespace has a backend. */
static bool pod_is_meant(const char *full, const char *wanted)
{
	const char *name = strchr(full, '/');

	return !strcmp(full, wanted) || (name && !strchr(wanted, '/') && !strcmp(name + 1, wanted));
}

char *attach_find(struct instance *instance, const char *word)
{
	json_t *rows = document_get(instance, "attachments"), *row;
	char *interface = NULL;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!interface && !cgroup_row(row) &&
		    (!strcmp(text(row, "interface"), word) ||
		     pod_is_meant(text(row, "subject"), word)))
			interface = xstrdup(text(row, "interface"));
	json_decref(rows);
	return interface;
}

uint32_t attach_ifindex(struct instance *instance, const char *key, const char *value)
{
	json_t *rows = document_get(instance, "attachments"), *row;
	json_int_t ifindex = 0;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!strcmp(text(row, key), value))
			ifindex = json_integer_value(json_object_get(row, "ifindex"));
	json_decref(rows);
	return (uint32_t)ifindex;
}

char *attach_find_subject(struct instance *instance, const char *word)
{
	json_t *rows = document_get(instance, "attachments"), *row;
	char *subject = NULL;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!subject && (cgroup_row(row) || !strncmp(text(row, "subject"), "user:", 5)) &&
		    (!strcmp(text(row, "subject"), word) || !strcmp(text(row, "container"), word) ||
		     (cgroup_row(row) && !strcmp(cgroup_row_path(row), word))))
			subject = xstrdup(text(row, "subject"));
	json_decref(rows);
	return subject;
}

/* Of the topology's pods; how many have the name. */
static size_t find_in_topology(const json_t *topology, const char *pod,
			       struct attach_request *request)
{
	json_t *each, *found = NULL;
	size_t i, count = 0;

	json_array_foreach (json_object_get(topology, "pods"), i, each) {
		if (pod_is_meant(text(each, "pod"), pod)) {
			found = each;
			count++;
		}
	}
	if (count == 1) {
		request->subject = xstrdup(text(found, "pod"));
		request->interface = xstrdup(text(found, "host"));
	}
	return count;
}

static size_t find_in_networks(struct instance *instance, const char *pod,
			       struct attach_request *request)
{
	size_t count;
	json_t *found = network_pod_find(instance, pod, &count);

	if (count == 1) {
		request->subject = xprintf("%s/%s", text(found, "namespace"), text(found, "name"));
		request->interface = xstrdup(text(found, "host"));
		request->pod_end = network_pod_end(found);
	}
	json_decref(found);
	return count;
}

int attach_find_pod(struct instance *instance, const char *pod, struct attach_request *request)
{
	json_t *topology = document_get(instance, "topology");
	size_t count = find_in_topology(topology, pod, request);
	int error = 0;

	if (!count)
		count = find_in_networks(instance, pod, request);
	if (!count && !topology) {
		fail("pod \"%s\" does not exist: there is no topology", pod);
		error = instance_mend(instance, "topo up");
	} else if (!count) {
		fail("pod \"%s\" does not exist", pod);
		error = instance_mend(instance, "topo show");
	} else if (count > 1) {
		error = fail("pod \"%s\" exists in %zu namespaces: write NAMESPACE/%s", pod, count,
			     pod);
	}
	json_decref(topology);
	return error;
}

void attach_request_release(struct attach_request *request)
{
	free((char *)request->subject);
	free((char *)request->interface);
	json_decref(request->pod_end);
}
