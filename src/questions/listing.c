/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "questions/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include "compile/compile.h"

struct listing {
	const struct model *model;
	json_t *rows;
	const char *policy;    /* only this one */
	const char *subject;   /* only what judges this one */
	const struct pod *pod; /* that it is, if any */
	listing_count count;
	void *data;
};

char *rule_peers_text(const struct model *model, const struct policy_rule *rule)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	for (size_t i = 0; to && i < rule->peer_count; i++)
		fprintf(to, "%s%s", i ? " or " : "", peer_text(model, rule->peers[i]));
	if (to)
		fclose(to);
	return text;
}

char *rule_ports_text(const struct policy_rule *rule)
{
	char *text = NULL, one[64];
	size_t size;
	FILE *to;

	if (!rule->port_count)
		return xstrdup("any");
	to = open_memstream(&text, &size);
	for (size_t i = 0; to && i < rule->port_count; i++)
		fprintf(to, "%s%s", i ? "," : "",
			port_item_text(&rule->ports[i], one, sizeof(one)));
	if (to)
		fclose(to);
	return text;
}

static void add_counts(const struct listing *listing, json_t *row,
		       const struct signature *signature)
{
	struct counter counter = {0};

	if (!listing->count || !listing->count(listing->data, signature, &counter))
		return;
	json_object_set_new(row, "packets", json_integer((json_int_t)counter.packets));
	json_object_set_new(row, "bytes", json_integer((json_int_t)counter.bytes));
}

static const char *const verdicts[] = {
    [ACTION_DENY] = "deny", [ACTION_ALLOW] = "allow", [ACTION_PASS] = "pass"};

static json_t *add_row(const struct listing *listing, const struct policy_rule *rule,
		       enum tier tier, enum direction direction, const char *title,
		       const char *subject, const char *origin)
{
	char *peers = rule_peers_text(listing->model, rule), *ports = rule_ports_text(rule);
	const char *number = tier == TIER_RULE ? "id" : "index";
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "policy", title, "tier",
				tier_word(tier), "verdict", verdicts[rule->action], "direction",
				direction == EGRESS ? "egress" : "ingress", "subject", subject,
				"peer", peers, "ports", ports, number, rule->index);

	if (*rule->name)
		json_object_set_new(row, "name", json_string(rule->name));
	if (*origin)
		json_object_set_new(row, "origin", json_string(origin));
	json_object_set_new(row, "rule",
			    tier == TIER_RULE ? json_sprintf("%d", rule->index)
					      : json_sprintf("%s[%d]", title, rule->index));
	add_counts(listing, row, &rule->signature);
	json_array_append_new(listing->rows, row);
	free(peers);
	free(ports);
	return row;
}

/* What only one-line rules and endpoints have. */
static void add_line(const struct listing *listing, const struct line *line)
{
	const struct policy_rule *rule = &line->rule;
	char window[WINDOW_TEXT];
	json_t *row = add_row(listing, rule, TIER_RULE, line->direction, line->title,
			      line->subject ? line->subject : "all", line->origin);

	if (line->endpoint) {
		json_object_del(row, "id");
		json_object_set_new(row, "index", json_integer(rule->index));
		json_object_set_new(row, "rule", json_sprintf("%s[%d]", line->title, rule->index));
	}
	if (window_is_set(&rule->window))
		json_object_set_new(row, "between",
				    json_string(window_text(&rule->window, window)));
	if (line->users.unknown)
		json_object_set_new(row, "problem",
				    json_sprintf("%s: it %s", line->users.unknown,
						 line->users.any     ? "denies everybody"
						 : line->users.count ? "allows the others only"
								     : "allows nobody"));
	if (*line->preset)
		json_object_set_new(row, "preset", json_string(line->preset));
}

static void add_policies(const struct listing *listing, const struct compile *order,
			 enum tier first, enum tier last)
{
	for (size_t i = 0; i < order->policy_count; i++) {
		const struct policy *policy = order->policies[i];
		const char *subject = peer_text(listing->model, policy->subject);

		if (policy->tier < first || policy->tier > last ||
		    (listing->policy && strcmp(listing->policy, policy->title) != 0) ||
		    (listing->subject &&
		     (!listing->pod ||
		      !peer_selects_pod(listing->model, listing->model->peers.item[policy->subject],
					listing->pod))))
			continue;
		for (int direction = 0; direction < DIRECTIONS; direction++)
			for (size_t j = 0; j < policy->rule_count[direction]; j++)
				add_row(listing, &policy->rules[direction][j], policy->tier,
					(enum direction)direction, policy->title, subject,
					policy->origin);
	}
}

