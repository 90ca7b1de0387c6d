/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* NetworkPolicy, ClusterNetworkPolicy and its two forerunners. */
#include "model/model_private.h"

#include <netinet/in.h>
#include <stdio.h>
#include "manifest/schema.h"

static void read_prefixes(struct model *model, const struct item *array, struct prefix **prefixes,
			  size_t *count)
{

	*prefixes = model_array(model, item_count(array), sizeof(**prefixes));
	ITEM_EACH (array, value) {
		/* Zeroed memory and this keep the padding equal, for signatures. */
		if (prefix_parse(item_string(value), &(*prefixes)[*count]) == 0)
			(*count)++;
	}
}

void policy_rule_sign(const struct model *model, const struct policy *policy,
		      enum direction direction, struct policy_rule *rule)
{
	struct signature *signature = &rule->signature;

	*signature = (struct signature){0};
	sign_number(signature, policy->tier);
	sign_number(signature, direction);
	sign_text(signature, policy->kind);
	sign_text(signature, policy->title);
	if (policy->sides == 1u << SIDE_SHADOW)
		sign_text(signature, "shadow");
	sign_number(signature, (uint64_t)rule->index);
	sign_number(signature, rule->action);
	sign_text(signature, rule->name);
	for (size_t i = 0; i < rule->peer_count; i++)
		sign_signature(signature, &model->peers.item[rule->peers[i]]->signature);
	sign_number(signature, rule->port_count);
	for (size_t i = 0; i < rule->port_count; i++) {
		const struct port_item *item = &rule->ports[i];

		sign_number(signature, (uint64_t)item->first << 32 | item->last);
		sign_text(signature, item->name ? item->name : "");
		sign_number(signature, item->protocol);
	}
}

void policy_add(struct model *model, struct policy *policy)
{
	uint32_t fresh = (uint32_t)model->policies.count;
	bool shadow = model->sides == 1u << SIDE_SHADOW;
	uint32_t index = model_name(model, shadow ? NAME_SHADOW_POLICY : NAME_POLICY, policy->kind,
				    policy->title, fresh);
	struct policy *copy = model_array(model, 1, sizeof(*copy));

	*copy = *policy;
	copy->sides = model->sides;
	for (int direction = 0; direction < DIRECTIONS; direction++)
		for (size_t i = 0; i < copy->rule_count[direction]; i++)
			policy_rule_sign(model, copy, (enum direction)direction,
					 &copy->rules[direction][i]);
	if (index == fresh)
		ADD(model->policies, copy);
	else
		model->policies.item[index] = copy;
}

static struct port_item range_item(const char *protocol, long first, long last)
{
	uint32_t number = (uint32_t)protocol_parse(protocol);

	return (struct port_item){
	    .first = PORT_KEY(number, (uint32_t)first),
	    .last = PORT_KEY(number, (uint32_t)last),
	};
}

/* NetworkPolicy */

static uint32_t read_peer(struct model *model, const struct policy *policy,
			  const struct item *object)
{
	const struct item *block = item_get(object, "ipBlock");
	const struct item *pods = item_get(object, "podSelector");
	const struct item *namespaces = item_get(object, "namespaceSelector");
	struct peer peer = {.kind = PEER_PODS};

	if (block) {
		struct prefix *prefix = model_array(model, 1, sizeof(*prefix));

		peer.kind = PEER_BLOCK;
		prefix_parse(item_text(block, "cidr", ""), prefix);
		peer.prefixes = prefix;
		peer.prefix_count = 1;
		read_prefixes(model, item_get(block, "except"), &peer.excepts, &peer.except_count);
		return model_peer(model, &peer);
	}
	if (namespaces)
		read_selector(model, namespaces, &peer.namespaces);
	else
		peer.namespace = policy->namespace;
	read_selector(model, pods, &peer.pods);
	return model_peer(model, &peer);
}

static struct port_item read_port(struct model *model, const struct item *object)
{
	const char *protocol = item_text(object, "protocol", "TCP");
	const struct item *port = item_get(object, "port");
	long number = port && port->kind == ITEM_NUMBER ? (long)port->number : 0;

	if (!port)
		return range_item(protocol, 0, 65535);
	if (port->kind == ITEM_TEXT)
		return (struct port_item){
		    .name = model_text(model, item_string(port)),
		    .protocol = (uint8_t)protocol_parse(protocol),
		};
	return range_item(protocol, number, item_number(object, "endPort", number));
}

