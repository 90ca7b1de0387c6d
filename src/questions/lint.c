/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "questions/lint.h"

#include <stdlib.h>
#include "compile/compile.h"
#include "questions/explain.h"
#include "questions/matrix.h"

struct lint {
	const struct model *model;
	const struct plan *plan;
	struct lookup deciding; /* signatures of the rules that decide something */
	json_t *rows;
};

static void PRINTF(5, 6) add(struct lint *lint, const struct policy *policy, const char *rule,
			     const char *problem, const char *format, ...)
{
	va_list list;
	char *detail;

	va_start(list, format);
	if (vasprintf(&detail, format, list) < 0)
		abort();
	va_end(list);
	json_array_append_new(lint->rows, json_pack("{s:s, s:s, s:s, s:s, s:s}", "where",
						    policy->where, "policy", policy->title, "rule",
						    rule, "problem", problem, "detail", detail));
	free(detail);
}

static bool selects_some_pod(const struct model *model, const struct peer *peer)
{
	for (size_t i = 0; i < model->pods.count; i++)
		if (peer_selects_pod(model, peer, model->pods.item[i]))
			return true;
	return false;
}

/* Blocks and the like may match what no manifest knows. */
static bool can_match(const struct model *model, const struct peer *peer)
{
	if (peer->kind == PEER_NODES) {
		for (size_t i = 0; i < model->nodes.count; i++)
			if (model->nodes.item[i]->declared &&
			    selector_matches(&peer->pods, &model->nodes.item[i]->labels))
				return true;
		return false;
	}
	return peer->kind != PEER_PODS || selects_some_pod(model, peer);
}

static bool pod_has_name(const struct pod *pod, const struct port_item *item)
{
	for (size_t i = 0; i < pod->port_count; i++)
		if (pod->ports[i].name == item->name &&
		    (!item->protocol || item->protocol == pod->ports[i].protocol))
			return true;
	return false;
}

/* Some destination of the rule has a port of that name. */
static bool name_exists(const struct model *model, const struct policy *policy,
			const struct policy_rule *rule, enum direction direction,
			const struct port_item *item)
{
	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i];

		if (!pod_has_name(pod, item))
			continue;
		if (direction == INGRESS &&
		    peer_selects_pod(model, model->peers.item[policy->subject], pod))
			return true;
		for (size_t j = 0; direction == EGRESS && j < rule->peer_count; j++) {
			const struct peer *peer = model->peers.item[rule->peers[j]];

			if (peer->kind == PEER_BLOCK || peer_selects_pod(model, peer, pod))
				return true;
		}
	}
	return false;
}

static void lint_rule(struct lint *lint, const struct policy *policy, enum direction direction,
		      const struct policy_rule *rule, bool selects)
{
	const struct model *model = lint->model;
	char *name = xprintf("%s[%d]", direction == EGRESS ? "egress" : "ingress", rule->index);
	bool may_match = false, has_port = rule->port_count == 0;

	for (size_t i = 0; i < rule->peer_count; i++) {
		const struct peer *peer = model->peers.item[rule->peers[i]];

		if (can_match(model, peer))
			may_match = true;
		else
			add(lint, policy, name, "matches-nobody", "%s matches nobody",
			    peer_text(model, rule->peers[i]));
	}
	for (size_t i = 0; i < rule->port_count; i++) {
		if (!rule->ports[i].name ||
		    name_exists(model, policy, rule, direction, &rule->ports[i]))
			has_port = true;
		else
			add(lint, policy, name, "unknown-port",
			    "no destination has a port named %s", rule->ports[i].name);
	}
	if (selects && may_match && has_port && rule->action != ACTION_PASS &&
	    lookup_get(&lint->deciding, &rule->signature) == LOOKUP_NONE)
		add(lint, policy, name, "shadowed", "never decides: others come before it");
	free(name);
}

static bool share_a_pod(const struct model *model, const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < model->pods.count; i++)
		if (peer_selects_pod(model, model->peers.item[a->subject], model->pods.item[i]) &&
		    peer_selects_pod(model, model->peers.item[b->subject], model->pods.item[i]))
			return true;
	return false;
}

/* Both judge some pod in some direction, and only their names say which comes first. */
static bool is_tie(const struct model *model, const struct policy *a, const struct policy *b)
{
	return a->tier != TIER_NETWORK_POLICY && a->tier == b->tier && a->priority == b->priority &&
	       ((a->applies[INGRESS] && b->applies[INGRESS]) ||
		(a->applies[EGRESS] && b->applies[EGRESS])) &&
	       share_a_pod(model, a, b);
}

static void lint_ties(struct lint *lint, const struct compile *order)
{
	for (size_t i = 0; i < order->policy_count; i++)
		for (size_t j = i + 1; j < order->policy_count; j++)
			if (is_tie(lint->model, order->policies[i], order->policies[j]))
				add(lint, order->policies[j], "", "equal-priority",
				    "priority %d is also that of %s, which comes first by name",
				    order->policies[j]->priority, order->policies[i]->title);
}

void model_warn_ties(const struct model *model)
{
	struct compile order = {.model = model};

	order_rules(&order);
	for (size_t i = 0; i < order.policy_count; i++)
		for (size_t j = i + 1; j < order.policy_count; j++)
			if (is_tie(model, order.policies[i], order.policies[j]))
				warn("%s and %s have the same priority %d: judged in the order "
				     "of their names",
				     order.policies[i]->title, order.policies[j]->title,
				     order.policies[j]->priority);
	order_release(&order);
}

static void lint_policy(struct lint *lint, const struct policy *policy)
{
	const struct peer *subject = lint->model->peers.item[policy->subject];
	bool selects = selects_some_pod(lint->model, subject);

	if (!selects)
		add(lint, policy, "", "selects-no-pod", "%s selects no pod",
		    peer_text(lint->model, policy->subject));
	for (int direction = 0; direction < DIRECTIONS; direction++)
		for (size_t i = 0; i < policy->rule_count[direction]; i++)
			lint_rule(lint, policy, (enum direction)direction,
				  &policy->rules[direction][i], selects);
}

/* Several pods at one address: only one of them can be meant. */
static void lint_addresses(struct lint *lint)
{
	const struct model *model = lint->model;

	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i], *owner;

		for (size_t j = 0; !pod->host_network && j < pod->address_count; j++) {
			char text[ADDRESS_TEXT];

			owner = model_pod_at(model, &pod->addresses[j]);
			if (owner == pod)
				continue;
			json_array_append_new(
			    lint->rows,
			    json_pack("{s:s, s:s, s:s, s:o}", "policy", "", "rule", "", "problem",
				      "shared-address", "detail",
				      json_sprintf("%s/%s and %s/%s both have %s", owner->namespace,
						   owner->name, pod->namespace, pod->name,
						   address_text(&pod->addresses[j], text))));
		}
	}
}

json_t *lint_rows(const struct model *model, const struct plan *plan)
{
	struct lint lint = {model, plan, {0}, json_array()};
	struct compile order = {.model = model};

	for (uint32_t i = 0; i < plan->rule_count; i++)
		lookup_put(&lint.deciding, &plan->rules[i].signature, i);
	order_rules(&order);
	for (size_t i = 0; i < order.policy_count; i++)
		lint_policy(&lint, order.policies[i]);
	lint_ties(&lint, &order);
	lint_addresses(&lint);
	order_release(&order);
	lookup_release(&lint.deciding);
	return lint.rows;
}
