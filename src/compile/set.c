/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The set of a subject in one direction: which table judges which class. Only
 * classes that some rule names are looked at; the others share the fallback.
 */
#include <stdlib.h>
#include "compile/compile.h"

/*
 * A rule that matches classes, and the one before it. Classes that the same
 * rules match share their links, so what those lead to is found once.
 */
struct link {
	uint32_t position, previous;
	uint32_t next;	/* the last one that was put behind this */
	uint32_t table; /* of all such classes; LOOKUP_NONE: none yet, or it differs */
};

struct touch {
	struct link *links;
	size_t link_count, link_capacity;
	uint32_t first; /* as `next`, of no link at all */
	struct list32 classes;
	struct list32 always; /* positions of rules for every address */
	struct list32 matched;
	struct lookup tables; /* matched rules -> table */
	struct plan_grant *grants;
	size_t grant_count, grant_capacity;
};

/* Rules come one after the other, so the last link behind this one may be the very one. */
static uint32_t link_behind(struct touch *touch, uint32_t previous, uint32_t position)
{
	uint32_t next = previous == LOOKUP_NONE ? touch->first : touch->links[previous].next;

	if (next != LOOKUP_NONE && touch->links[next].position == position)
		return next;
	next = (uint32_t)touch->link_count;
	GROW(touch->links, touch->link_count, touch->link_capacity);
	touch->links[touch->link_count++] =
	    (struct link){position, previous, LOOKUP_NONE, LOOKUP_NONE};
	if (previous == LOOKUP_NONE)
		touch->first = next;
	else
		touch->links[previous].next = next;
	return next;
}

static void touch_class(struct compile *compile, struct touch *touch, uint32_t class,
			uint32_t position)
{
	uint32_t previous = LOOKUP_NONE;

	if (compile->stamp[class] == compile->stamp_now) {
		previous = compile->chain[class];
		if (touch->links[previous].position == position)
			return;
	} else {
		compile->stamp[class] = compile->stamp_now;
		list32_add(&touch->classes, class);
	}
	compile->chain[class] = link_behind(touch, previous, position);
}

static bool bears_name(const struct pod *pod, const struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->port_count; i++)
		for (size_t j = 0; j < pod->port_count; j++)
			if (rule->ports[i].name == pod->ports[j].name)
				return true;
	return false;
}

/* A rule for every address still means other ports at each pod that bears its port's name. */
static void touch_named(struct compile *compile, struct touch *touch,
			const struct policy_rule *rule, uint32_t position)
{
	const struct classes *classes = &compile->classes;

	for (uint32_t i = 0; i < classes->pod_class_count; i++) {
		const struct list32 *of = &classes->of_pod_class[i];

		for (size_t j = 0; j < of->count && bears_name(classes->pod_classes[i].pod, rule);
		     j++)
			touch_class(compile, touch, of->item[j], position);
	}
}

static void touch_rule(struct compile *compile, struct touch *touch,
		       const struct ordered_rule *ordered, uint32_t position)
{
	const struct policy_rule *rule = ordered->rule;

	for (size_t i = 0; i < rule->peer_count; i++) {
		const struct meaning *meaning = &compile->meanings[rule->peers[i]];

		meaning_find(compile, rule->peers[i], true);
		if (meaning->all) {
			list32_add(&touch->always, position);
			if (rule->named_ports && ordered->direction == EGRESS)
				touch_named(compile, touch, rule, position);
			return;
		}
	}
	for (size_t i = 0; i < rule->peer_count; i++) {
		const struct list32 *classes = &compile->meanings[rule->peers[i]].classes;

		for (size_t j = 0; j < classes->count; j++)
			touch_class(compile, touch, classes->item[j], position);
	}
}

static uint32_t link_of(const struct compile *compile, uint32_t class)
{
	return compile->stamp[class] == compile->stamp_now ? compile->chain[class] : LOOKUP_NONE;
}

