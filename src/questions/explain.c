/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This asks the model, not the plan: rule by rule, as a person would. The
 * verdict itself is the plan's, and the two must name the same rule.
 */
#include "questions/explain.h"

#include <stdlib.h>
#include "compile/compile.h"
#include "questions/listing.h"
#include "questions/reach.h"
#include "model/users.h"

static bool in_block(const struct peer *peer, const struct address *address)
{
	bool inside = false;

	for (size_t i = 0; i < peer->prefix_count; i++)
		inside |= prefix_contains(&peer->prefixes[i], address);
	for (size_t i = 0; i < peer->except_count; i++)
		inside &= !prefix_contains(&peer->excepts[i], address);
	return inside;
}

static int stop_when_inside(const struct prefix *prefix, void *data)
{
	return prefix_contains(prefix, data) ? 1 : 0;
}

static bool in_list(const struct model *model, const struct peer *peer,
		    const struct address *address)
{
	struct address copy = *address;
	size_t line;

	return cidr_lines_each(model_list_text(model, peer->name), stop_when_inside, &copy,
			       &line) != 0;
}

static bool has_address(const struct address *addresses, size_t count,
			const struct address *address)
{
	for (size_t i = 0; i < count; i++)
		if (address_compare(&addresses[i], address) == 0)
			return true;
	return false;
}

/* The address is one of the node's, or of a pod on its network. */
static bool is_on_node(const struct model *model, const char *node, const struct address *address)
{
	uint32_t index = model_name_find(model, NAME_NODE, node, "");
	bool here = node == model->this_node || !*node;

	if (here && has_address(model->host_addresses, model->host_address_count, address))
		return true;
	if (index != LOOKUP_NONE && has_address(model->nodes.item[index]->addresses,
						model->nodes.item[index]->address_count, address))
		return true;
	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i];

		if (pod->node != node && !(here && !*pod->node))
			continue;
		if (has_address(pod->node_addresses, pod->node_address_count, address) ||
		    (pod->host_network && has_address(pod->addresses, pod->address_count, address)))
			return true;
	}
	return false;
}

static bool is_on_some_node(const struct model *model, const struct selector *selector,
			    const struct address *address)
{
	for (size_t i = 0; i < model->nodes.count; i++) {
		const struct node *node = model->nodes.item[i];

		if (selector && (!node->declared || !selector_matches(selector, &node->labels)))
			continue;
		if (is_on_node(model, node->name, address))
			return true;
	}
	return !selector && is_on_node(model, model->this_node, address);
}

bool peer_means(const struct model *model, const struct peer *peer, const struct party *party)
{
	const struct pod *pod = party->pod && !party->pod->host_network ? party->pod : NULL;

	switch (peer->kind) {
	case PEER_ANY:
		return true;
	case PEER_PODS:
		return pod && peer_selects_pod(model, peer, pod);
	case PEER_POD:
		pod = model_pod_find(model, peer->name);
		return pod && has_address(pod->addresses, pod->address_count, &party->address);
	case PEER_BLOCK:
		return in_block(peer, &party->address);
	case PEER_LIST:
		return in_list(model, peer, &party->address);
	case PEER_NODES:
		return is_on_some_node(model, &peer->pods, &party->address);
	case PEER_HOST:
		return is_on_node(model, model->this_node, &party->address);
	case PEER_WORLD:
		return !pod && !is_on_some_node(model, NULL, &party->address);
	case PEER_NAMES:
		break;
	}
	return false;
}

static bool rule_has_port(const struct policy_rule *rule, const struct pod *destination,
			  uint32_t key)
{
	if (!rule->port_count)
		return true;
	for (size_t i = 0; i < rule->port_count; i++) {
		const struct port_item *item = &rule->ports[i];

		if (!item->name && item->first <= key && key <= item->last)
			return true;
		for (size_t j = 0; item->name && destination && j < destination->port_count; j++) {
			const struct container_port *port = &destination->ports[j];

			if (port->name == item->name &&
			    (!item->protocol || item->protocol == port->protocol) &&
			    PORT_KEY(port->protocol, port->port) == key)
				return true;
		}
	}
	return false;
}

