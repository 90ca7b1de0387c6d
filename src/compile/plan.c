/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "compile/plan.h"

#include <stdlib.h>
#include <string.h>
#include "base/base.h"

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->rule_count; i++) {
		free(plan->rules[i].policy);
		free(plan->rules[i].name);
	}
	for (size_t i = 0; i < plan->class_count; i++)
		free(plan->classes[i].name);
	for (size_t i = 0; i < plan->table_count; i++)
		free(plan->tables[i].ranges);
	for (size_t i = 0; i < plan->set_count; i++)
		free(plan->sets[i].grants);
	for (size_t i = 0; i < plan->subject_count; i++)
		free(plan->subjects[i].name);
	free(plan->rules);
	free(plan->classes);
	free(plan->bounds4);
	free(plan->bounds6);
	free(plan->tables);
	free(plan->sets);
	free(plan->subjects);
	free(plan);
}

int plan_subject_find(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->subject_count; i++)
		if (strcmp(plan->subjects[i].name, name) == 0)
			return (int)i;
	return -1;
}

size_t plan_bound4_of(const struct plan *plan, uint32_t address)
{
	size_t low = 0, high = plan->bound4_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (plan->bounds4[middle].start <= address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

size_t plan_bound6_of(const struct plan *plan, uint64_t upper, uint64_t lower)
{
	size_t low = 0, high = plan->bound6_count;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		const struct plan_bound6 *bound = &plan->bounds6[middle];

		if (bound->high < upper || (bound->high == upper && bound->low <= lower))
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint32_t plan_class_of(const struct plan *plan, const struct address *peer)
{
	uint64_t high, low;

	address_halves(peer, &high, &low);
	if (peer->family == 4)
		return plan->bounds4[plan_bound4_of(plan, (uint32_t)(high >> 32))].class;
	return plan->bounds6[plan_bound6_of(plan, high, low)].class;
}

static int compare_grant(const void *key, const void *element)
{
	uint32_t class = *(const uint32_t *)key,
		 other = ((const struct plan_grant *)element)->class;

	return class < other ? -1 : class > other;
}

uint32_t plan_set_table(const struct plan_set *set, uint32_t class)
{
	const struct plan_grant *grant = NULL;

	if (set->count)
		grant =
		    bsearch(&class, set->grants, set->count, sizeof(*set->grants), compare_grant);
	return grant ? grant->table : set->fallback;
}

uint32_t plan_table_of(const struct plan *plan, uint32_t subject, enum direction direction,
		       uint32_t class)
{
	return plan_set_table(&plan->sets[plan->subjects[subject].set[direction]], class);
}

uint32_t plan_table_find(const struct plan_table *table, uint32_t key)
{
	uint32_t low = 0, high = table->count;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (table->ranges[middle].start <= key)
			low = middle;
		else
			high = middle;
	}
	return table->ranges[low].rule;
}

const struct plan_table *plan_table_timed(const struct plan *plan, const struct plan_table *table,
					  uint32_t key)
{
	uint32_t rule = plan_table_find(table, key);

	return rule & PLAN_TIMED ? &plan->tables[rule & ~PLAN_TIMED] : NULL;
}

uint32_t plan_table_rule(const struct plan *plan, const struct plan_table *table, uint32_t key)
{
	const struct plan_table *timed = plan_table_timed(plan, table, key);

	return timed ? plan_table_find(timed, plan->minute) : plan_table_find(table, key);
}

uint32_t plan_judge(const struct plan *plan, uint32_t subject, enum direction direction,
		    const struct address *peer, uint8_t protocol, uint16_t port)
{
	const struct plan_subject *self = &plan->subjects[subject];
	uint32_t table;

	for (size_t i = 0; i < ARRAY_SIZE(self->address); i++)
		if (self->address[i].family && address_compare(&self->address[i], peer) == 0)
			return direction == INGRESS ? PLAN_RULE_SELF_INGRESS
						    : PLAN_RULE_SELF_EGRESS;
	table = plan_table_of(plan, subject, direction, plan_class_of(plan, peer));
	return plan_table_rule(plan, &plan->tables[table], (uint32_t)protocol << 16 | port);
}

const struct plan_table *plan_timed(const struct plan *plan, uint32_t subject,
				    enum direction direction, const struct address *peer,
				    uint8_t protocol, uint16_t port)
{
	uint32_t table = plan_table_of(plan, subject, direction, plan_class_of(plan, peer));

	return plan_table_timed(plan, &plan->tables[table], (uint32_t)protocol << 16 | port);
}

const char *tier_word(enum tier tier)
{
	static const char *const words[TIER_COUNT] = {
#define X(symbol, word) [TIER_##symbol] = word,
	    TIERS(X)
#undef X
	};

	return words[tier];
}
