/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of one class of peers under one set of rules: for every protocol
 * and port the rule that decides, all tiers and precedences settled.
 */
#include <stdlib.h>
#include "compile/compile.h"

/* A stretch of ports that a rule speaks of. */
struct layer {
	uint32_t first, last;
	uint32_t ordered;
	uint16_t specificity;
};

struct layers {
	struct layer *item;
	size_t count, capacity;
	uint32_t *minutes; /* at which windows begin or end; none: the hour does not matter */
	size_t minute_count;
};

uint16_t rule_specificity(const struct compile *compile, const struct ordered_rule *ordered,
			  uint32_t class)
{
	uint32_t index = ordered->rule->peers[0];
	const struct peer *peer = compile->model->peers.item[index];

	switch (peer->kind) {
	case PEER_ANY:
		return SPECIFICITY_ANY;
	case PEER_WORLD:
		return SPECIFICITY_WORLD;
	case PEER_BLOCK:
		return prefix_specificity(&peer->prefixes[0]);
	case PEER_LIST:
		return ELEMENT_SPECIFICITY(
		    class_element(&compile->classes, class, ELEMENT_LIST, index));
	case PEER_PODS:
		return SPECIFICITY_SELECTOR;
	default:
		return SPECIFICITY_WHOLE;
	}
}

static void add_layer(struct layers *layers, struct layer layer)
{
	GROW(layers->item, layers->count, layers->capacity);
	layers->item[layers->count++] = layer;
}

/* A name stands for every port of the destination pod that bears it. */
static void add_named(struct layers *layers, struct layer layer, const struct port_item *item,
		      const struct pod *pod)
{
	for (size_t i = 0; pod && i < pod->port_count; i++) {
		const struct container_port *port = &pod->ports[i];

		if (port->name != item->name ||
		    (item->protocol && item->protocol != port->protocol))
			continue;
		layer.first = layer.last = PORT_KEY(port->protocol, port->port);
		add_layer(layers, layer);
	}
}

