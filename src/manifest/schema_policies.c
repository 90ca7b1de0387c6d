/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The fields of NetworkPolicy and of the cluster policies of both generations. */
#include <stddef.h>
#include <string.h>
#include "base/cidr.h"
#include "manifest/schema.h"
#include "manifest/schema_parts.h"

/* NetworkPolicy */

static const char *check_block(const json_t *object)
{
	struct prefix block, except;
	size_t index;
	json_t *value;

	if (prefix_parse(field_text(object, "cidr", ""), &block))
		return "has no valid cidr";
	json_array_foreach (field_get(object, "except"), index, value) {
		if (prefix_parse(json_string_value(value), &except) ||
		    !prefix_contains(&block, &except.address) || except.length <= block.length)
			return "except must lie strictly within cidr";
	}
	return NULL;
}

static const struct schema block_schema = {
    .fields =
	(const struct field[]){
	    {.name = "cidr", .type = TYPE_TEXT, .required = true, .form = FORM_CIDR},
	    {.name = "except", .type = TYPE_TEXTS, .form = FORM_CIDR},
	    END,
	},
    .check = check_block,
};

static const char *check_peer(const json_t *object)
{
	if (field_get(object, "ipBlock") &&
	    (field_get(object, "podSelector") || field_get(object, "namespaceSelector")))
		return "ipBlock stands alone, without selectors";
	return NULL;
}

static const struct schema peer_schema = {
    .fields =
	(const struct field[]){
	    {.name = "podSelector", .type = TYPE_OBJECT, .schema = &selector_schema},
	    {.name = "namespaceSelector", .type = TYPE_OBJECT, .schema = &selector_schema},
	    {.name = "ipBlock", .type = TYPE_OBJECT, .schema = &block_schema},
	    END,
	},
    .at_least_one = true,
    .check = check_peer,
};

static const char *check_port(const json_t *object)
{
	const json_t *port = field_get(object, "port");

	if (!field_get(object, "endPort"))
		return NULL;
	if (!port)
		return "endPort needs a port";
	if (!json_is_integer(port))
		return "endPort needs a port number, not a name";
	if (field_number(object, "endPort", 0) < json_integer_value(port))
		return "endPort is less than port";
	return NULL;
}

static const struct schema port_schema = {
    .fields =
	(const struct field[]){
	    PROTOCOL,
	    {.name = "port", .type = TYPE_PORT, .form = FORM_PORT_NAME, PORT_RANGE},
	    {.name = "endPort", .type = TYPE_NUMBER, PORT_RANGE},
	    END,
	},
    .check = check_port,
};

static const struct schema ingress_schema = {
    .fields =
	(const struct field[]){
	    {.name = "from", .type = TYPE_OBJECTS, .schema = &peer_schema},
	    {.name = "ports", .type = TYPE_OBJECTS, .schema = &port_schema},
	    END,
	},
};

static const struct schema egress_schema = {
    .fields =
	(const struct field[]){
	    {.name = "to", .type = TYPE_OBJECTS, .schema = &peer_schema},
	    {.name = "ports", .type = TYPE_OBJECTS, .schema = &port_schema},
	    END,
	},
};

static const struct schema network_policy_spec_schema = {
    .fields =
	(const struct field[]){
	    {.name = "podSelector", .type = TYPE_OBJECT, .schema = &selector_schema},
	    {.name = "policyTypes", .type = TYPE_TEXTS, .choices = "Ingress|Egress", .most = 2},
	    {.name = "ingress", .type = TYPE_OBJECTS, .schema = &ingress_schema},
	    {.name = "egress", .type = TYPE_OBJECTS, .schema = &egress_schema},
	    END,
	},
};

const struct schema network_policy_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    METADATA,
	    {.name = "spec", .type = TYPE_OBJECT, .schema = &network_policy_spec_schema},
	    {.name = "status", .type = TYPE_ANY},
	    END,
	},
};

/* The cluster policies of both generations */

static const struct schema namespaced_pod_schema = {
    .fields =
	(const struct field[]){
	    {.name = "namespaceSelector", .type = TYPE_OBJECT, .schema = &selector_schema},
	    {.name = "podSelector",
	     .type = TYPE_OBJECT,
	     .schema = &selector_schema,
	     .required = true},
	    END,
	},
};

static const struct schema namespaced_pod1_schema = {
    .fields =
	(const struct field[]){
	    {.name = "namespaceSelector",
	     .type = TYPE_OBJECT,
	     .schema = &selector_schema,
	     .required = true},
	    {.name = "podSelector",
	     .type = TYPE_OBJECT,
	     .schema = &selector_schema,
	     .required = true},
	    END,
	},
};

#define PODS(pods_schema)                                                        \
	{.name = "namespaces", .type = TYPE_OBJECT, .schema = &selector_schema}, \
	{                                                                        \
		.name = "pods", .type = TYPE_OBJECT, .schema = &pods_schema      \
	}