static void add_lines(const struct listing *listing)
{
	for (size_t i = 0; i < listing->model->lines.count; i++) {
		const struct line *line = listing->model->lines.item[i];

		if ((listing->policy && strcmp(listing->policy, line->title) != 0) ||
		    (listing->subject &&
		     !line_is_for(listing->model, line, listing->pod, listing->subject)))
			continue;
		add_line(listing, line);
	}
}

/* Some policy of the title is among those that a default names. */
static bool is_named(const char *titles, const char *policy)
{
	size_t length = strlen(policy);

	for (const char *at = titles; (at = strstr(at, policy)); at++)
		if ((at == titles || at[-1] == ' ') && (!at[length] || at[length] == ','))
			return true;
	return false;
}

static void add_default(const struct listing *listing, const struct plan_rule *rule)
{
	json_t *row;

	if (rule->index >= 0 || rule->tier == TIER_RULE || rule->tier == TIER_EXEMPT ||
	    (listing->policy && !is_named(rule->policy, listing->policy)))
		return;
	row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "policy", rule->policy, "tier",
			tier_word(rule->tier), "verdict", rule->allow ? "allow" : "deny",
			"direction", rule->direction == EGRESS ? "egress" : "ingress", "peer",
			"any", "ports", "any", "rule", rule->name);
	add_counts(listing, row, &rule->signature);
	json_array_append_new(listing->rows, row);
}

static void add_defaults(const struct listing *listing, const struct plan *plan)
{
	for (size_t i = 0; i < plan->rule_count; i++)
		add_default(listing, &plan->rules[i]);
}

static void mark_table(const struct plan *plan, const struct plan_table *table, bool *used)
{
	for (uint32_t i = 0; i < table->count; i++) {
		uint32_t rule = table->ranges[i].rule;

		if (rule & PLAN_TIMED)
			mark_table(plan, &plan->tables[rule & ~PLAN_TIMED], used);
		else
			used[rule] = true;
	}
}

/* Only those that some table of the subject's ends in. */
static void add_own_defaults(const struct listing *listing, const struct plan *plan)
{
	int subject = plan_subject_find(plan, listing->subject);
	bool *used = xalloc(plan->rule_count + 1);

	for (int direction = 0; subject >= 0 && direction < DIRECTIONS; direction++) {
		const struct plan_set *set = &plan->sets[plan->subjects[subject].set[direction]];

		mark_table(plan, &plan->tables[set->fallback], used);
		for (uint32_t i = 0; i < set->count; i++)
			mark_table(plan, &plan->tables[set->grants[i].table], used);
	}
	for (size_t i = 0; i < plan->rule_count; i++)
		if (used[i])
			add_default(listing, &plan->rules[i]);
	free(used);
}

static json_t *make_rows(struct listing *listing, const struct plan *plan)
{
	struct compile order = {.model = listing->model};

	listing->rows = json_array();
	order_rules(&order);
	add_policies(listing, &order, TIER_EXEMPT, TIER_ADMIN);
	add_lines(listing);
	add_policies(listing, &order, TIER_NETWORK_POLICY, TIER_BASELINE);
	if (listing->subject)
		add_own_defaults(listing, plan);
	else
		add_defaults(listing, plan);
	order_release(&order);
	return listing->rows;
}

json_t *listing_rows(const struct model *model, const struct plan *plan, const char *policy,
		     listing_count count, void *data)
{
	struct listing listing = {.model = model, .policy = policy, .count = count, .data = data};

	return make_rows(&listing, plan);
}

json_t *listing_subject(const struct model *model, const struct plan *plan, const char *subject,
			listing_count count, void *data)
{
	struct listing listing = {
	    .model = model,
	    .subject = subject,
	    .pod = model_pod_find(model, subject),
	    .count = count,
	    .data = data,
	};

	return make_rows(&listing, plan);
}

json_t *listing_pod(const struct model *model, const struct plan *plan, const struct pod *pod,
		    listing_count count, void *data)
{
	char *name = xprintf("%s/%s", pod->namespace, pod->name);
	json_t *rows = listing_subject(model, plan, name, count, data);

	free(name);
	return rows;
}