static void add_minute(struct layers *layers, uint32_t minute)
{
	for (size_t i = 0; i < layers->minute_count; i++)
		if (layers->minutes[i] == minute % DAY_MINUTES)
			return;
	layers->minutes[layers->minute_count++] = minute % DAY_MINUTES;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void find_minutes(const struct compile *compile, struct layers *layers)
{
	for (size_t i = 0; i < layers->count; i++) {
		const struct window *window =
		    &compile->ordered[layers->item[i].ordered].rule->window;

		if (!window_is_set(window))
			continue;
		if (!layers->minutes)
			layers->minutes =
			    xalloc((2 * layers->count + 1) * sizeof(*layers->minutes));
		add_minute(layers, 0);
		add_minute(layers, window->from);
		add_minute(layers, window->to);
	}
	if (layers->minutes)
		qsort(layers->minutes, layers->minute_count, sizeof(*layers->minutes),
		      compare_numbers);
}

static void add_rule(struct layers *layers, const struct policy_rule *rule, struct layer layer,
		     const struct pod *destination)
{
	if (!rule->port_count) {
		layer.first = 0;
		layer.last = PORT_KEY_LAST;
		add_layer(layers, layer);
	}
	for (size_t i = 0; i < rule->port_count; i++) {
		const struct port_item *item = &rule->ports[i];

		layer.first = item->first;
		layer.last = item->last;
		if (item->name)
			add_named(layers, layer, item, destination);
		else
			add_layer(layers, layer);
	}
}

static const struct pod *destination_of(const struct compile *compile, const struct judged *judged,
					uint32_t class)
{
	uint32_t pod_class = compile->classes.item[class].pod_class;

	if (judged->direction == INGRESS)
		return judged->pod;
	return pod_class == LOOKUP_NONE ? NULL : compile->classes.pod_classes[pod_class].pod;
}

/* Where verdicts may change; sorted, each once, the first is zero. */
static uint32_t *find_starts(const struct layers *layers, size_t *count)
{
	uint32_t *starts = xalloc((2 * layers->count + 1) * sizeof(*starts));
	size_t all = 1, kept = 1;

	for (size_t i = 0; i < layers->count; i++) {
		starts[all++] = layers->item[i].first;
		if (layers->item[i].last < PORT_KEY_LAST)
			starts[all++] = layers->item[i].last + 1;
	}
	qsort(starts, all, sizeof(*starts), compare_numbers);
	for (size_t i = 1; i < all; i++)
		if (starts[i] != starts[kept - 1])
			starts[kept++] = starts[i];
	*count = kept;
	return starts;
}

/* Among one-line rules: the longer prefix, the narrower port, deny, the older. */
static bool is_better(const struct compile *compile, const struct layer *layer,
		      const struct layer *best)
{
	const struct policy_rule *rule = compile->ordered[layer->ordered].rule, *other;

	if (!best)
		return true;
	other = compile->ordered[best->ordered].rule;
	if (layer->specificity != best->specificity)
		return layer->specificity > best->specificity;
	if (layer->last - layer->first != best->last - best->first)
		return layer->last - layer->first < best->last - best->first;
	if (rule->action != other->action)
		return rule->action == ACTION_DENY;
	return rule->index < other->index;
}

static uint32_t isolated_rule(struct compile *compile, struct judged *judged)
{
	if (judged->isolated_rule == LOOKUP_NONE)
		judged->isolated_rule = plan_rule_isolated(compile, judged);
	return judged->isolated_rule;
}

static bool is_open(const struct policy_rule *rule, uint32_t minute)
{
	return !window_is_set(&rule->window) || window_has(&rule->window, minute);
}

/* The plan's rule for one key; layers stand in the order of judgement. */
static uint32_t decide(struct compile *compile, struct judged *judged, const struct layers *layers,
		       uint32_t key, uint32_t minute)
{
	bool passed[TIER_COUNT] = {false};
	const struct layer *best = NULL;

	for (size_t i = 0; i < layers->count; i++) {
		const struct layer *layer = &layers->item[i];
		const struct ordered_rule *ordered = &compile->ordered[layer->ordered];

		if (key < layer->first || key > layer->last || passed[ordered->tier] ||
		    !is_open(ordered->rule, minute))
			continue;
		if (ordered->tier > TIER_RULE && best)
			break;
		if (ordered->tier == TIER_BASELINE && judged->isolated)
			break;
		if (ordered->tier == TIER_RULE) {
			best = is_better(compile, layer, best) ? layer : best;
		} else if (ordered->rule->action != ACTION_PASS) {
			return plan_rule_of(compile, layer->ordered);
		} else {
			/* On to the NetworkPolicies, or to the default. */
			passed[ordered->tier] = true;
			passed[TIER_RULE] |= ordered->tier == TIER_ADMIN;
		}
	}
	if (best)
		return plan_rule_of(compile, best->ordered);
	return judged->isolated ? isolated_rule(compile, judged) : judged->default_rule;
}

static const struct signature *range_signature(const struct plan *plan,
					       const struct plan_range *range)
{
	return range->rule & PLAN_TIMED ? &plan->tables[range->rule & ~PLAN_TIMED].signature
					: &plan->rules[range->rule].signature;
}

static uint32_t intern(struct compile *compile, const struct plan_range *ranges, size_t count,
		       bool timed)
{
	struct plan *plan = compile->plan;
	struct signature signature = {.high = timed};
	uint32_t fresh = (uint32_t)plan->table_count, index;
	struct plan_range *copy;

	for (size_t i = 0; i < count; i++) {
		sign_number(&signature, ranges[i].start);
		sign_signature(&signature, range_signature(plan, &ranges[i]));
	}
	index = lookup_put(&compile->tables, &signature, fresh);
	if (index != fresh)
		return index;
	copy = xalloc(count * sizeof(*copy));
	memcpy(copy, ranges, count * sizeof(*copy));
	GROW(plan->tables, plan->table_count, compile->table_capacity);
	plan->tables[plan->table_count++] = (struct plan_table){
	    .signature = signature,
	    .ranges = copy,
	    .count = (uint32_t)count,
	    .timed = timed,
	};
	return index;
}

uint32_t table_of_rule(struct compile *compile, uint32_t plan_rule)
{
	struct plan_range range = {0, plan_rule};

	return intern(compile, &range, 1, false);
}

static uint32_t rule_at(const struct plan *plan, uint32_t rule, uint32_t minute)
{
	return rule & PLAN_TIMED ? plan_table_find(&plan->tables[rule & ~PLAN_TIMED], minute)
				 : rule;
}

uint32_t rule_stricter(struct compile *compile, uint32_t first, uint32_t second)
{
	const struct plan *plan = compile->plan;
	struct plan_range ranges[DAY_MINUTES];
	size_t count = 0;

	for (uint32_t minute = 0; minute < DAY_MINUTES; minute++) {
		uint32_t a = rule_at(plan, first, minute), b = rule_at(plan, second, minute);

		if (plan->rules[a].allow && !plan->rules[b].allow)
			a = b;
		if (!count || ranges[count - 1].rule != a)
			ranges[count++] = (struct plan_range){minute, a};
		if (!((first | second) & PLAN_TIMED))
			break;
	}
	return count == 1 ? ranges[0].rule : PLAN_TIMED | intern(compile, ranges, count, true);
}

/* The rule for one key, or the timed table where it goes by the clock. */
static uint32_t decide_always(struct compile *compile, struct judged *judged,
			      const struct layers *layers, uint32_t key)
{
	struct plan_range *ranges;
	size_t count = 0;
	uint32_t result;

	if (!layers->minutes)
		return decide(compile, judged, layers, key, 0);
	ranges = xalloc(layers->minute_count * sizeof(*ranges));
	for (size_t i = 0; i < layers->minute_count; i++) {
		uint32_t minute = layers->minutes[i];
		uint32_t rule = decide(compile, judged, layers, key, minute);

		if (!count || ranges[count - 1].rule != rule)
			ranges[count++] = (struct plan_range){minute, rule};
	}
	result = count == 1 ? ranges[0].rule : PLAN_TIMED | intern(compile, ranges, count, true);
	free(ranges);
	return result;
}

uint32_t table_override(struct compile *compile, uint32_t table, const struct plan_range *keys,
			size_t count)
{
	const struct plan_range *base = compile->plan->tables[table].ranges;
	size_t base_count = compile->plan->tables[table].count, at = 0, used = 0, i = 0;
	struct plan_range *ranges = xalloc((base_count + 2 * count) * sizeof(*ranges));
	uint32_t start = 0;

	/* Each turn settles the keys from `start` up to where something changes. */
	for (;;) {
		bool own = i < count && keys[i].start == start;
		uint32_t rule = own ? keys[i].rule : base[at].rule;

		if (!used || ranges[used - 1].rule != rule)
			ranges[used++] = (struct plan_range){start, rule};
		i += own;
		if (start == PORT_KEY_LAST)
			break;
		start = own ? start + 1 : PORT_KEY_LAST;
		if (!own && at + 1 < base_count && base[at + 1].start < start)
			start = base[at + 1].start;
		if (!own && i < count && keys[i].start < start)
			start = keys[i].start;
		while (at + 1 < base_count && base[at + 1].start <= start)
			at++;
	}
	table = intern(compile, ranges, used, false);
	free(ranges);
	return table;
}

static uint32_t table_of_layers(struct compile *compile, struct judged *judged,
				const struct layers *layers)
{
	size_t start_count, count = 0;
	uint32_t *starts = find_starts(layers, &start_count), table;
	struct plan_range *ranges = xalloc(start_count * sizeof(*ranges));

	for (size_t i = 0; i < start_count; i++) {
		uint32_t rule = decide_always(compile, judged, layers, starts[i]);

		if (!count || ranges[count - 1].rule != rule)
			ranges[count++] = (struct plan_range){starts[i], rule};
	}
	table = intern(compile, ranges, count, false);
	free(ranges);
	free(starts);
	return table;
}

uint32_t table_make(struct compile *compile, struct judged *judged, const uint32_t *matched,
		    size_t count, uint32_t class)
{
	const struct pod *destination = destination_of(compile, judged, class);
	struct layers layers = {0};
	uint32_t table;

	for (size_t i = 0; i < count; i++) {
		struct layer layer = {.ordered = judged->rules.item[matched[i]]};
		const struct ordered_rule *ordered = &compile->ordered[layer.ordered];

		if (ordered->tier == TIER_RULE)
			layer.specificity = rule_specificity(compile, ordered, class);
		add_rule(&layers, ordered->rule, layer, destination);
	}
	find_minutes(compile, &layers);
	table = table_of_layers(compile, judged, &layers);
	free(layers.item);
	free(layers.minutes);
	return table;
}
