/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What people call a peer, and how closely it describes an address. */
#include <stdio.h>
#include "model/model_private.h"

static const char *pods_text(struct model *model, const struct peer *peer)
{
	const char *pods = selector_text(model, &peer->pods);

	if (peer->namespace)
		return model_format(model, "%s/%s", peer->namespace, pods);
	if (!peer->namespaces.count)
		return model_format(model, "*/%s", pods);
	return model_format(model, "{%s}/%s", selector_text(model, &peer->namespaces), pods);
}

static const char *block_text(struct model *model, const struct peer *peer)
{
	char text[512] = "", prefix[ADDRESS_TEXT];
	size_t used = 0;

	for (size_t i = 0; i < peer->prefix_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "",
					 prefix_text(&peer->prefixes[i], prefix));
	for (size_t i = 0; i < peer->except_count && used < sizeof(text); i++)
		used +=
		    (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : " except ",
				     prefix_text(&peer->excepts[i], prefix));
	return model_text(model, text);
}

static const char *make_text(struct model *model, const struct peer *peer)
{
	switch (peer->kind) {
	case PEER_ANY:
		return model_text(model, "any");
	case PEER_WORLD:
		return model_text(model, "world");
	case PEER_HOST:
		return model_text(model, "host");
	case PEER_PODS:
		return pods_text(model, peer);
	case PEER_BLOCK:
		return block_text(model, peer);
	case PEER_NODES:
		return model_format(model, "nodes %s", selector_text(model, &peer->pods));
	case PEER_LIST:
		return model_format(model, "list %s", peer->name);
	case PEER_POD:
	case PEER_NAMES:
		break;
	}
	return peer->name;
}

const char *peer_text(const struct model *model, uint32_t index)
{
	struct peer *peer = model->peers.item[index];

	/* Most are never asked for, so the text is made when it is; nothing else changes. */
	if (!peer->text)
		peer->text = make_text((struct model *)model, peer);
	return peer->text;
}

uint16_t prefix_specificity(const struct prefix *prefix)
{
	if (prefix->length == (prefix->address.family == 4 ? 32 : 128))
		return SPECIFICITY_WHOLE;
	return (uint16_t)(2 * prefix->length);
}