/* The positions of all rules for a class, ascending, into touch->matched. */
static void gather(struct touch *touch, uint32_t link)
{
	size_t always = touch->always.count, low = 0;
	struct list32 *matched = &touch->matched;

	matched->count = 0;
	while (link != LOOKUP_NONE || always) {
		uint32_t linked = link == LOOKUP_NONE ? 0 : touch->links[link].position + 1;
		uint32_t other = always ? touch->always.item[always - 1] + 1 : 0;

		list32_add(matched, (linked > other ? linked : other) - 1);
		if (linked >= other)
			link = touch->links[link].previous;
		if (other >= linked)
			always--;
	}
	for (size_t high = matched->count; high > low + 1; low++) {
		uint32_t swap = matched->item[low];

		matched->item[low] = matched->item[--high];
		matched->item[high] = swap;
	}
}

/*
 * Classes for which this is equal have equal tables in a set; `*alone`: the
 * rules alone decide it.
 */
static struct signature matched_signature(const struct compile *compile,
					  const struct judged *judged, const struct list32 *matched,
					  uint32_t class, bool *alone)
{
	uint32_t pod_class = compile->classes.item[class].pod_class;
	struct signature signature = {0};
	bool named = false, lines = false;

	for (size_t i = 0; i < matched->count; i++) {
		const struct ordered_rule *ordered =
		    &compile->ordered[judged->rules.item[matched->item[i]]];

		sign_number(&signature, matched->item[i]);
		if (ordered->tier == TIER_RULE)
			sign_number(&signature, rule_specificity(compile, ordered, class));
		lines |= ordered->tier == TIER_RULE;
		named |= ordered->rule->named_ports;
	}
	*alone = !lines && !(named && judged->direction == EGRESS);
	if (named && judged->direction == EGRESS && pod_class != LOOKUP_NONE)
		sign_signature(&signature, &compile->classes.pod_classes[pod_class].ports);
	return signature;
}

static uint32_t table_of_class(struct compile *compile, struct judged *judged, struct touch *touch,
			       uint32_t class)
{
	uint32_t link = link_of(compile, class), table;
	struct signature signature;
	bool alone;

	if (link != LOOKUP_NONE && touch->links[link].table != LOOKUP_NONE)
		return touch->links[link].table;
	gather(touch, link);
	signature = matched_signature(compile, judged, &touch->matched, class, &alone);
	table = lookup_get(&touch->tables, &signature);
	if (table == LOOKUP_NONE) {
		table =
		    table_make(compile, judged, touch->matched.item, touch->matched.count, class);
		lookup_put(&touch->tables, &signature, table);
	}
	if (alone && link != LOOKUP_NONE)
		touch->links[link].table = table;
	return table;
}

static void add_grant(struct touch *touch, uint32_t class, uint32_t table)
{
	GROW(touch->grants, touch->grant_count, touch->grant_capacity);
	touch->grants[touch->grant_count++] = (struct plan_grant){class, table};
}

static bool is_exempt(const struct compile *compile, const struct judged *judged, uint32_t class)
{
	return judged->node != LOOKUP_NONE &&
	       class_element(&compile->classes, class, ELEMENT_NODE, judged->node);
}

/* The rule for a port of a service: what denies any of its pods, or else what allows them. */
static struct plan_range service_key(struct compile *compile, struct judged *judged,
				     struct touch *touch, const struct backends *service,
				     size_t *at)
{
	struct plan_range range = {service->item[*at].key, LOOKUP_NONE};

	for (; *at < service->count && service->item[*at].key == range.start; ++*at) {
		const struct backend *backend = &service->item[*at];
		uint32_t table = table_of_class(compile, judged, touch, backend->class);
		uint32_t rule = plan_table_find(&compile->plan->tables[table], backend->target);

		range.rule =
		    range.rule == LOOKUP_NONE ? rule : rule_stricter(compile, range.rule, rule);
	}
	return range;
}

static uint32_t table_of_service(struct compile *compile, struct judged *judged,
				 struct touch *touch, const struct backends *service)
{
	struct plan_range *keys = xalloc(service->count * sizeof(*keys));
	uint32_t table = table_of_class(compile, judged, touch, service->of);
	size_t count = 0, at = 0;

	while (at < service->count)
		keys[count++] = service_key(compile, judged, touch, service, &at);
	table = table_override(compile, table, keys, count);
	free(keys);
	return table;
}