#define NETWORKS                                                                                  \
	{.name = "nodes", .type = TYPE_OBJECT, .schema = &selector_schema},                       \
	{                                                                                         \
		.name = "networks", .type = TYPE_TEXTS, .form = FORM_CIDR, .least = 1, .most = 25 \
	}

#define DOMAINS                                                                             \
	{                                                                                   \
		.name = "domainNames", .type = TYPE_TEXTS, .form = FORM_DOMAIN, .least = 1, \
		.most = 25                                                                  \
	}

static const struct schema cluster_subject_schema = {
    .fields = (const struct field[]){PODS(namespaced_pod_schema), END},
    .exactly_one = true,
};

static const struct schema cluster_subject1_schema = {
    .fields = (const struct field[]){PODS(namespaced_pod1_schema), END},
    .exactly_one = true,
};

static const struct schema cluster_to_schema = {
    .fields = (const struct field[]){PODS(namespaced_pod_schema), NETWORKS, DOMAINS, END},
    .exactly_one = true,
};

static const struct schema cluster_to1_schema = {
    .fields = (const struct field[]){PODS(namespaced_pod1_schema), NETWORKS, DOMAINS, END},
    .exactly_one = true,
};

static const struct schema baseline_to1_schema = {
    .fields = (const struct field[]){PODS(namespaced_pod1_schema), NETWORKS, END},
    .exactly_one = true,
};

static const char *check_range(const json_t *object)
{
	return field_number(object, "start", 0) < field_number(object, "end", 0)
		   ? NULL
		   : "start must be less than end";
}

static const char *check_range1(const json_t *object)
{
	return field_number(object, "start", 0) <= field_number(object, "end", 0)
		   ? NULL
		   : "start is greater than end";
}

#define START_END                                                                \
	{.name = "start", .type = TYPE_NUMBER, .required = true, PORT_RANGE},    \
	{                                                                        \
		.name = "end", .type = TYPE_NUMBER, .required = true, PORT_RANGE \
	}

static const struct schema range_schema = {
    .fields = (const struct field[]){START_END, END},
    .check = check_range,
};

static const struct schema range1_schema = {
    .fields = (const struct field[]){PROTOCOL, START_END, END},
    .check = check_range1,
};

static const struct schema cluster_port_schema = {
    .fields =
	(const struct field[]){
	    {.name = "number", .type = TYPE_NUMBER, PORT_RANGE},
	    {.name = "range", .type = TYPE_OBJECT, .schema = &range_schema},
	    END,
	},
    .exactly_one = true,
};

static const struct schema transport_schema = {
    .fields =
	(const struct field[]){
	    {.name = "destinationPort", .type = TYPE_OBJECT, .schema = &cluster_port_schema},
	    END,
	},
    .at_least_one = true,
};

static const struct schema protocol_schema = {
    .fields =
	(const struct field[]){
	    {.name = "tcp", .type = TYPE_OBJECT, .schema = &transport_schema},
	    {.name = "udp", .type = TYPE_OBJECT, .schema = &transport_schema},
	    {.name = "sctp", .type = TYPE_OBJECT, .schema = &transport_schema},
	    {.name = "destinationNamedPort", .type = TYPE_TEXT},
	    END,
	},
    .exactly_one = true,
};

static const struct schema port_number1_schema = {
    .fields =
	(const struct field[]){
	    PROTOCOL,
	    {.name = "port", .type = TYPE_NUMBER, .required = true, PORT_RANGE},
	    END,
	},
};

static const struct schema port1_schema = {
    .fields =
	(const struct field[]){
	    {.name = "portNumber", .type = TYPE_OBJECT, .schema = &port_number1_schema},
	    {.name = "namedPort", .type = TYPE_TEXT},
	    {.name = "portRange", .type = TYPE_OBJECT, .schema = &range1_schema},
	    END,
	},
    .exactly_one = true,
};

static bool any_has(const json_t *array, const char *name)
{
	size_t index;
	json_t *value;

	json_array_foreach (array, index, value)
		if (field_get(value, name))
			return true;
	return false;
}

static const char *check_cluster_egress(const json_t *object)
{
	const json_t *to = field_get(object, "to");
	const char *action = field_text(object, "action", "");

	if ((any_has(field_get(object, "protocols"), "destinationNamedPort") ||
	     any_has(field_get(object, "ports"), "namedPort")) &&
	    (any_has(to, "networks") || any_has(to, "nodes") || any_has(to, "domainNames")))
		return "networks, nodes and domainNames have no named ports";
	if (any_has(to, "domainNames") && strcmp(action, "Accept") && strcmp(action, "Allow"))
		return "domainNames can only be accepted";
	return NULL;
}

