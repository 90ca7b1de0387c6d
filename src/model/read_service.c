// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Services: under which addresses and ports, and which pods are behind them. */
#include <stdlib.h>
#include <string.h>
#include "model/model_private.h"

static void read_service_ports(struct model *model, struct service *service,
			       const struct item *ports)
{
	service->ports = model_array(model, item_count(ports), sizeof(*service->ports));
	ITEM_EACH (ports, value) {
		struct service_port *port = &service->ports[service->port_count];
		const struct item *target = item_get(value, "targetPort");
		int protocol = protocol_parse(item_text(value, "protocol", "TCP"));
		long number = item_number(value, "port", 0);

		if (protocol < 0 || number < 1 || number > 65535)
			continue;
		port->protocol = (uint8_t)protocol;
		port->port = (uint16_t)number;
		port->target = (uint16_t)item_number(value, "targetPort", number);
		if (target && target->kind == ITEM_TEXT)
			port->target_name = model_text(model, target->text);
		service->port_count++;
	}
}

static void read_cluster_addresses(struct model *model, struct service *service,
				   const struct item *spec)
{
	const struct item *many = item_get(spec, "clusterIPs");

	service->addresses = model_array(model, item_count(many) + 1, sizeof(struct address));
	ITEM_EACH (many, value)
		if (!address_parse(item_string(value), &service->addresses[service->address_count]))
			service->address_count++;
	if (!service->address_count &&
	    !address_parse(item_text(spec, "clusterIP", ""), service->addresses))
		service->address_count = 1;
}

/* Without a selector nobody but the API server knows what is behind it. */
int read_service(struct model *model, const struct item *object, const char *where)
{
	const struct item *metadata = item_get(object, "metadata"),
			  *spec = item_get(object, "spec");
	struct namespace *namespace =
	    model_namespace(model, item_text(metadata, "namespace", "default"));
	const char *name = item_text(metadata, "name", "");
	uint32_t fresh = (uint32_t)model->services.count;
	uint32_t index = model_name(model, NAME_SERVICE, namespace->name, name, fresh);
	struct service *service;

	(void)where;
	if (index == fresh)
		ADD(model->services, model_array(model, 1, sizeof(*service)));
	service = model->services.item[index];
	*service = (struct service){
	    .title = model_title(model, namespace->name, name),
	    .namespace = namespace->name,
	};
	if (strcmp(item_text(spec, "type", ""), "ExternalName") == 0)
		return 0;
	read_labels(model, item_get(spec, "selector"), &service->selector);
	if (!service->selector.count)
		return 0;
	read_cluster_addresses(model, service, spec);
	read_service_ports(model, service, item_get(spec, "ports"));
	return 0;
}
