/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policies and rules in the order in which they are judged. */
#include <stdlib.h>
#include "compile/compile.h"

static int compare_policies(const void *a, const void *b)
{
	const struct policy *x = *(const struct policy *const *)a;
	const struct policy *y = *(const struct policy *const *)b;
	int order;

	if (x->tier != y->tier)
		return x->tier < y->tier ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	order = strcmp(x->title, y->title);
	return order ? order : strcmp(x->kind, y->kind);
}

static void add_rule(struct compile *compile, const struct policy_rule *rule,
		     const struct policy *policy, const struct line *line, enum direction direction)
{
	compile->ordered[compile->ordered_count++] = (struct ordered_rule){
	    .rule = rule,
	    .policy = policy,
	    .line = line,
	    .tier = policy ? policy->tier : TIER_RULE,
	    .direction = direction,
	    .plan_rule = LOOKUP_NONE,
	};
}

static size_t count_rules(const struct model *model)
{
	size_t count = model->lines.count;

	for (size_t i = 0; i < model->policies.count; i++)
		count += model->policies.item[i]->rule_count[INGRESS] +
			 model->policies.item[i]->rule_count[EGRESS];
	return count;
}

void order_rules(struct compile *compile)
{
	const struct model *model = compile->model;
	size_t count = model->policies.count;

	compile->policy_count = count;
	compile->policies = xalloc((count + 1) * sizeof(*compile->policies));
	for (size_t i = 0; i < count; i++)
		compile->policies[i] = model->policies.item[i];
	qsort(compile->policies, count, sizeof(*compile->policies), compare_policies);
	compile->ordered = xalloc((count_rules(model) + 1) * sizeof(*compile->ordered));
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		compile->first_rule[direction] = xalloc((count + 1) * sizeof(uint32_t));
		for (size_t i = 0; i < count; i++) {
			const struct policy *policy = compile->policies[i];

			compile->first_rule[direction][i] = (uint32_t)compile->ordered_count;
			for (size_t j = 0; j < policy->rule_count[direction]; j++)
				add_rule(compile, &policy->rules[direction][j], policy, NULL,
					 (enum direction)direction);
		}
	}
	compile->line_rule = xalloc((model->lines.count + 1) * sizeof(uint32_t));
	for (size_t i = 0; i < model->lines.count; i++) {
		const struct line *line = model->lines.item[i];

		compile->line_rule[i] = (uint32_t)compile->ordered_count;
		add_rule(compile, &line->rule, NULL, line, line->direction);
	}
}

void order_release(struct compile *compile)
{
	free(compile->policies);
	free(compile->ordered);
	free(compile->line_rule);
	free(compile->first_rule[INGRESS]);
	free(compile->first_rule[EGRESS]);
}
