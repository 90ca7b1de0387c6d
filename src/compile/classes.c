/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "compile/classes.h"

#include <stdio.h>
#include <stdlib.h>

/* Pods */

static struct signature ports_signature(const struct pod *pod)
{
	struct signature signature = {0};

	for (size_t i = 0; i < pod->port_count; i++) {
		if (!*pod->ports[i].name)
			continue; /* only names can be told apart */
		sign_text(&signature, pod->ports[i].name);
		sign_number(&signature, PORT_KEY(pod->ports[i].protocol, pod->ports[i].port));
	}
	return signature;
}

static struct signature pod_signature(const struct pod *pod, const struct signature *ports)
{
	struct signature signature = *ports;

	sign_text(&signature, pod->namespace);
	for (size_t i = 0; i < pod->labels.count; i++) {
		sign_text(&signature, pod->labels.label[i].key);
		sign_text(&signature, pod->labels.label[i].value);
	}
	return signature;
}

static uint32_t pod_class_of(struct classes *classes, struct lookup *known, const struct pod *pod)
{
	uint32_t fresh = (uint32_t)classes->pod_class_count, index, namespace;
	struct signature ports = ports_signature(pod), signature = pod_signature(pod, &ports);

	index = lookup_put(known, &signature, fresh);
	if (index != fresh)
		return index;
	namespace = model_name_find(classes->model, NAME_NAMESPACE, pod->namespace, "");
	GROW(classes->pod_classes, classes->pod_class_count, classes->pod_class_capacity);
	classes->pod_classes[classes->pod_class_count++] =
	    (struct pod_class){pod, namespace, signature, ports};
	list32_add(&classes->of_namespace[namespace], fresh);
	return fresh;
}

static void find_pod_classes(struct classes *classes)
{
	const struct model *model = classes->model;
	struct lookup known = {0};

	classes->of_namespace =
	    xalloc((model->namespaces.count + 1) * sizeof(*classes->of_namespace));
	classes->pod_class_of = xalloc((model->pods.count + 1) * sizeof(*classes->pod_class_of));
	for (size_t i = 0; i < model->pods.count; i++)
		classes->pod_class_of[i] = model->pods.item[i]->host_network
					       ? LOOKUP_NONE
					       : pod_class_of(classes, &known, model->pods.item[i]);
	lookup_release(&known);
}

/* Nodes */

uint32_t classes_node(struct classes *classes, const char *name)
{
	struct signature key = {0};
	uint32_t index;

	if (!*name || name == classes->model->this_node)
		return 0;
	sign_text(&key, name);
	index = lookup_put(&classes->nodes, &key, (uint32_t)classes->node_count);
	if (index == classes->node_count) {
		GROW(classes->node_names, classes->node_count, classes->node_capacity);
		classes->node_names[classes->node_count++] = name;
	}
	return index;
}

static void add_address(struct points points[2], const struct address *address, uint64_t element)
{
	struct prefix prefix = {*address, address->family == 4 ? 32 : 128};

	points_add(points, &prefix, element);
}

static void add_nodes(struct classes *classes, struct points points[2])
{
	const struct model *model = classes->model;

	GROW(classes->node_names, classes->node_count, classes->node_capacity);
	classes->node_names[classes->node_count++] = model->this_node;
	for (size_t i = 0; i < model->host_address_count; i++)
		add_address(points, &model->host_addresses[i], ELEMENT(ELEMENT_NODE, 0));
	for (size_t i = 0; i < model->nodes.count; i++) {
		const struct node *node = model->nodes.item[i];
		uint64_t element = ELEMENT(ELEMENT_NODE, classes_node(classes, node->name));

		for (size_t j = 0; j < node->address_count; j++)
			add_address(points, &node->addresses[j], element);
	}
}

static void add_pods(struct classes *classes, struct points points[2])
{
	const struct model *model = classes->model;

	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i];
		uint64_t node = ELEMENT(ELEMENT_NODE, classes_node(classes, pod->node));
		uint64_t element =
		    pod->host_network ? node : ELEMENT(ELEMENT_POD, classes->pod_class_of[i]);

		for (size_t j = 0; j < pod->address_count; j++)
			add_address(points, &pod->addresses[j], element);
		for (size_t j = 0; j < pod->node_address_count; j++)
			add_address(points, &pod->node_addresses[j], node);
	}
}