/* One side of a probe, while its rules are gone through. */
struct side {
	const struct model *model;
	const struct plan_rule *decided;
	const char *subject;   /* as the plan calls it */
	const struct pod *pod; /* that it is; NULL: a user, called "user:IF:WHO" by `who` */
	const char *who;
	const struct party *peer; /* the other one */
	uint32_t minute;
	const struct pod *destination;
	uint32_t key;
	enum direction direction;
	json_t *lost, *near;
	const char *peer_text; /* of the rule that decided */
};

static const char *const verdicts[] = {
    [ACTION_DENY] = "deny", [ACTION_ALLOW] = "allow", [ACTION_PASS] = "pass"};

static json_t *rule_words(const struct side *side, const struct ordered_rule *ordered)
{
	const struct policy_rule *rule = ordered->rule;
	const char *title = ordered->policy ? ordered->policy->title : ordered->line->title;
	char *peers = rule_peers_text(side->model, rule), *ports = rule_ports_text(rule);
	json_t *row = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s}", "policy", title, "tier",
				tier_word(ordered->tier), "verdict", verdicts[rule->action],
				"index", rule->index, "peer", peers, "ports", ports);

	free(peers);
	free(ports);
	return row;
}

static void consider(struct side *side, const struct ordered_rule *ordered)
{
	const struct policy_rule *rule = ordered->rule;
	bool port = rule_has_port(rule, side->destination, side->key);
	bool open = !window_is_set(&rule->window) || window_has(&rule->window, side->minute);
	uint32_t matching = LOOKUP_NONE;
	json_t *row;

	for (size_t i = 0; i < rule->peer_count && matching == LOOKUP_NONE; i++)
		if (peer_means(side->model, side->model->peers.item[rule->peers[i]], side->peer))
			matching = rule->peers[i];
	if (signature_equal(&rule->signature, &side->decided->signature)) {
		side->peer_text = matching == LOOKUP_NONE ? NULL : peer_text(side->model, matching);
		return;
	}
	if (matching != LOOKUP_NONE && port && open) {
		json_array_append_new(side->lost, rule_words(side, ordered));
	} else if ((matching != LOOKUP_NONE) + port + open >= 2 && rule->action == ACTION_ALLOW &&
		   !side->decided->allow) {
		row = rule_words(side, ordered);
		json_object_set_new(row, "but",
				    json_string(matching == LOOKUP_NONE ? "peer"
						: port			? "hour"
									: "port"));
		json_array_append_new(side->near, row);
	}
}

static bool applies(const struct side *side, const struct ordered_rule *ordered)
{
	if (ordered->direction != side->direction)
		return false;
	if (ordered->policy)
		return side->pod &&
		       peer_selects_pod(side->model,
					side->model->peers.item[ordered->policy->subject],
					side->pod);
	return line_is_for(side->model, ordered->line, side->pod, side->subject);
}

static void consider_all(struct side *side)
{
	struct compile order = {.model = side->model};

	order_rules(&order);
	for (size_t i = 0; i < order.ordered_count; i++)
		if (applies(side, &order.ordered[i]))
			consider(side, &order.ordered[i]);
	order_release(&order);
}

/* The options that mean the subject; freed by the caller. */
static char *subject_words(const struct side *side)
{
	const char *interface = side->who + strlen(USER_PREFIX), *colon;

	if (side->pod)
		return xprintf("--pod %s", side->subject);
	colon = strchr(interface, ':');
	return xprintf("--user %s --dev %.*s", colon + 1, (int)(colon - interface), interface);
}

/* What would let the packet through on this side, as a command. */
static json_t *advice(const struct side *side)
{
	struct port_item item = {.first = side->key, .last = side->key};
	char port[64], address[ADDRESS_TEXT];
	const struct pod *peer = side->peer->pod;
	char *whom, *options;
	json_t *text;

	if (side->decided->tier == TIER_ADMIN)
		return json_sprintf("no allow can overrule %s: change that policy",
				    side->decided->name);
	whom = peer ? xprintf("%s/%s", peer->namespace, peer->name)
		    : xstrdup(address_text(&side->peer->address, address));
	options = subject_words(side);
	text = json_sprintf("npctl policy allow %s %s --port %s%s", whom, options,
			    port_item_text(&item, port, sizeof(port)),
			    side->pod && side->direction == EGRESS ? " --egress" : "");
	free(options);
	free(whom);
	return text;
}

/* " of …" when the packet is for a service, and so for pods that nobody knows yet. */
static const char *service_text(const struct side *side)
{
	const struct service *service = service_at(side->model, &side->peer->address);

	return service && !side->peer->pod ? service->title : NULL;
}

