/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Networks of the CNI plugin: which containers there are, and under which addresses. */
#include "model/model_private.h"

/* The address, "10.0.0.5/24", joins those that the pod has by now. */
static void add_address(struct model *model, struct pod *pod, const char *text)
{
	struct address *addresses, address;
	char alone[ADDRESS_TEXT];
	size_t length = strcspn(text, "/");

	if (length >= sizeof(alone))
		return;
	memcpy(alone, text, length);
	alone[length] = '\0';
	if (address_parse(alone, &address))
		return;
	addresses = model_array(model, pod->address_count + 1, sizeof(*addresses));
	for (size_t i = 0; i < pod->address_count; i++) {
		if (!address_compare(&pod->addresses[i], &address))
			return;
		addresses[i] = pod->addresses[i];
	}
	addresses[pod->address_count++] = address;
	pod->addresses = addresses;
}

/* The pod of that name; made when nobody else will tell of it. NULL: it is not known yet. */
static struct pod *pod_of(struct model *model, const struct item *attachment)
{
	const char *namespace = item_text(attachment, "namespace", "");
	const char *name = item_text(attachment, "name", "");
	uint32_t index = model_name_find(model, NAME_POD, namespace, name);
	struct pod *pod;

	if (index == LOOKUP_NONE && !item_true(attachment, "own"))
		return NULL;
	pod = pod_of_name(model, namespace, name);
	if (index == LOOKUP_NONE) {
		pod->node = model_text(model, "");
		read_labels(model, item_get(attachment, "labels"), &pod->labels);
	}
	return pod;
}

/* A pod that has ended may have been started again; where its container is counts. */
static void settle(struct model *model, const struct item *attachment)
{
	struct pod *pod = pod_of(model, attachment);
	const char *verdict = item_text(attachment, "default", NULL);

	if (!pod || pod->host_network)
		return;
	if (!pod->wired)
		pod->address_count = 0;
	pod->wired = true;
	pod->ended = false;
	ITEM_EACH (item_get(attachment, "addresses"), address)
		add_address(model, pod, item_string(address));
	if (verdict)
		pod->fallback = !strcmp(verdict, "allow") ? FALLBACK_ALLOW : FALLBACK_DENY;
}

int read_network(struct model *model, const struct item *object, const char *where)
{
	(void)where;
	ITEM_EACH (item_get(object, "attachments"), attachment)
		settle(model, attachment);
	return 0;
}
