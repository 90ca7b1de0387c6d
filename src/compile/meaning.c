/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From peers to classes, each peer once. Selectors are answered from an index
 * of labels where they ask for a value, so few pods are looked at.
 */
#include <stdlib.h>
#include "compile/compile.h"

static const struct labels *class_labels(const struct compile *compile, uint32_t pod_class)
{
	return &compile->classes.pod_classes[pod_class].pod->labels;
}

static struct signature label_key(const char *key, const char *value)
{
	return (struct signature){(uint64_t)(uintptr_t)key, (uint64_t)(uintptr_t)value};
}

static struct list32 *label_list(struct compile *compile, const char *key, const char *value)
{
	struct signature signature = label_key(key, value);
	uint32_t index =
	    lookup_put(&compile->label_index, &signature, (uint32_t)compile->label_count);

	if (index == compile->label_count) {
		GROW(compile->label_classes, compile->label_count, compile->label_capacity);
		compile->label_classes[compile->label_count++] = (struct list32){0};
	}
	return &compile->label_classes[index];
}

static void index_labels(struct compile *compile)
{
	if (compile->label_count)
		return;
	label_list(compile, NULL, NULL); /* marks the index as made */
	for (uint32_t i = 0; i < compile->classes.pod_class_count; i++) {
		const struct labels *labels = class_labels(compile, i);

		for (size_t j = 0; j < labels->count; j++)
			list32_add(
			    label_list(compile, labels->label[j].key, labels->label[j].value), i);
	}
}

/* The requirement that asks for one value, if there is such a one. */
static const struct requirement *single_value(const struct selector *selector)
{
	for (size_t i = 0; i < selector->count; i++)
		if (selector->requirements[i].op == OP_IN && selector->requirements[i].count == 1)
			return &selector->requirements[i];
	return NULL;
}

/* Namespaces that a selector matches, as sorted indexes; each selector once. */
static const struct list32 *matching_namespaces(struct compile *compile,
						const struct selector *selector)
{
	const struct model *model = compile->model;
	struct signature signature = {0};
	struct list32 matches = {0};
	uint32_t index;

	selector_sign(&signature, selector);
	index = lookup_put(&compile->namespace_sets, &signature,
			   (uint32_t)compile->namespace_set_count);
	if (index != compile->namespace_set_count)
		return &compile->namespace_matches[index];
	for (uint32_t i = 0; i < model->namespaces.count; i++)
		if (selector_matches(selector, &model->namespaces.item[i]->labels))
			list32_add(&matches, i);
	GROW(compile->namespace_matches, compile->namespace_set_count,
	     compile->namespace_set_capacity);
	compile->namespace_matches[compile->namespace_set_count++] = matches;
	return &compile->namespace_matches[index];
}

static void select_in_namespace(struct compile *compile, uint32_t namespace,
				const struct selector *selector, struct list32 *to)
{
	const struct list32 *in = &compile->classes.of_namespace[namespace];

	for (size_t i = 0; i < in->count; i++)
		if (selector_matches(selector, class_labels(compile, in->item[i])))
			list32_add(to, in->item[i]);
}

static void select_by_label(struct compile *compile, const struct requirement *requirement,
			    const struct list32 *namespaces, const struct selector *selector,
			    struct list32 *to)
{
	struct signature key = label_key(requirement->key, requirement->values[0]);
	const struct list32 *candidates;
	uint32_t index;

	index_labels(compile);
	index = lookup_get(&compile->label_index, &key);
	if (index == LOOKUP_NONE)
		return;
	candidates = &compile->label_classes[index];
	for (size_t i = 0; i < candidates->count; i++) {
		uint32_t candidate = candidates->item[i];

		if (list32_has(namespaces, compile->classes.pod_classes[candidate].namespace) &&
		    selector_matches(selector, class_labels(compile, candidate)))
			list32_add(to, candidate);
	}
}

