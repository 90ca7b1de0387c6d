// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Masquerading. A packet from one pod of this node to another must never be
 * masqueraded, whichever networks they are in: it would bear this node's own
 * address, from which a pod accepts anything. So the excepted addresses are
 * those of all networks.
 */
#include <stdlib.h>
#include <string.h>
#include "cni/attachment.h"
#include "store/networks.h"
#include "net/masquerade.h"
#include "base/content.h"
#include "manifest/schema.h"

struct prefixes {
	struct prefix *item;
	size_t count, capacity;
};

struct hidden {
	struct prefixes sources, excepts;
};

static void add_prefixes(struct prefixes *prefixes, const json_t *texts)
{
	struct prefix prefix;
	json_t *each;
	size_t i, k;

	json_array_foreach (texts, i, each) {
		if (prefix_parse(json_string_value(each), &prefix))
			continue;
		for (k = 0; k < prefixes->count; k++)
			if (!memcmp(&prefixes->item[k], &prefix, sizeof(prefix)))
				break;
		if (k < prefixes->count)
			continue;
		GROW(prefixes->item, prefixes->count, prefixes->capacity);
		prefixes->item[prefixes->count++] = prefix;
	}
}

bool hide_is_wanted(const json_t *record)
{
	return json_is_true(json_object_get(record, "masquerade"));
}

static int collect(const char *network, json_t *document, void *data)
{
	struct hidden *hidden = data;
	json_t *record;
	size_t i;

	(void)network;
	json_array_foreach (json_object_get(document, "attachments"), i, record) {
		add_prefixes(&hidden->excepts, json_object_get(record, "subnets"));
		add_prefixes(&hidden->excepts, json_object_get(record, "except"));
		if (hide_is_wanted(record))
			add_prefixes(&hidden->sources, json_object_get(record, "subnets"));
	}
	return 0;
}

char *hide_table(const char *root)
{
	struct signature signature = {0};

	if (!strcmp(root, DEFAULT_ROOT))
		return xstrdup("npctl");
	sign_text(&signature, root);
	return xprintf("npctl-%08x", (unsigned int)signature.low);
}

int hide_update(struct instance *instance, bool before)
{
	char *table = hide_table(instance->root);
	struct hidden hidden = {};
	struct masquerade masquerade;
	int error = 0;

	networks_each(instance, collect, &hidden);
	masquerade = (struct masquerade){hidden.sources.item, hidden.sources.count,
					 hidden.excepts.item, hidden.excepts.count};
	if (masquerade.source_count || before)
		error = masquerade_set(table, &masquerade);
	free(hidden.sources.item);
	free(hidden.excepts.item);
	free(table);
	return error;
}