static void add_services(const struct model *model, struct points points[2])
{
	for (size_t i = 0; i < model->services.count; i++) {
		const struct service *service = model->services.item[i];

		for (size_t j = 0; j < service->address_count; j++)
			add_address(
			    points, &service->addresses[j],
			    ELEMENT(ELEMENT_SERVICE, 2 * i + (service->addresses[j].family == 6)));
	}
}

/* Peers */

static void use_rules(struct classes *classes, const struct policy_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < rules[i].peer_count; j++)
			classes->peer_used[rules[i].peers[j]] = true;
}

static void use_peers(struct classes *classes)
{
	const struct model *model = classes->model;

	classes->peer_used = xalloc(model->peers.count + 1);
	for (size_t i = 0; i < model->policies.count; i++) {
		const struct policy *policy = model->policies.item[i];

		classes->peer_used[policy->subject] = true;
		for (int direction = 0; direction < DIRECTIONS; direction++)
			use_rules(classes, policy->rules[direction], policy->rule_count[direction]);
	}
	for (size_t i = 0; i < model->lines.count; i++)
		use_rules(classes, &model->lines.item[i]->rule, 1);
}

/*
 * A list's match lengths matter only as far as other one-line rules come
 * between them: those between which nothing stands share one number, and a
 * list alone makes one class.
 */
static void find_canonical(struct classes *classes)
{
	const struct model *model = classes->model;
	bool used[SPECIFICITY_WHOLE + 1] = {false};
	uint32_t list = LOOKUP_NONE;
	bool many = false;

	if (model->lengths)
		memcpy(used, model->lengths, sizeof(used));

	for (size_t i = 0; i < model->lines.count; i++) {
		uint32_t index = model->lines.item[i]->rule.peers[0];
		const struct peer *peer = model->peers.item[index];

		if (peer->kind == PEER_LIST) {
			many = many || (list != LOOKUP_NONE && list != index);
			list = index;
		}
		used[SPECIFICITY_ANY] |= peer->kind == PEER_ANY;
		used[SPECIFICITY_WORLD] |= peer->kind == PEER_WORLD;
		used[SPECIFICITY_SELECTOR] |= peer->kind == PEER_PODS;
		used[SPECIFICITY_WHOLE] |= peer->kind == PEER_POD || peer->kind == PEER_HOST;
		if (peer->kind == PEER_BLOCK)
			used[prefix_specificity(&peer->prefixes[0])] = true;
	}
	for (int i = 0; i <= SPECIFICITY_WHOLE; i++) {
		bool apart = many || used[i] || i == 0 || used[i - 1];

		classes->canonical[i] = apart ? (uint16_t)i : classes->canonical[i - 1];
	}
}

struct list_points {
	struct classes *classes;
	struct points *points;
	uint64_t element;
};

static int add_list_prefix(const struct prefix *prefix, void *data)
{
	const struct list_points *to = data;

	points_add(to->points, prefix,
		   to->element | to->classes->canonical[prefix_specificity(prefix)]);
	return 0;
}

static int add_list(struct classes *classes, struct points points[2], uint32_t index)
{
	const struct peer *peer = classes->model->peers.item[index];
	const char *text = model_list_text(classes->model, peer->name);
	struct list_points data = {classes, points, ELEMENT(ELEMENT_LIST, index)};
	size_t line;

	if (cidr_lines_each(text, add_list_prefix, &data, &line))
		return fail("list \"%s\", line %zu: no prefix", peer->name, line);
	return 0;
}

static int add_peer(struct classes *classes, struct points points[2], uint32_t index)
{
	const struct peer *peer = classes->model->peers.item[index];
	const struct pod *pod;

	if (!classes->peer_used[index])
		return 0;
	for (size_t i = 0; i < peer->prefix_count; i++)
		points_add(points, &peer->prefixes[i], ELEMENT(ELEMENT_PEER, index));
	for (size_t i = 0; i < peer->except_count; i++)
		points_add(points, &peer->excepts[i], ELEMENT(ELEMENT_EXCEPT, index));
	if (peer->kind == PEER_LIST)
		return add_list(classes, points, index);
	pod = peer->kind == PEER_POD ? model_pod_find(classes->model, peer->name) : NULL;
	for (size_t i = 0; pod && i < pod->address_count; i++)
		add_address(points, &pod->addresses[i], ELEMENT(ELEMENT_PEER, index));
	return 0;
}

