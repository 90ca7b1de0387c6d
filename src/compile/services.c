/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services. A pod's packet to a ClusterIP is judged before the node turns it to
 * one of the service's pods, and nobody knows yet to which: so a port of it is
 * allowed if the port behind it is allowed at every one of its pods.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include "compile/compile.h"

const struct service *service_at(const struct model *model, const struct address *address)
{
	for (size_t i = 0; i < model->services.count; i++)
		for (size_t j = 0; j < model->services.item[i]->address_count; j++)
			if (!address_compare(&model->services.item[i]->addresses[j], address))
				return model->services.item[i];
	return NULL;
}

static bool is_selected(const struct service *service, const struct labels *labels)
{
	for (size_t i = 0; i < service->selector.count; i++) {
		const struct label *wanted = &service->selector.label[i];

		if (labels_get(labels, wanted->key) != wanted->value)
			return false;
	}
	return true;
}

static void add_target(struct backends *backends, uint32_t class, const struct service_port *port,
		       uint16_t number)
{
	GROW(backends->item, backends->count, backends->capacity);
	backends->item[backends->count++] = (struct backend){
	    .key = PORT_KEY(port->protocol, port->port),
	    .class = class,
	    .target = PORT_KEY(port->protocol, number),
	};
}

/* A named target is the port of that name, at each pod its own. */
static void add_backend(struct backends *backends, const struct service *service, uint32_t class,
			const struct pod *pod)
{
	for (size_t i = 0; i < service->port_count; i++) {
		const struct service_port *port = &service->ports[i];

		if (!port->target_name) {
			add_target(backends, class, port, port->target);
			continue;
		}
		for (size_t j = 0; j < pod->port_count; j++)
			if (pod->ports[j].name == port->target_name &&
			    pod->ports[j].protocol == port->protocol)
				add_target(backends, class, port, pod->ports[j].port);
	}
}

/* Which classes have addresses of that family. */
static bool *classes_of_family(const struct compile *compile, bool ipv6)
{
	const struct plan *plan = compile->plan;
	bool *has = xalloc(plan->class_count * sizeof(*has));

	for (size_t i = 0; !ipv6 && i < plan->bound4_count; i++)
		has[plan->bounds4[i].class] = true;
	for (size_t i = 0; ipv6 && i < plan->bound6_count; i++)
		has[plan->bounds6[i].class] = true;
	return has;
}

static void add_host_pods(const struct compile *compile, struct backends *backends,
			  const struct service *service, bool ipv6)
{
	const struct model *model = compile->model;

	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i];

		if (!pod->host_network || pod->namespace != service->namespace ||
		    !is_selected(service, &pod->labels))
			continue;
		for (size_t j = 0; j < pod->address_count; j++)
			if ((pod->addresses[j].family == 6) == ipv6)
				add_backend(backends, service,
					    plan_class_of(compile->plan, &pod->addresses[j]), pod);
	}
}

static int compare_backends(const void *a, const void *b)
{
	const struct backend *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return x->target < y->target ? -1 : x->target > y->target;
}

static void find_backends(const struct compile *compile, struct backends *backends,
			  const struct service *service, const bool *has, bool ipv6)
{
	const struct classes *classes = &compile->classes;
	uint32_t namespace =
	    model_name_find(compile->model, NAME_NAMESPACE, service->namespace, "");
	const struct list32 *here = &classes->of_namespace[namespace];

	for (size_t i = 0; i < here->count; i++) {
		const struct pod *pod = classes->pod_classes[here->item[i]].pod;
		const struct list32 *of = &classes->of_pod_class[here->item[i]];

		if (!is_selected(service, &pod->labels))
			continue;
		for (size_t j = 0; j < of->count; j++)
			if (has[of->item[j]])
				add_backend(backends, service, of->item[j], pod);
	}
	add_host_pods(compile, backends, service, ipv6);
	if (backends->count)
		qsort(backends->item, backends->count, sizeof(*backends->item), compare_backends);
}

void services_find(struct compile *compile)
{
	const struct model *model = compile->model;

	compile->is_service = xalloc(compile->classes.count * sizeof(*compile->is_service));
	for (int ipv6 = 0; ipv6 < 2 && model->services.count; ipv6++) {
		bool *has = classes_of_family(compile, ipv6);

		for (size_t i = 0; i < model->services.count; i++) {
			const struct service *service = model->services.item[i];
			struct backends backends = {0};

			for (size_t j = 0; j < service->address_count; j++)
				if ((service->addresses[j].family == 6) == ipv6)
					backends.of =
					    plan_class_of(compile->plan, &service->addresses[j]);
			if (!backends.of || compile->is_service[backends.of] ||
			    compile->classes.item[backends.of].pod_class != LOOKUP_NONE)
				continue; /* none, a pod's, or another service's already */
			find_backends(compile, &backends, service, has, ipv6);
			if (!backends.count)
				continue;
			GROW(compile->services, compile->service_count, compile->service_capacity);
			compile->services[compile->service_count++] = backends;
			compile->is_service[backends.of] = true;
		}
		free(has);
	}
}

void services_release(struct compile *compile)
{
	for (size_t i = 0; i < compile->service_count; i++)
		free(compile->services[i].item);
	free(compile->services);
	free(compile->is_service);
}