static json_t *why(const struct side *side)
{
	const struct plan_rule *rule = side->decided;
	const char *service = service_text(side);
	const char *direction = side->direction == EGRESS ? "egress" : "ingress";

	if (rule->tier == TIER_EXEMPT)
		return json_sprintf("%s", rule->name);
	if (rule->tier == TIER_NETWORK_POLICY && rule->index < 0)
		return json_sprintf("the pod is isolated for %s by %s, and none of their rules "
				    "allows this%s%s",
				    direction, rule->policy,
				    service ? " at every pod of the service " : "",
				    service ? service : "");
	if (rule->tier == TIER_DEFAULT && rule->allow)
		return json_sprintf("no policy isolates the pod for %s", direction);
	if (rule->tier == TIER_DEFAULT)
		return json_sprintf("%s: no rule allows this", rule->name);
	if (!side->peer_text && service)
		return json_sprintf("%s matches pods of the service %s", rule->name, service);
	return json_sprintf("%s matches %s", rule->name,
			    side->peer_text ? side->peer_text : "the peer");
}

/* What holds when, where that goes by the clock. */
static json_t *schedule(const struct plan *plan, const struct plan_table *timed)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < timed->count; i++) {
		const struct plan_rule *rule = &plan->rules[timed->ranges[i].rule];
		struct window window = {
		    .from = (uint16_t)timed->ranges[i].start,
		    .to = i + 1 < timed->count ? (uint16_t)timed->ranges[i + 1].start : DAY_MINUTES,
		};
		char text[WINDOW_TEXT];

		json_array_append_new(
		    rows, json_pack("{s:s, s:s, s:s}", "between", window_text(&window, text),
				    "verdict", rule->allow ? "allow" : "deny", "rule", rule->name));
	}
	return rows;
}

json_t *explain_side(const struct model *model, const struct plan *plan,
		     const struct matrix_probe *probe, enum direction direction)
{
	uint32_t rule = direction == EGRESS ? probe->egress : probe->ingress;
	const struct party *subject = direction == EGRESS ? &probe->from : &probe->to;
	const struct plan_table *timed;
	struct side side = {
	    .model = model,
	    .pod = subject->pod,
	    .who = subject->text,
	    .minute = plan->minute,
	    .peer = direction == EGRESS ? &probe->to : &probe->from,
	    .key = PORT_KEY(probe->protocol, probe->port),
	    .direction = direction,
	};
	json_t *row = rule_row(plan, rule);

	if (rule == NO_RULE)
		return row;
	side.decided = &plan->rules[rule];
	side.subject = plan->subjects[subject->subject].name;
	side.destination = probe->to.pod && !probe->to.pod->host_network ? probe->to.pod : NULL;
	side.lost = json_array();
	side.near = json_array();
	consider_all(&side);
	json_object_set_new(row, "why", why(&side));
	if (side.peer_text)
		json_object_set_new(row, "peer", json_string(side.peer_text));
	json_object_set_new(row, "lost", side.lost);
	timed = plan_timed(plan, (uint32_t)subject->subject, direction, &side.peer->address,
			   probe->protocol, probe->port);
	if (timed)
		json_object_set_new(row, "schedule", schedule(plan, timed));
	if (!side.decided->allow) {
		json_object_set_new(row, "near", side.near);
		json_object_set_new(row, "advice", advice(&side));
	} else {
		json_decref(side.near);
	}
	return row;
}

json_t *policies_of_pod(const struct model *model, const struct pod *pod)
{
	json_t *rows = json_array();
	struct compile order = {.model = model};

	order_rules(&order);
	for (size_t i = 0; i < order.policy_count; i++) {
		const struct policy *policy = order.policies[i];
		const struct peer *subject = model->peers.item[policy->subject];

		if (!peer_selects_pod(model, subject, pod))
			continue;
		for (int direction = 0; direction < DIRECTIONS; direction++)
			if (policy->applies[direction])
				json_array_append_new(
				    rows, json_pack("{s:s, s:s, s:s, s:s, s:s}", "policy",
						    policy->title, "kind", policy->kind, "tier",
						    tier_word(policy->tier), "direction",
						    direction == EGRESS ? "egress" : "ingress",
						    "because", peer_text(model, policy->subject)));
	}
	order_release(&order);
	return rows;
}