#define RULE(actions)                                                                     \
	{.name = "name", .type = TYPE_TEXT, .form = FORM_SHORT},                          \
	{                                                                                 \
		.name = "action", .type = TYPE_TEXT, .required = true, .choices = actions \
	}
#define PEERS(field_name, peers_schema, count)                                     \
	{                                                                          \
		.name = field_name, .type = TYPE_OBJECTS, .schema = &peers_schema, \
		.required = true, .least = 1, .most = count                        \
	}
#define PROTOCOLS                                                                                  \
	{                                                                                          \
		.name = "protocols", .type = TYPE_OBJECTS, .schema = &protocol_schema, .least = 1, \
		.most = 25                                                                         \
	}
#define PORTS1                                                                              \
	{                                                                                   \
		.name = "ports", .type = TYPE_OBJECTS, .schema = &port1_schema, .least = 1, \
		.most = 100                                                                 \
	}

static const struct schema cluster_ingress_schema = {
    .fields =
	(const struct field[]){
	    RULE("Accept|Deny|Pass"),
	    PEERS("from", cluster_subject_schema, 25),
	    PROTOCOLS,
	    END,
	},
};

static const struct schema cluster_egress_schema = {
    .fields =
	(const struct field[]){
	    RULE("Accept|Deny|Pass"),
	    PEERS("to", cluster_to_schema, 25),
	    PROTOCOLS,
	    END,
	},
    .check = check_cluster_egress,
};

static const struct schema admin_ingress_schema = {
    .fields =
	(const struct field[]){
	    RULE("Allow|Deny|Pass"),
	    PEERS("from", cluster_subject1_schema, 100),
	    PORTS1,
	    END,
	},
};

static const struct schema admin_egress_schema = {
    .fields =
	(const struct field[]){
	    RULE("Allow|Deny|Pass"),
	    PEERS("to", cluster_to1_schema, 100),
	    PORTS1,
	    END,
	},
    .check = check_cluster_egress,
};

static const struct schema baseline_ingress_schema = {
    .fields =
	(const struct field[]){
	    RULE("Allow|Deny"),
	    PEERS("from", cluster_subject1_schema, 100),
	    PORTS1,
	    END,
	},
};

static const struct schema baseline_egress_schema = {
    .fields =
	(const struct field[]){
	    RULE("Allow|Deny"),
	    PEERS("to", baseline_to1_schema, 100),
	    PORTS1,
	    END,
	},
    .check = check_cluster_egress,
};

#define RULES(ingress, egress, count)                                                    \
	{.name = "ingress", .type = TYPE_OBJECTS, .schema = &ingress, .most = count},    \
	{                                                                                \
		.name = "egress", .type = TYPE_OBJECTS, .schema = &egress, .most = count \
	}
#define PRIORITY                                                                       \
	{                                                                              \
		.name = "priority", .type = TYPE_NUMBER, .required = true, .least = 0, \
		.most = 1000                                                           \
	}

static const struct schema cluster_spec_schema = {
    .fields =
	(const struct field[]){
	    {.name = "tier", .type = TYPE_TEXT, .required = true, .choices = "Admin|Baseline"},
	    PRIORITY,
	    {.name = "subject",
	     .type = TYPE_OBJECT,
	     .schema = &cluster_subject_schema,
	     .required = true},
	    RULES(cluster_ingress_schema, cluster_egress_schema, 25),
	    END,
	},
};

static const struct schema admin_spec_schema = {
    .fields =
	(const struct field[]){
	    PRIORITY,
	    {.name = "subject",
	     .type = TYPE_OBJECT,
	     .schema = &cluster_subject1_schema,
	     .required = true},
	    RULES(admin_ingress_schema, admin_egress_schema, 100),
	    END,
	},
};

static const struct schema baseline_spec_schema = {
    .fields =
	(const struct field[]){
	    {.name = "subject",
	     .type = TYPE_OBJECT,
	     .schema = &cluster_subject1_schema,
	     .required = true},
	    RULES(baseline_ingress_schema, baseline_egress_schema, 100),
	    END,
	},
};

#define POLICY_SCHEMA(kind, check_function)               \
	const struct schema kind##_schema = {             \
	    .fields =                                     \
		(const struct field[]){                   \
		    TYPE_META,                            \
		    METADATA,                             \
		    {.name = "spec",                      \
		     .type = TYPE_OBJECT,                 \
		     .schema = &kind##_spec_schema,       \
		     .required = true},                   \
		    {.name = "status", .type = TYPE_ANY}, \
		    END,                                  \
		},                                        \
	    .check = check_function,                      \
	}

static const char *check_baseline(const json_t *object)
{
	return strcmp(field_text(field_get(object, "metadata"), "name", ""), "default") == 0
		   ? NULL
		   : "the only baseline policy is named default";
}

POLICY_SCHEMA(cluster, NULL);
POLICY_SCHEMA(admin, NULL);
POLICY_SCHEMA(baseline, check_baseline);
