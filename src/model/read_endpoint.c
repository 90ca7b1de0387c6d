/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One endpoint of a per-user file: these users may reach these ranges through
 * these interfaces. It becomes a rule for each range at each interface.
 */
#include "model/model_private.h"

#include <stdio.h>
#include <stdlib.h>
#include "model/users.h"

static const char *word_text(const struct item *item, char number[static 24])
{
	if (item->kind != ITEM_NUMBER)
		return item_string(item);
	snprintf(number, 24, "%lld", (long long)item->number);
	return number;
}

/* A single word is as good as a list of one. */
static struct item list_of(const struct item *item)
{
	if (item && item->kind == ITEM_ARRAY)
		return *item;
	return (struct item){
	    .kind = ITEM_ARRAY, .count = item != NULL, .children = (struct item *)item};
}

static const char *join(struct model *model, const struct item *list)
{
	char *text = NULL, number[24];
	const char *joined;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	ITEM_EACH (list, word)
		fprintf(to, "%s%s", word == list->children ? "" : ",", word_text(word, number));
	fclose(to);
	joined = model_text(model, text);
	free(text);
	return joined;
}

static int read_ports(struct model *model, const struct item *object, const char *where,
		      struct policy_rule *rule)
{
	struct item list = list_of(item_get(object, "port")), texts = list;
	char number[24];

	texts.children = model_array(model, list.count, sizeof(*texts.children));
	for (uint32_t i = 0; i < list.count; i++)
		texts.children[i] = (struct item){
		    .kind = ITEM_TEXT,
		    .text = model_text(model, word_text(&list.children[i], number)),
		};
	return read_rule_ports(model, &texts, where, rule);
}

static int add_line(struct model *model, const struct line *like, const char *interface,
		    const char *users, const char *range)
{
	struct line *line = model_array(model, 1, sizeof(*line));

	*line = *like;
	line->subject = model_format(model, USER_PREFIX "%s:%s", interface, users);
	line->rule.peers = model_array(model, 1, sizeof(*line->rule.peers));
	line->rule.peer_count = 1;
	if (peer_from_text(model, range, &line->rule.peers[0]))
		return FAILED;
	line_add(model, line);
	return 0;
}

int read_endpoint(struct model *model, const struct item *object, const char *where)
{
	struct item interfaces = list_of(item_get(object, "iface"));
	struct item ranges = list_of(item_get(object, "range"));
	struct item users = list_of(item_get(object, "allow"));
	const char *who = join(model, &users);
	struct line line = {
	    .rule = {.action = ACTION_ALLOW, .name = model_text(model, "")},
	    .direction = EGRESS,
	    .endpoint = true,
	    .title = model_text(model, item_text(item_get(object, "metadata"), "name", "")),
	    .selected = LOOKUP_NONE,
	    .preset = model_text(model, ""),
	    .origin = model_text(model, ""),
	};

	if (read_ports(model, object, where, &line.rule) ||
	    read_rule_window(object, where, &line.rule))
		return FAILED;
	ITEM_EACH (&interfaces, interface) {
		ITEM_EACH (&ranges, range) {
			if (add_line(model, &line, item_string(interface), who, item_string(range)))
				return FAILED;
			line.rule.index++;
		}
	}
	return 0;
}
