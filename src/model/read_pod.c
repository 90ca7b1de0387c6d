/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pods, and the templates of what makes pods. */
#include "model/model_private.h"

#include <netinet/in.h>
#include <stdlib.h>
#include "manifest/schema.h"

static size_t count_ports(const struct item *containers, bool restarting_only)
{
	size_t count = 0;

	ITEM_EACH (containers, container) {
		if (!restarting_only ||
		    strcmp(item_text(container, "restartPolicy", ""), "Always") == 0)
			count += item_count(item_get(container, "ports"));
	}
	return count;
}

static void add_ports(struct model *model, struct pod *pod, const struct item *containers,
		      bool restarting_only)
{
	ITEM_EACH (containers, container) {
		if (restarting_only &&
		    strcmp(item_text(container, "restartPolicy", ""), "Always") != 0)
			continue;
		ITEM_EACH (item_get(container, "ports"), value) {
			struct container_port *port = &pod->ports[pod->port_count++];

			port->name = model_text(model, item_text(value, "name", ""));
			port->protocol =
			    (uint8_t)protocol_parse(item_text(value, "protocol", "TCP"));
			port->port = (uint16_t)item_number(value, "containerPort", 0);
		}
	}
}

static int compare_ports(const void *a, const void *b)
{
	const struct container_port *x = a, *y = b;

	if (x->protocol != y->protocol)
		return x->protocol - y->protocol;
	if (x->port != y->port)
		return x->port - y->port;
	return strcmp(x->name, y->name);
}

/* Sidecars (init containers that keep running) serve ports, too. */
static void read_ports(struct model *model, struct pod *pod, const struct item *spec)
{
	const struct item *containers = item_get(spec, "containers");
	const struct item *init = item_get(spec, "initContainers");
	size_t count = count_ports(containers, false) + count_ports(init, true);

	pod->ports = model_array(model, count, sizeof(*pod->ports));
	pod->port_count = 0;
	add_ports(model, pod, containers, false);
	add_ports(model, pod, init, true);
	qsort(pod->ports, pod->port_count, sizeof(*pod->ports), compare_ports);
}

static void add_address(struct address *addresses, size_t *count, const char *text)
{
	struct address address;

	if (!*text || address_parse(text, &address))
		return;
	for (size_t i = 0; i < *count; i++)
		if (address_compare(&addresses[i], &address) == 0)
			return;
	addresses[(*count)++] = address;
}

static void read_addresses(struct model *model, const struct item *status, const char *one,
			   const char *many, struct address **addresses, size_t *count)
{
	const struct item *array = item_get(status, many);

	*count = 0;
	*addresses = model_array(model, item_count(array) + 1, sizeof(**addresses));
	add_address(*addresses, count, item_text(status, one, ""));
	ITEM_EACH (array, value)
		add_address(*addresses, count, item_text(value, "ip", ""));
}

struct pod *pod_of_name(struct model *model, const char *namespace, const char *name)
{
	uint32_t fresh = (uint32_t)model->pods.count;
	uint32_t index = model_name(model, NAME_POD, namespace, name, fresh);
	struct pod *pod;

	if (index != fresh)
		return model->pods.item[index];
	pod = model_array(model, 1, sizeof(*pod));
	pod->namespace = model_namespace(model, namespace)->name;
	pod->name = model_text(model, name);
	ADD(model->pods, pod);
	return pod;
}

static void read_spec(struct model *model, struct pod *pod, const struct item *metadata,
		      const struct item *spec)
{
	read_labels(model, item_get(metadata, "labels"), &pod->labels);
	read_ports(model, pod, spec);
	pod->node = model_text(model, item_text(spec, "nodeName", ""));
	pod->host_network = item_true(spec, "hostNetwork");
}

/* A pod that has ended has given its addresses back. */
static bool has_ended(const struct item *status)
{
	const char *phase = item_text(status, "phase", "");

	return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

int read_pod(struct model *model, const struct item *object, const char *where)
{
	const struct item *metadata = item_get(object, "metadata");
	const struct item *status = item_get(object, "status");
	struct pod *pod = pod_of_name(model, item_text(metadata, "namespace", "default"),
				      item_text(metadata, "name", ""));

	(void)where;
	pod->local_addresses = pod->addresses;
	pod->local_address_count = pod->address_count;
	read_spec(model, pod, metadata, item_get(object, "spec"));
	pod->ended = has_ended(status);
	read_addresses(model, status, "podIP", "podIPs", &pod->addresses, &pod->address_count);
	read_addresses(model, status, "hostIP", "hostIPs", &pod->node_addresses,
		       &pod->node_address_count);
	if (pod->ended)
		pod->address_count = pod->node_address_count = 0;
	if (pod->host_network && !pod->address_count) {
		pod->addresses = pod->node_addresses;
		pod->address_count = pod->node_address_count;
	}
	return 0;
}

/* One pod stands for all that the template makes; it has no address of its own. */
int read_workload(struct model *model, const struct item *object, const char *where)
{
	const struct item *metadata = item_get(object, "metadata");
	const struct item *spec = item_get(object, "spec"), *template;
	struct pod *pod = pod_of_name(model, item_text(metadata, "namespace", "default"),
				      item_text(metadata, "name", ""));

	(void)where;
	if (item_get(spec, "jobTemplate"))
		spec = item_get(item_get(spec, "jobTemplate"), "spec");
	template = item_get(spec, "template");
	read_spec(model, pod, item_get(template, "metadata"), item_get(template, "spec"));
	return 0;
}
