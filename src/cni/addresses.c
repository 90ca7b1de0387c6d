// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Addresses out of podcidr. What is taken is what the records, the policy's
 * pods and this host have; nothing else is kept but where the last search
 * ended, so that an address that was just given back rests for a while.
 */
#include <stdlib.h>
#include <string.h>
#include "cni/attachment.h"
#include "cni/refuse.h"
#include "commit/enforce.h"
#include "store/networks.h"
#include "net/subnets.h"

static int take_records(const char *network, json_t *document, void *data)
{
	struct addressing *addressing = data;
	struct link_address address;
	json_t *record, *each;
	size_t i, k;

	(void)network;
	json_array_foreach (json_object_get(document, "attachments"), i, record)
		json_array_foreach (json_object_get(record, "addresses"), k, each)
			if (!link_address_read(json_string_value(each), &address))
				address_take(addressing, &address.address);
	return 0;
}

/* A manifest's word on where this very pod is does not keep it from being there. */
static int take_pods(struct instance *instance, const struct request *request,
		     struct addressing *addressing)
{
	struct model *model;

	if (enforce_model(instance, &model))
		return FAILED;
	for (size_t i = 0; i < model_pod_count(model); i++) {
		const struct pod *pod = model_pod(model, i);
		bool itself = request->pod_name && !strcmp(pod->name, request->pod_name) &&
			      !strcmp(pod->namespace, request->pod_namespace);

		for (size_t k = 0; k < pod->address_count && !itself; k++)
			address_take(addressing, &pod->addresses[k]);
	}
	model_free(model);
	return 0;
}

static int take_host(struct addressing *addressing)
{
	struct link_address *addresses = NULL;
	struct nl_sock *links;
	size_t count = 0;
	int error = links_open(NULL, &links);

	if (!error)
		error = links_addresses(links, &addresses, &count);
	for (size_t i = 0; i < count; i++)
		address_take(addressing, &addresses[i].address);
	free(addresses);
	links_close(links);
	return error;
}

static int taken_read(struct instance *instance, const struct request *request,
		      struct addressing *addressing)
{
	networks_each(instance, take_records, addressing);
	if (take_pods(instance, request, addressing))
		return FAILED;
	return take_host(addressing);
}

/* From where the last search ended to the end, then from the beginning. */
static int search(struct addressing *addressing, const struct prefix *prefix, uint32_t *next,
		  struct address *address)
{
	struct subnet subnet = {.prefix = *prefix, .next = *next ? *next : 1};
	int error = subnet_allocate(addressing, &subnet, address);

	if (error && subnet.next > 1) {
		failure_clear();
		subnet.next = 1;
		error = subnet_allocate(addressing, &subnet, address);
	}
	*next = subnet.next;
	return error;
}

static const struct address *wished_in(const struct config *config, const struct prefix *prefix)
{
	for (size_t i = 0; i < config->wished_count; i++)
		if (prefix_contains(prefix, &config->wished[i]))
			return &config->wished[i];
	return NULL;
}

static int check_wishes(const struct config *config)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < config->wished_count; i++) {
		bool inside = false;

		for (size_t k = 0; k < config->podcidr_count; k++)
			inside |= prefix_contains(&config->podcidr[k], &config->wished[i]);
		if (!inside)
			return refuse(REFUSED_CONFIG, "%s was asked for and is not in podcidr",
				      address_text(&config->wished[i], text));
	}
	return 0;
}

/* On a bridge the subnet's first address is the gateway's. */
static void take_gateway(const struct config *config, const struct prefix *prefix,
			 struct addressing *addressing)
{
	struct subnet subnet = {.prefix = *prefix, .next = 1};
	struct addressing none = {};
	struct address gateway;

	if (config->routed)
		return;
	if (!subnet_allocate(&none, &subnet, &gateway))
		address_take(addressing, &gateway);
	free(none.taken);
}

static int choose_one(const struct config *config, const struct prefix *prefix, json_t *cursors,
		      struct addressing *addressing, struct family_address *ip)
{
	const struct address *wished = wished_in(config, prefix);
	char text[ADDRESS_TEXT], key[ADDRESS_TEXT];
	uint32_t next;

	prefix_text(prefix, key);
	next = (uint32_t)json_integer_value(json_object_get(cursors, key));
	ip->subnet = *prefix;
	ip->address.length = prefix->length;
	if (wished) {
		ip->address.address = *wished;
		return address_is_taken(addressing, wished)
			   ? refuse(REFUSED_FOR_NOW, "%s was asked for and is in use",
				    address_text(wished, text))
			   : 0;
	}
	if (search(addressing, prefix, &next, &ip->address.address))
		return refuse(REFUSED_FOR_NOW, "podcidr %s is exhausted: all addresses are in use",
			      key);
	if (cursors)
		json_object_set_new(cursors, key, json_integer(next));
	return 0;
}

int addresses_choose(struct instance *instance, const struct request *request, json_t *network,
		     struct attachment *attachment)
{
	const struct config *config = &request->config;
	json_t *cursors = json_object_get(network, "next");
	struct addressing addressing = {};
	int error = check_wishes(config);

	if (!error)
		error = taken_read(instance, request, &addressing);
	for (size_t i = 0; i < config->podcidr_count && !error; i++) {
		const struct prefix *prefix = &config->podcidr[i];

		take_gateway(config, prefix, &addressing);
		error = choose_one(config, prefix, cursors, &addressing,
				   &attachment->ip[prefix->address.family == 6]);
	}
	free(addressing.taken);
	return error;
}

int addresses_check(struct instance *instance, const struct attachment *attachment)
{
	struct addressing addressing = {};
	char text[ADDRESS_TEXT];
	int error = 0;

	networks_each(instance, take_records, &addressing);
	for (size_t i = 0; i < FAMILIES && !error; i++) {
		const struct address *address = &attachment->ip[i].address.address;

		if (address->family && address_is_taken(&addressing, address))
			error = refuse(REFUSED_FOR_NOW, "%s is in use by another container",
				       address_text(address, text));
	}
	free(addressing.taken);
	return error;
}

int addresses_left(struct instance *instance, const struct request *request)
{
	struct attachment attachment = {};

	return addresses_choose(instance, request, NULL, &attachment);
}
