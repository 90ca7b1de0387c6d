// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "cni/attachment.h"
#include "attach/attach.h"
#include "commit/enforce.h"
#include "store/networks.h"
#include "manifest/schema.h"
#include "store/documents.h"

json_t *network_read(struct instance *instance, const char *network)
{
	char *name = network_document(network);
	json_t *document = document_get(instance, name);

	free(name);
	if (!json_is_object(document)) {
		json_decref(document);
		document = json_pack("{s:s}", "kind", NETWORK_KIND);
	}
	if (!json_is_object(json_object_get(document, "next")))
		json_object_set_new(document, "next", json_object());
	if (!json_is_array(json_object_get(document, "attachments")))
		json_object_set_new(document, "attachments", json_array());
	return document;
}

void network_write(struct instance *instance, const char *network, json_t *document)
{
	char *name = network_document(network);

	document_put(instance, name, json_incref(document));
	free(name);
}

static bool is_meant(const json_t *record, const char *container, const char *ifname)
{
	return !strcmp(field_text(record, "container", ""), container) &&
	       !strcmp(field_text(record, "ifname", ""), ifname);
}

json_t *record_find(const json_t *document, const char *container, const char *ifname)
{
	json_t *record;
	size_t i;

	json_array_foreach (json_object_get(document, "attachments"), i, record)
		if (is_meant(record, container, ifname))
			return record;
	return NULL;
}

static json_t *prefix_texts(const struct prefix *prefixes, size_t count)
{
	json_t *texts = json_array();
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(texts, json_string(prefix_text(&prefixes[i], text)));
	return texts;
}

static void record_addresses(json_t *record, const struct attachment *attachment)
{
	json_t *addresses = json_array(), *subnets = json_array();
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family_address *ip = &attachment->ip[i];

		if (!ip->address.address.family)
			continue;
		json_array_append_new(addresses, link_address_text(&ip->address));
		json_array_append_new(subnets, json_string(prefix_text(&ip->subnet, text)));
	}
	json_object_set_new(record, "addresses", addresses);
	json_object_set_new(record, "subnets", subnets);
}

json_t *record_make(const struct request *request, const struct attachment *attachment, bool own)
{
	const struct config *config = &request->config;
	char mac[MAC_TEXT];
	json_t *record = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:O*}", "container", request->container,
	    "ifname", request->ifname, "host", attachment->host_name, "netns", request->netns,
	    "namespace", request->pod_namespace, "name", request->pod_name, "mac",
	    mac_text(attachment->mac, mac), "own", own, "labels", config->labels);

	record_addresses(record, attachment);
	if (own && config->default_policy)
		json_object_set_new(record, "default", json_string(config->default_policy));
	if (request->previous)
		json_object_set_new(record, "chained", json_true());
	else if (config->routed)
		json_object_set_new(record, "routed", json_true());
	else
		json_object_set_new(record, "bridge", json_string(config->bridge));
	if (config->masquerade) {
		json_object_set_new(record, "masquerade", json_true());
		json_object_set_new(record, "except",
				    prefix_texts(config->masquerade_except, config->except_count));
	}
	return record;
}

/* Takes it off the list; a reference for the caller. */
static json_t *record_drop(json_t *document, const char *container, const char *ifname)
{
	json_t *records = json_object_get(document, "attachments"), *record;
	size_t i;

	json_array_foreach (records, i, record)
		if (is_meant(record, container, ifname)) {
			json_incref(record);
			json_array_remove(records, i);
			return record;
		}
	return NULL;
}

/* Detaching commits what else has changed. */
static int detach(struct instance *instance, const char *host, bool changed)
{
	char *attached = attach_find(instance, host);
	int error = 0;

	if (attached)
		error = detach_interface(instance, host);
	else if (changed)
		error = enforce_commit(instance);
	free(attached);
	return error;
}

int record_remove(struct instance *instance, const char *network, const char *container,
		  const char *ifname, json_t **record)
{
	json_t *document = network_read(instance, network);
	struct ends ends;
	bool needed;
	int error;

	ends_name(network, container, ifname, &ends);
	*record = record_drop(document, container, ifname);
	/* unloaded, it was only there for the containers' addresses */
	needed =
	    instance_loaded(instance) || json_array_size(json_object_get(document, "attachments"));
	if (*record)
		network_write(instance, network, needed ? document : NULL);
	error = detach(instance, field_text(*record, "host", ends.host), *record);
	json_decref(document);
	return error;
}
