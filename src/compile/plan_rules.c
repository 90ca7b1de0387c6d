/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The plan's rules: made when a table first needs them. */
#include <stdio.h>
#include <stdlib.h>
#include "compile/compile.h"

static const char *const direction_words[] = {[INGRESS] = "ingress", [EGRESS] = "egress"};

static uint32_t add(struct compile *compile, struct plan_rule rule)
{
	struct plan *plan = compile->plan;

	GROW(plan->rules, plan->rule_count, compile->rule_capacity);
	plan->rules[plan->rule_count] = rule;
	return (uint32_t)plan->rule_count++;
}

static char *line_name(const struct model *model, const struct line *line)
{
	const struct policy_rule *rule = &line->rule;
	char ports[128] = "", one[64], window[WINDOW_TEXT];
	size_t used = 0;

	for (size_t i = 0; i < rule->port_count && used < sizeof(ports); i++)
		used += (size_t)snprintf(ports + used, sizeof(ports) - used, "%s%s", i ? "," : " ",
					 port_item_text(&rule->ports[i], one, sizeof(one)));
	return xprintf("%s %s %s %s%s%s%s", line->title,
		       rule->action == ACTION_ALLOW ? "allow" : "deny",
		       direction_words[line->direction], peer_text(model, rule->peers[0]), ports,
		       window_is_set(&rule->window) ? " " : "",
		       window_is_set(&rule->window) ? window_text(&rule->window, window) : "");
}

static char *policy_rule_name(const struct ordered_rule *ordered)
{
	const char *name = ordered->rule->name;

	return xprintf("%s%s %s[%d]%s%s%s",
		       ordered->policy->sides == 1u << SIDE_SHADOW ? "shadow " : "",
		       ordered->policy->title, direction_words[ordered->direction],
		       ordered->rule->index, *name ? " (" : "", name, *name ? ")" : "");
}

uint32_t plan_rule_of(struct compile *compile, uint32_t index)
{
	struct ordered_rule *ordered = &compile->ordered[index];

	if (ordered->plan_rule != LOOKUP_NONE)
		return ordered->plan_rule;
	ordered->plan_rule = add(
	    compile,
	    (struct plan_rule){
		.signature = ordered->rule->signature,
		.tier = ordered->tier,
		.direction = ordered->direction,
		.allow = ordered->rule->action == ACTION_ALLOW,
		.rate_per_second = ordered->rule->rate_per_second,
		.rate_burst = ordered->rule->rate_burst,
		.policy = xstrdup(ordered->policy ? ordered->policy->title : ordered->line->title),
		.index = ordered->policy ? ordered->rule->index : -1,
		.name = ordered->policy ? policy_rule_name(ordered)
					: line_name(compile->model, ordered->line),
	    });
	return ordered->plan_rule;
}

/* A rule that no document spells out; takes over `policy` and `name`. */
static uint32_t special(struct compile *compile, enum tier tier, enum direction direction,
			bool allow, char *policy, char *name)
{
	struct plan_rule rule = {
	    .tier = tier,
	    .direction = direction,
	    .allow = allow,
	    .policy = policy,
	    .index = -1,
	    .name = name,
	};
	uint32_t fresh = (uint32_t)compile->plan->rule_count, index;

	sign_number(&rule.signature, tier);
	sign_number(&rule.signature, direction);
	sign_number(&rule.signature, allow);
	sign_text(&rule.signature, policy);
	sign_text(&rule.signature, name);
	index = lookup_put(&compile->special_rules, &rule.signature, fresh);
	if (index == fresh)
		return add(compile, rule);
	free(policy);
	free(name);
	return index;
}

bool policy_isolates(const struct policy *policy, enum direction direction)
{
	return policy->tier == TIER_NETWORK_POLICY && policy->applies[direction];
}

uint32_t plan_rule_isolated(struct compile *compile, const struct judged *judged)
{
	char *titles = NULL;
	size_t size;
	FILE *to = open_memstream(&titles, &size);

	if (!to)
		abort();
	for (size_t i = 0; i < judged->isolating.count; i++)
		fprintf(to, "%s%s", i ? ", " : "",
			compile->policies[judged->isolating.item[i]]->title);
	fclose(to);
	return special(
	    compile, TIER_NETWORK_POLICY, judged->direction, false, titles,
	    xprintf("default deny %s of %s", direction_words[judged->direction], titles));
}

uint32_t plan_rule_default(struct compile *compile, enum direction direction, bool allow,
			   const char *cause, const char *subject)
{
	return special(compile, TIER_DEFAULT, direction, allow, xstrdup("default"),
		       xprintf("default %s %s%s%s%s", allow ? "allow" : "deny",
			       direction_words[direction], cause, subject ? " for " : "",
			       subject ? subject : ""));
}

uint32_t plan_rule_exempt(struct compile *compile, enum direction direction, const char *cause)
{
	return special(compile, TIER_EXEMPT, direction, true, xstrdup("exempt"),
		       xprintf("exempt %s: %s", direction_words[direction], cause));
}