static void select_pods(struct compile *compile, const struct peer *peer, struct list32 *to)
{
	const struct requirement *requirement = single_value(&peer->pods);
	const struct list32 *namespaces;

	if (peer->namespace) {
		uint32_t index =
		    model_name_find(compile->model, NAME_NAMESPACE, peer->namespace, "");

		if (index != LOOKUP_NONE)
			select_in_namespace(compile, index, &peer->pods, to);
		return;
	}
	namespaces = matching_namespaces(compile, &peer->namespaces);
	if (requirement && namespaces->count > 1) {
		select_by_label(compile, requirement, namespaces, &peer->pods, to);
		return;
	}
	for (size_t i = 0; i < namespaces->count; i++)
		select_in_namespace(compile, namespaces->item[i], &peer->pods, to);
}

static void add_all(struct list32 *to, const struct list32 *from)
{
	for (size_t i = 0; i < from->count; i++)
		list32_add(to, from->item[i]);
}

static void select_nodes(struct compile *compile, const struct peer *peer, struct list32 *to)
{
	const struct model *model = compile->model;

	for (size_t i = 0; i < model->nodes.count; i++) {
		const struct node *node = model->nodes.item[i];

		if (node->declared && selector_matches(&peer->pods, &node->labels))
			add_all(
			    to,
			    &compile->classes.of_node[classes_node(&compile->classes, node->name)]);
	}
}

/* Every class without a pod and without a node in it. */
static void select_world(struct compile *compile, struct list32 *to)
{
	const struct classes *classes = &compile->classes;

	for (uint32_t i = 0; i < classes->count; i++) {
		bool inside = false;

		for (uint32_t j = 0; j < classes->item[i].count; j++)
			inside |= ELEMENT_KIND(classes->elements[classes->item[i].first + j]) <=
				  ELEMENT_NODE;
		if (!inside)
			list32_add(to, i);
	}
}

static void find_classes(struct compile *compile, const struct peer *peer, uint32_t index,
			 struct meaning *meaning)
{
	struct classes *classes = &compile->classes;

	switch (peer->kind) {
	case PEER_ANY:
		meaning->all = true;
		break;
	case PEER_PODS:
		for (size_t i = 0; i < meaning->pod_classes.count; i++)
			add_all(&meaning->classes,
				&classes->of_pod_class[meaning->pod_classes.item[i]]);
		break;
	case PEER_BLOCK:
	case PEER_POD:
	case PEER_LIST:
		add_all(&meaning->classes, &classes->of_peer[index]);
		break;
	case PEER_NODES:
		select_nodes(compile, peer, &meaning->classes);
		break;
	case PEER_WORLD:
		select_world(compile, &meaning->classes);
		break;
	case PEER_HOST:
		add_all(&meaning->classes, &classes->of_node[0]);
		break;
	case PEER_NAMES:
		break;
	}
}

void meaning_find(struct compile *compile, uint32_t index, bool classes_too)
{
	const struct peer *peer = compile->model->peers.item[index];
	struct meaning *meaning = &compile->meanings[index];

	if (peer->kind == PEER_PODS && !meaning->pods_known)
		select_pods(compile, peer, &meaning->pod_classes);
	meaning->pods_known = true;
	if (!classes_too || meaning->known)
		return;
	find_classes(compile, peer, index, meaning);
	meaning->known = true;
}

static void release_lists(struct list32 *lists, size_t count)
{
	for (size_t i = 0; i < count; i++)
		list32_release(&lists[i]);
	free(lists);
}

void meanings_release(struct compile *compile)
{
	for (size_t i = 0; compile->meanings && i < compile->model->peers.count; i++) {
		list32_release(&compile->meanings[i].pod_classes);
		list32_release(&compile->meanings[i].classes);
	}
	free(compile->meanings);
	release_lists(compile->label_classes, compile->label_count);
	release_lists(compile->namespace_matches, compile->namespace_set_count);
	lookup_release(&compile->label_index);
	lookup_release(&compile->namespace_sets);
}