/* Classes */

/* Numbers the sets that some address really has; the empty one is 0. */
static uint32_t *number_sets(struct classes *classes, const struct element_sets *sets,
			     const struct bounds bounds[2])
{
	uint32_t *number = xalloc((sets->count + 1) * sizeof(*number));

	classes->item = xalloc((sets->count + 1) * sizeof(*classes->item));
	classes->item[classes->count++] = sets->item[0];
	for (int family = 0; family < 2; family++) {
		for (size_t i = 0; i < bounds[family].count; i++) {
			uint32_t set = bounds[family].item[i].set;

			if (!set || number[set])
				continue;
			number[set] = (uint32_t)classes->count;
			classes->item[classes->count++] = sets->item[set];
		}
	}
	return number;
}

static void take_bounds(struct classes *classes, const struct bounds bounds[2],
			const uint32_t *number)
{
	classes->bound4_count = bounds[0].count;
	classes->bounds4 = xalloc(bounds[0].count * sizeof(*classes->bounds4));
	for (size_t i = 0; i < bounds[0].count; i++)
		classes->bounds4[i] = (struct plan_bound4){(uint32_t)(bounds[0].item[i].high >> 32),
							   number[bounds[0].item[i].set]};
	classes->bound6_count = bounds[1].count;
	classes->bounds6 = xalloc(bounds[1].count * sizeof(*classes->bounds6));
	for (size_t i = 0; i < bounds[1].count; i++)
		classes->bounds6[i] = (struct plan_bound6){
		    bounds[1].item[i].high, bounds[1].item[i].low, number[bounds[1].item[i].set]};
}

static void index_classes(struct classes *classes)
{
	classes->of_pod_class =
	    xalloc((classes->pod_class_count + 1) * sizeof(*classes->of_pod_class));
	classes->of_node = xalloc((classes->node_count + 1) * sizeof(*classes->of_node));
	classes->of_peer = xalloc((classes->model->peers.count + 1) * sizeof(*classes->of_peer));
	for (uint32_t i = 0; i < classes->count; i++) {
		for (uint32_t j = 0; j < classes->item[i].count; j++) {
			uint64_t element = classes->elements[classes->item[i].first + j];
			uint32_t id = ELEMENT_ID(element);

			switch (ELEMENT_KIND(element)) {
			case ELEMENT_POD:
				list32_add(&classes->of_pod_class[id], i);
				break;
			case ELEMENT_NODE:
				list32_add(&classes->of_node[id], i);
				break;
			case ELEMENT_SERVICE:
				break;
			default:
				list32_add(&classes->of_peer[id], i);
				break;
			}
		}
	}
}

static void make_from(struct classes *classes, struct points points[2])
{
	struct element_sets sets = {0};
	struct bounds bounds[2] = {0};
	uint32_t *number;

	for (int family = 0; family < 2; family++) {
		sweep(&points[family], &sets, &bounds[family]);
		free(points[family].item);
		points[family] = (struct points){0};
	}
	number = number_sets(classes, &sets, bounds);
	take_bounds(classes, bounds, number);
	classes->elements = sets.elements;
	free(number);
	free(sets.item);
	free(bounds[0].item);
	free(bounds[1].item);
	lookup_release(&sets.known);
	lookup_release(&sets.steps);
	index_classes(classes);
}

int classes_make(struct classes *classes, const struct model *model)
{
	struct points points[2] = {0};
	int result = 0;

	classes->model = model;
	find_pod_classes(classes);
	use_peers(classes);
	find_canonical(classes);
	add_nodes(classes, points);
	add_pods(classes, points);
	add_services(model, points);
	for (uint32_t i = 0; i < model->peers.count && result == 0; i++)
		result = add_peer(classes, points, i);
	if (result == 0)
		make_from(classes, points);
	free(points[0].item);
	free(points[1].item);
	return result;
}

static void release_lists(struct list32 *lists, size_t count)
{
	for (size_t i = 0; lists && i < count; i++)
		list32_release(&lists[i]);
	free(lists);
}

