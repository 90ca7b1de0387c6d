// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which attachment people mean. */
#include <stdlib.h>
#include <string.h>
#include "kernel/attach.h"
#include "kernel/attach_cgroup.h"

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

int attach_find_pod(struct instance *instance, const char *pod, char **subject, char **interface)
{
	json_t *topology = document_get(instance, "topology"), *each, *found = NULL;
	size_t i, count = 0;
	int error = 0;

	json_array_foreach (json_object_get(topology, "pods"), i, each) {
		if (pod_is_meant(text(each, "pod"), pod)) {
			found = each;
			count++;
		}
	}
	if (!topology) {
		fail("pod \"%s\" does not exist: there is no topology", pod);
		error = instance_mend(instance, "topo up");
	} else if (!count) {
		fail("pod \"%s\" does not exist", pod);
		error = instance_mend(instance, "topo show");
	} else if (count > 1) {
		error = fail("pod \"%s\" exists in %zu namespaces: write NAMESPACE/%s", pod, count,
			     pod);
	} else {
		*subject = xstrdup(text(found, "pod"));
		*interface = xstrdup(text(found, "host"));
	}
	json_decref(topology);
	return error;
}