static uint32_t any_peer(struct model *model)
{
	struct peer peer = {.kind = PEER_ANY};

	return model_peer(model, &peer);
}

static void read_np_rule(struct model *model, const struct policy *policy,
			 const struct item *object, const char *peers_name,
			 struct policy_rule *rule)
{
	const struct item *peers = item_get(object, peers_name), *ports = item_get(object, "ports");

	rule->action = ACTION_ALLOW;
	rule->name = model_text(model, "");
	rule->peers = model_array(model, item_count(peers) + 1, sizeof(*rule->peers));
	ITEM_EACH (peers, value)
		rule->peers[rule->peer_count++] = read_peer(model, policy, value);
	if (!rule->peer_count)
		rule->peers[rule->peer_count++] = any_peer(model);
	rule->ports = model_array(model, item_count(ports), sizeof(*rule->ports));
	ITEM_EACH (ports, value) {
		rule->ports[rule->port_count] = read_port(model, value);
		rule->named_ports |= rule->ports[rule->port_count++].name != NULL;
	}
}

static void read_np_rules(struct model *model, struct policy *policy, const struct item *array,
			  enum direction direction)
{
	struct policy_rule *rules = model_array(model, item_count(array), sizeof(*rules));
	size_t count = 0;

	ITEM_EACH (array, value) {
		struct policy_rule *rule = &rules[count];

		rule->index = (int)count++;
		read_np_rule(model, policy, value, direction == INGRESS ? "from" : "to", rule);
	}
	policy->rules[direction] = rules;
	policy->rule_count[direction] = item_count(array);
}

static void read_types(struct policy *policy, const struct item *spec)
{
	const struct item *types = item_get(spec, "policyTypes");

	if (item_count(types) == 0) {
		policy->applies[INGRESS] = true;
		policy->applies[EGRESS] = item_count(item_get(spec, "egress")) > 0;
	}
	ITEM_EACH (types, value)
		policy->applies[strcmp(item_string(value), "Egress") == 0 ? EGRESS : INGRESS] =
		    true;
}

int read_network_policy(struct model *model, const struct item *object, const char *where)
{
	const struct item *metadata = item_get(object, "metadata"),
			  *spec = item_get(object, "spec");
	struct peer subject = {.kind = PEER_PODS};
	struct policy policy = {
	    .kind = "NetworkPolicy",
	    .namespace = model_namespace(model, item_text(metadata, "namespace", "default"))->name,
	    .name = model_text(model, item_text(metadata, "name", "")),
	    .where = model_text(model, where),
	    .origin = model_text(model, item_text(object, "origin", "")),
	    .tier = TIER_NETWORK_POLICY,
	};

	policy.title = model_title(model, policy.namespace, policy.name);
	subject.namespace = policy.namespace;
	read_selector(model, item_get(spec, "podSelector"), &subject.pods);
	policy.subject = model_peer(model, &subject);
	read_types(&policy, spec);
	for (int direction = 0; direction < DIRECTIONS; direction++)
		if (policy.applies[direction])
			read_np_rules(model, &policy,
				      item_get(spec, direction ? "egress" : "ingress"),
				      (enum direction)direction);
	policy_add(model, &policy);
	return 0;
}

/* Cluster policies */

static uint32_t read_cluster_pods(struct model *model, const struct item *object)
{
	const struct item *pods = item_get(object, "pods");
	struct peer peer = {.kind = PEER_PODS};

	if (pods) {
		read_selector(model, item_get(pods, "namespaceSelector"), &peer.namespaces);
		read_selector(model, item_get(pods, "podSelector"), &peer.pods);
	} else {
		read_selector(model, item_get(object, "namespaces"), &peer.namespaces);
	}
	return model_peer(model, &peer);
}

static uint32_t read_cluster_peer(struct model *model, const struct item *object)
{
	const struct item *nodes = item_get(object, "nodes");
	const struct item *networks = item_get(object, "networks");
	const struct item *domains = item_get(object, "domainNames");
	struct peer peer = {0};

	if (nodes) {
		peer.kind = PEER_NODES;
		read_selector(model, nodes, &peer.pods);
	} else if (networks) {
		peer.kind = PEER_BLOCK;
		read_prefixes(model, networks, &peer.prefixes, &peer.prefix_count);
	} else if (domains) {
		peer.kind = PEER_NAMES;
		peer.name =
		    model_text(model, item_string(item_count(domains) ? domains->children : NULL));
	} else {
		return read_cluster_pods(model, object);
	}
	return model_peer(model, &peer);
}