void classes_release(struct classes *classes)
{
	release_lists(classes->of_namespace, classes->model->namespaces.count);
	release_lists(classes->of_pod_class, classes->pod_class_count);
	release_lists(classes->of_node, classes->node_count);
	release_lists(classes->of_peer, classes->model->peers.count);
	free(classes->pod_classes);
	free(classes->pod_class_of);
	free(classes->node_names);
	free(classes->peer_used);
	free(classes->item);
	free(classes->elements);
	free(classes->bounds4);
	free(classes->bounds6);
	lookup_release(&classes->nodes);
}

uint64_t class_element(const struct classes *classes, uint32_t class, enum element_kind kind,
		       uint32_t id)
{
	const struct class *item = &classes->item[class];

	for (uint32_t i = 0; i < item->count; i++) {
		uint64_t element = classes->elements[item->first + i];

		if (ELEMENT_KIND(element) == kind && ELEMENT_ID(element) == id)
			return element;
	}
	return 0;
}

static int compare_signatures(const void *a, const void *b)
{
	return signature_compare(a, b);
}

static struct signature element_signature(const struct classes *classes, uint64_t element)
{
	struct signature signature = {0};
	uint32_t id = ELEMENT_ID(element);

	sign_number(&signature, ELEMENT_KIND(element));
	if (ELEMENT_KIND(element) == ELEMENT_POD)
		sign_signature(&signature, &classes->pod_classes[id].signature);
	else if (ELEMENT_KIND(element) == ELEMENT_NODE)
		sign_text(&signature, id ? classes->node_names[id] : "");
	else if (ELEMENT_KIND(element) == ELEMENT_SERVICE)
		sign_text(&signature, classes->model->services.item[id / 2]->title);
	else
		sign_signature(&signature, &classes->model->peers.item[id]->signature);
	sign_number(&signature, ELEMENT_SPECIFICITY(element));
	return signature;
}

/* Whatever numbers the elements have in this model. */
struct signature class_signature(const struct classes *classes, uint32_t class)
{
	const struct class *item = &classes->item[class];
	struct signature *parts = xalloc((item->count + 1) * sizeof(*parts)), signature = {0};

	for (uint32_t i = 0; i < item->count; i++)
		parts[i] = element_signature(classes, classes->elements[item->first + i]);
	qsort(parts, item->count, sizeof(*parts), compare_signatures);
	for (uint32_t i = 0; i < item->count; i++)
		sign_signature(&signature, &parts[i]);
	free(parts);
	return signature;
}

#define NAME_MOST 200

struct name {
	char text[NAME_MOST];
	size_t used;
};

static void name_add(struct name *name, const char *text)
{
	size_t length = strlen(text), room = sizeof(name->text) - 1 - name->used;

	memcpy(name->text + name->used, text, length < room ? length : room);
	name->used += length < room ? length : room;
}

static void name_pod_class(const struct pod *pod, struct name *name)
{
	name_add(name, pod->namespace);
	name_add(name, "/");
	for (size_t i = 0; i < pod->labels.count; i++) {
		name_add(name, i ? "," : "");
		name_add(name, pod->labels.label[i].key);
		name_add(name, "=");
		name_add(name, pod->labels.label[i].value);
	}
}

static void name_element(const struct classes *classes, uint64_t element, struct name *name)
{
	uint32_t id = ELEMENT_ID(element);

	if (ELEMENT_KIND(element) == ELEMENT_POD) {
		name_pod_class(classes->pod_classes[id].pod, name);
	} else if (ELEMENT_KIND(element) == ELEMENT_NODE) {
		name_add(name, id ? "node " : "host");
		name_add(name, id ? classes->node_names[id] : "");
	} else if (ELEMENT_KIND(element) == ELEMENT_SERVICE) {
		name_add(name, "service ");
		name_add(name, classes->model->services.item[id / 2]->title);
	} else {
		name_add(name, peer_text(classes->model, id));
	}
}

char *class_name(const struct classes *classes, uint32_t class)
{
	const struct class *item = &classes->item[class];
	struct name name = {.used = 0};

	if (!item->count)
		name_add(&name, "world");
	for (uint32_t i = 0; i < item->count; i++) {
		if (i)
			name_add(&name, " in ");
		name_element(classes, classes->elements[item->first + i], &name);
	}
	name.text[name.used] = '\0';
	return xstrdup(name.text);
}