static void grant_services(struct compile *compile, struct judged *judged, struct touch *touch,
			   uint32_t fallback)
{
	for (size_t i = 0; i < compile->service_count; i++) {
		const struct backends *service = &compile->services[i];
		uint32_t table = table_of_service(compile, judged, touch, service);

		if (table != fallback)
			add_grant(touch, service->of, table);
	}
}

/* Where many were touched, all are gone through instead of sorting those. */
static void sort_classes(const struct compile *compile, struct list32 *classes)
{
	if (classes->count < compile->classes.count / 16) {
		list32_sort(classes);
		return;
	}
	classes->count = 0;
	for (uint32_t i = 0; i < compile->classes.count; i++)
		if (compile->stamp[i] == compile->stamp_now)
			classes->item[classes->count++] = i;
}

static void make_grants(struct compile *compile, struct judged *judged, struct touch *touch,
			uint32_t fallback)
{
	sort_classes(compile, &touch->classes);
	for (size_t i = 0; i < touch->classes.count; i++) {
		uint32_t class = touch->classes.item[i], table;

		if (judged->direction == EGRESS && compile->is_service[class])
			continue;
		if (class == 0 || is_exempt(compile, judged, class))
			continue;
		table = table_of_class(compile, judged, touch, class);
		if (table != fallback)
			add_grant(touch, class, table);
	}
	if (judged->direction == EGRESS && judged->rules.count)
		grant_services(compile, judged, touch, fallback);
	if (judged->node != LOOKUP_NONE) {
		const struct list32 *exempt = &compile->classes.of_node[judged->node];
		uint32_t rule = plan_rule_exempt(compile, judged->direction, "the pod's own node");

		for (size_t i = 0; i < exempt->count; i++)
			add_grant(touch, exempt->item[i], table_of_rule(compile, rule));
	}
}

static int compare_grants(const void *a, const void *b)
{
	const struct plan_grant *x = a, *y = b;

	return x->class < y->class ? -1 : x->class > y->class;
}

/* Services and the own node come behind the others. */
static void sort_grants(struct touch *touch)
{
	for (size_t i = 1; i < touch->grant_count; i++) {
		if (touch->grants[i - 1].class < touch->grants[i].class)
			continue;
		qsort(touch->grants, touch->grant_count, sizeof(*touch->grants), compare_grants);
		return;
	}
}

static uint32_t intern(struct compile *compile, struct touch *touch, uint32_t fallback)
{
	struct plan *plan = compile->plan;
	struct plan_set set = {.fallback = fallback, .count = (uint32_t)touch->grant_count};
	uint32_t fresh = (uint32_t)plan->set_count, index;

	sort_grants(touch);
	sign_signature(&set.signature, &plan->tables[fallback].signature);
	for (uint32_t i = 0; i < set.count; i++) {
		sign_signature(&set.signature, &plan->classes[touch->grants[i].class].signature);
		sign_signature(&set.signature, &plan->tables[touch->grants[i].table].signature);
	}
	index = lookup_put(&compile->sets, &set.signature, fresh);
	if (index != fresh)
		return index;
	set.grants = touch->grants;
	if (set.count)
		set.grants = xrealloc(set.grants, set.count * sizeof(*set.grants));
	touch->grants = NULL;
	GROW(plan->sets, plan->set_count, compile->set_capacity);
	plan->sets[plan->set_count++] = set;
	return index;
}

uint32_t set_make(struct compile *compile, struct judged *judged)
{
	struct touch touch = {.first = LOOKUP_NONE};
	uint32_t fallback, set;

	compile->stamp_now++;
	for (uint32_t i = 0; i < judged->rules.count; i++)
		touch_rule(compile, &touch, &compile->ordered[judged->rules.item[i]], i);
	fallback = table_of_class(compile, judged, &touch, 0);
	make_grants(compile, judged, &touch, fallback);
	set = intern(compile, &touch, fallback);
	free(touch.links);
	free(touch.grants);
	list32_release(&touch.classes);
	list32_release(&touch.always);
	list32_release(&touch.matched);
	lookup_release(&touch.tables);
	return set;
}
