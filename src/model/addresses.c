/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses for those that manifests leave without. */
#include <arpa/inet.h>
#include <stdlib.h>
#include "questions/matrix.h"
#include "model/model_private.h"

/* 10.244.0.0/16 and its IPv6 twin, as clusters often have; nodes in 172.31.0.0/16. */
struct giver {
	struct model *model;
	uint32_t next_pod, next_node;
	struct lookup taken;
};

static struct signature address_key(const struct address *address)
{
	struct signature key = {.high = address->family};

	sign_bytes(&key, address->bytes, sizeof(address->bytes));
	return key;
}

static void take(struct giver *giver, const struct address *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct signature key = address_key(&addresses[i]);

		lookup_put(&giver->taken, &key, 0);
	}
}

static struct address number_address(uint32_t base, uint32_t number, uint8_t family)
{
	struct address address = {.family = family};
	uint32_t bytes = htonl(base + number);

	if (family == 4) {
		memcpy(address.bytes, &bytes, sizeof(bytes));
		return address;
	}
	memcpy(address.bytes, (uint8_t[]){0xfd, 0x6e, 0x70}, 3);
	memcpy(address.bytes + 12, &bytes, sizeof(bytes));
	return address;
}

static struct address fresh(struct giver *giver, uint32_t base, uint32_t *next, uint8_t family)
{
	for (;;) {
		struct address address = number_address(base, ++*next, family);
		struct signature key = address_key(&address);

		if (lookup_get(&giver->taken, &key) != LOOKUP_NONE)
			continue;
		lookup_put(&giver->taken, &key, 0);
		return address;
	}
}

static void give_pod(struct giver *giver, struct pod *pod, bool ipv4, bool ipv6)
{
	struct address *addresses = model_array(giver->model, 2, sizeof(*addresses));
	uint32_t number = giver->next_pod;

	pod->addresses = addresses;
	if (ipv4) {
		addresses[pod->address_count++] = fresh(giver, 0x0af40000, &giver->next_pod, 4);
		number = giver->next_pod - 1;
	}
	if (ipv6) {
		addresses[pod->address_count++] = fresh(giver, 0x0af40000, &number, 6);
		if (number > giver->next_pod)
			giver->next_pod = number;
	}
}

static bool has_family(const struct address *addresses, size_t count, uint8_t family)
{
	for (size_t i = 0; i < count; i++)
		if (addresses[i].family == family)
			return true;
	return false;
}

/* The node has addresses, or is given one; all pods on its network share them. */
static void give_node(struct giver *giver, struct pod *pod, bool ipv4, bool ipv6)
{
	struct node *node = model_node(giver->model, pod->node);

	if (!node->address_count) {
		node->addresses = model_array(giver->model, 2, sizeof(*node->addresses));
		if (ipv4)
			node->addresses[node->address_count++] =
			    fresh(giver, 0xac1f0000, &giver->next_node, 4);
		if (ipv6)
			node->addresses[node->address_count++] =
			    fresh(giver, 0xac1f0000, &giver->next_node, 6);
	}
	pod->addresses = node->addresses;
	pod->address_count = node->address_count;
}

/* Whether the pods that have addresses have them in that family. */
static bool any_has(const struct model *model, uint8_t family)
{
	for (size_t i = 0; i < model->pods.count; i++)
		if (has_family(model->pods.item[i]->addresses, model->pods.item[i]->address_count,
			       family))
			return true;
	return false;
}

/* The first of several pods with one address owns it. */
static void find_owners(struct model *model)
{
	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i];

		for (size_t j = 0; !pod->host_network && j < pod->address_count; j++) {
			struct signature key = address_key(&pod->addresses[j]);

			lookup_put(&model->owners, &key, (uint32_t)i);
		}
	}
}

void model_give_addresses(struct model *model, bool ipv6_too)
{
	bool ipv6 = ipv6_too || any_has(model, 6), ipv4 = !any_has(model, 6) || any_has(model, 4);
	struct giver giver = {.model = model};

	for (size_t i = 0; i < model->pods.count; i++)
		take(&giver, model->pods.item[i]->addresses, model->pods.item[i]->address_count);
	for (size_t i = 0; i < model->nodes.count; i++)
		take(&giver, model->nodes.item[i]->addresses, model->nodes.item[i]->address_count);
	for (size_t i = 0; i < model->pods.count; i++) {
		struct pod *pod = model->pods.item[i];

		if (pod->address_count || pod->ended)
			continue;
		if (pod->host_network)
			give_node(&giver, pod, ipv4, ipv6);
		else
			give_pod(&giver, pod, ipv4, ipv6);
	}
	lookup_release(&giver.taken);
	find_owners(model);
}

struct pod *model_pod_at(const struct model *model, const struct address *address)
{
	struct signature key = address_key(address);
	uint32_t index = lookup_get(&model->owners, &key);

	if (model->owners.count)
		return index == LOOKUP_NONE ? NULL : model->pods.item[index];
	for (size_t i = 0; i < model->pods.count; i++) {
		struct pod *pod = model->pods.item[i];

		for (size_t j = 0; !pod->host_network && j < pod->address_count; j++)
			if (address_compare(&pod->addresses[j], address) == 0)
				return pod;
	}
	return NULL;
}
