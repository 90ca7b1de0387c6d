/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/model_private.h"

#include <stdio.h>
#include <stdlib.h>
#include "manifest/schema.h"

const char *labels_get(const struct labels *labels, const char *key)
{
	for (size_t i = 0; i < labels->count; i++)
		if (labels->label[i].key == key)
			return labels->label[i].value;
	return NULL;
}

static bool requirement_matches(const struct requirement *requirement, const struct labels *labels)
{
	const char *value = labels_get(labels, requirement->key);

	switch (requirement->op) {
	case OP_EXISTS:
		return value;
	case OP_ABSENT:
		return !value;
	default:
		break;
	}
	for (size_t i = 0; i < requirement->count; i++)
		if (value == requirement->values[i])
			return requirement->op == OP_IN;
	return requirement->op == OP_NOT_IN;
}

bool selector_matches(const struct selector *selector, const struct labels *labels)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!requirement_matches(&selector->requirements[i], labels))
			return false;
	return true;
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

void read_labels(struct model *model, const struct item *object, struct labels *labels)
{

	labels->count = 0;
	labels->label = model_array(model, item_count(object), sizeof(*labels->label));
	ITEM_EACH (object, value) {
		struct label *label = &labels->label[labels->count];

		if (value->kind != ITEM_TEXT)
			continue;
		label->key = model_text(model, value->key);
		label->value = model_text(model, item_string(value));
		labels->count++;
	}
	qsort(labels->label, labels->count, sizeof(*labels->label), compare_labels);
}

static void read_requirement(struct model *model, const struct item *object,
			     struct requirement *requirement)
{
	const char *word = item_text(object, "operator", "");
	const struct item *values = item_get(object, "values");

	requirement->key = model_text(model, item_text(object, "key", ""));
	requirement->op = strcmp(word, "In") == 0	? OP_IN
			  : strcmp(word, "NotIn") == 0	? OP_NOT_IN
			  : strcmp(word, "Exists") == 0 ? OP_EXISTS
							: OP_ABSENT;
	requirement->values = model_array(model, item_count(values), sizeof(*requirement->values));
	ITEM_EACH (values, value)
		requirement->values[requirement->count++] = model_text(model, item_string(value));
}

void read_selector(struct model *model, const struct item *object, struct selector *selector)
{
	const struct item *labels = item_get(object, "matchLabels");
	const struct item *expressions = item_get(object, "matchExpressions");
	struct requirement *requirement;

	selector->requirements = model_array(model, item_count(labels) + item_count(expressions),
					     sizeof(*selector->requirements));
	selector->count = 0;
	ITEM_EACH (labels, value) {
		requirement = &selector->requirements[selector->count++];
		requirement->key = model_text(model, value->key);
		requirement->op = OP_IN;
		requirement->values = model_array(model, 1, sizeof(*requirement->values));
		requirement->values[0] = model_text(model, item_string(value));
		requirement->count = 1;
	}
	ITEM_EACH (expressions, value)
		read_requirement(model, value, &selector->requirements[selector->count++]);
}

void selector_sign(struct signature *signature, const struct selector *selector)
{
	sign_number(signature, selector->count);
	for (size_t i = 0; i < selector->count; i++) {
		const struct requirement *requirement = &selector->requirements[i];

		sign_number(signature, requirement->op);
		sign_text(signature, requirement->key);
		sign_number(signature, requirement->count);
		for (size_t j = 0; j < requirement->count; j++)
			sign_text(signature, requirement->values[j]);
	}
}

static void requirement_text(const struct requirement *requirement, char *text, size_t size)
{
	size_t used = strlen(text);
	bool not = requirement->op == OP_NOT_IN;

	if (requirement->op == OP_EXISTS || requirement->op == OP_ABSENT) {
		snprintf(text + used, size - used, "%s%s", requirement->op == OP_ABSENT ? "!" : "",
			 requirement->key);
		return;
	}
	snprintf(text + used, size - used, "%s%s", requirement->key, not ? "!=" : "=");
	for (size_t i = 0; i < requirement->count; i++) {
		used = strlen(text);
		snprintf(text + used, size - used, "%s%s", i ? "|" : "", requirement->values[i]);
	}
}

const char *selector_text(struct model *model, const struct selector *selector)
{
	char text[512] = "";

	for (size_t i = 0; i < selector->count; i++) {
		if (i && strlen(text) < sizeof(text) - 1)
			strcat(text, ",");
		requirement_text(&selector->requirements[i], text, sizeof(text));
	}
	return selector->count ? model_text(model, text) : "*";
}