static struct port_item named_item(struct model *model, const char *name)
{
	return (struct port_item){.name = model_text(model, name)};
}

/* v1alpha2: protocols. */
static struct port_item read_protocol(struct model *model, const struct item *object)
{
	static const char *const transports[] = {"tcp", "udp", "sctp"};
	const char *name = item_text(object, "destinationNamedPort", NULL);

	if (name)
		return named_item(model, name);
	for (size_t i = 0; i < ARRAY_SIZE(transports); i++) {
		const struct item *transport = item_get(object, transports[i]);
		const struct item *port = item_get(transport, "destinationPort");
		const struct item *range = item_get(port, "range");
		long number = item_number(port, "number", 0);

		if (!transport)
			continue;
		if (range)
			return range_item(transports[i], item_number(range, "start", 0),
					  item_number(range, "end", 0));
		return range_item(transports[i], number, number);
	}
	return (struct port_item){0};
}

/* v1alpha1: ports. */
static struct port_item read_port1(struct model *model, const struct item *object)
{
	const struct item *number = item_get(object, "portNumber");
	const struct item *range = item_get(object, "portRange");
	long port = item_number(number, "port", 0);

	if (number)
		return range_item(item_text(number, "protocol", "TCP"), port, port);
	if (range)
		return range_item(item_text(range, "protocol", "TCP"),
				  item_number(range, "start", 0), item_number(range, "end", 0));
	return named_item(model, item_text(object, "namedPort", ""));
}

static enum action read_action(const struct item *object)
{
	const char *word = item_text(object, "action", "");

	return strcmp(word, "Deny") == 0   ? ACTION_DENY
	       : strcmp(word, "Pass") == 0 ? ACTION_PASS
					   : ACTION_ALLOW;
}

static void read_cluster_rule(struct model *model, const struct item *object,
			      const char *peers_name, struct policy_rule *rule)
{
	const struct item *peers = item_get(object, peers_name);
	const struct item *protocols = item_get(object, "protocols");
	const struct item *ports = protocols ? protocols : item_get(object, "ports");

	rule->action = read_action(object);
	rule->name = model_text(model, item_text(object, "name", ""));
	rule->peers = model_array(model, item_count(peers), sizeof(*rule->peers));
	ITEM_EACH (peers, value)
		rule->peers[rule->peer_count++] = read_cluster_peer(model, value);
	rule->ports = model_array(model, item_count(ports), sizeof(*rule->ports));
	ITEM_EACH (ports, value) {
		rule->ports[rule->port_count] =
		    protocols ? read_protocol(model, value) : read_port1(model, value);
		rule->named_ports |= rule->ports[rule->port_count++].name != NULL;
	}
}

static void read_cluster_rules(struct model *model, struct policy *policy, const struct item *array,
			       enum direction direction)
{
	struct policy_rule *rules = model_array(model, item_count(array), sizeof(*rules));
	size_t count = 0;

	ITEM_EACH (array, value) {
		struct policy_rule *rule = &rules[count];

		rule->index = (int)count++;
		read_cluster_rule(model, value, direction == INGRESS ? "from" : "to", rule);
	}
	policy->rules[direction] = rules;
	policy->rule_count[direction] = item_count(array);
	policy->applies[direction] = policy->rule_count[direction] > 0;
}

/* The one baseline policy of v1alpha1 has no priority: it comes after all that have one. */
#define PRIORITY_LAST 1001

int read_cluster_policy(struct model *model, const struct item *object, const char *where)
{
	const struct item *metadata = item_get(object, "metadata"),
			  *spec = item_get(object, "spec");
	struct policy policy = {
	    .kind = model_text(model, item_text(object, "kind", "")),
	    .name = model_text(model, item_text(metadata, "name", "")),
	    .where = model_text(model, where),
	    .origin = model_text(model, item_text(object, "origin", "")),
	    .tier = TIER_ADMIN,
	    .priority = (int)item_number(spec, "priority", PRIORITY_LAST),
	};

	policy.title = policy.name;
	if (strcmp(policy.kind, "BaselineAdminNetworkPolicy") == 0 ||
	    strcmp(item_text(spec, "tier", ""), "Baseline") == 0)
		policy.tier = TIER_BASELINE;
	policy.subject = read_cluster_pods(model, item_get(spec, "subject"));
	read_cluster_rules(model, &policy, item_get(spec, "ingress"), INGRESS);
	read_cluster_rules(model, &policy, item_get(spec, "egress"), EGRESS);
	policy_add(model, &policy);
	return 0;
}
