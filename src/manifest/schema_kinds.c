/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stddef.h>
#include <string.h>
#include "manifest/schema.h"
#include "manifest/schema_parts.h"

/* metadata */

const struct schema metadata_schema = {
    .fields =
	(const struct field[]){
	    {.name = "name", .type = TYPE_TEXT, .required = true, .form = FORM_DNS_SUBDOMAIN},
	    {.name = "namespace", .type = TYPE_TEXT, .form = FORM_DNS_LABEL},
	    {.name = "labels", .type = TYPE_LABELS, .form = FORM_LABEL_VALUE},
	    {.name = "annotations", .type = TYPE_ANY},
	    END,
	},
    .open = true,
};

static const struct schema template_metadata_schema = {
    .fields =
	(const struct field[]){
	    {.name = "labels", .type = TYPE_LABELS, .form = FORM_LABEL_VALUE},
	    END,
	},
    .open = true,
};

static const struct schema namespace_metadata_schema = {
    .fields =
	(const struct field[]){
	    {.name = "name", .type = TYPE_TEXT, .required = true, .form = FORM_DNS_LABEL},
	    {.name = "labels", .type = TYPE_LABELS, .form = FORM_LABEL_VALUE},
	    END,
	},
    .open = true,
};

/* selectors */

static const char *check_requirement(const json_t *object)
{
	const char *word = field_text(object, "operator", "");
	size_t count = json_array_size(field_get(object, "values"));
	bool takes = strcmp(word, "In") == 0 || strcmp(word, "NotIn") == 0;

	if (takes && count == 0)
		return "In and NotIn need values";
	if (!takes && count > 0)
		return "Exists and DoesNotExist take no values";
	return NULL;
}

static const struct schema requirement_schema = {
    .fields =
	(const struct field[]){
	    {.name = "key", .type = TYPE_TEXT, .required = true, .form = FORM_LABEL_KEY},
	    {.name = "operator",
	     .type = TYPE_TEXT,
	     .required = true,
	     .choices = "In|NotIn|Exists|DoesNotExist"},
	    {.name = "values", .type = TYPE_TEXTS, .form = FORM_LABEL_VALUE},
	    END,
	},
    .check = check_requirement,
};

const struct schema selector_schema = {
    .fields =
	(const struct field[]){
	    {.name = "matchLabels", .type = TYPE_LABELS, .form = FORM_LABEL_VALUE},
	    {.name = "matchExpressions", .type = TYPE_OBJECTS, .schema = &requirement_schema},
	    END,
	},
};

/* pods and what makes them */

static const struct schema container_port_schema = {
    .fields =
	(const struct field[]){
	    {.name = "containerPort", .type = TYPE_NUMBER, .required = true, PORT_RANGE},
	    {.name = "name", .type = TYPE_TEXT, .form = FORM_PORT_NAME},
	    PROTOCOL,
	    END,
	},
    .open = true,
};

static const struct schema container_schema = {
    .fields =
	(const struct field[]){
	    {.name = "ports", .type = TYPE_OBJECTS, .schema = &container_port_schema},
	    {.name = "restartPolicy", .type = TYPE_TEXT},
	    END,
	},
    .open = true,
};

static const struct schema pod_spec_schema = {
    .fields =
	(const struct field[]){
	    {.name = "containers", .type = TYPE_OBJECTS, .schema = &container_schema},
	    {.name = "initContainers", .type = TYPE_OBJECTS, .schema = &container_schema},
	    {.name = "hostNetwork", .type = TYPE_BOOLEAN},
	    {.name = "nodeName", .type = TYPE_TEXT},
	    END,
	},
    .open = true,
};

static const struct schema pod_ip_schema = {
    .fields = (const struct field[]){{.name = "ip", .type = TYPE_TEXT, .form = FORM_ADDRESS}, END},
    .open = true,
};

static const struct schema pod_status_schema = {
    .fields =
	(const struct field[]){
	    {.name = "phase", .type = TYPE_TEXT},
	    {.name = "podIP", .type = TYPE_TEXT, .form = FORM_ADDRESS},
	    {.name = "podIPs", .type = TYPE_OBJECTS, .schema = &pod_ip_schema},
	    {.name = "hostIP", .type = TYPE_TEXT, .form = FORM_ADDRESS},
	    {.name = "hostIPs", .type = TYPE_OBJECTS, .schema = &pod_ip_schema},
	    END,
	},
    .open = true,
};

static const struct schema pod_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    METADATA,
	    {.name = "spec", .type = TYPE_OBJECT, .schema = &pod_spec_schema},
	    {.name = "status", .type = TYPE_OBJECT, .schema = &pod_status_schema},
	    END,
	},
    .open = true,
};

static const struct schema template_schema = {
    .fields =
	(const struct field[]){
	    {.name = "metadata", .type = TYPE_OBJECT, .schema = &template_metadata_schema},
	    {.name = "spec", .type = TYPE_OBJECT, .schema = &pod_spec_schema},
	    END,
	},
    .open = true,
};

static const struct schema workload_spec_schema = {
    .fields =
	(const struct field[]){
	    {.name = "template", .type = TYPE_OBJECT, .schema = &template_schema, .required = true},
	    END,
	},
    .open = true,
};

static const struct schema workload_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    METADATA,
	    {.name = "spec",
	     .type = TYPE_OBJECT,
	     .schema = &workload_spec_schema,
	     .required = true},
	    END,
	},
    .open = true,
};

static const struct schema job_template_schema = {
    .fields =
	(const struct field[]){
	    {.name = "spec",
	     .type = TYPE_OBJECT,
	     .schema = &workload_spec_schema,
	     .required = true},
	    END,
	},
    .open = true,
};

static const struct schema cron_job_spec_schema = {
    .fields =
	(const struct field[]){
	    {.name = "jobTemplate",
	     .type = TYPE_OBJECT,
	     .schema = &job_template_schema,
	     .required = true},
	    END,
	},
    .open = true,
};

static const struct schema cron_job_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    METADATA,
	    {.name = "spec",
	     .type = TYPE_OBJECT,
	     .schema = &cron_job_spec_schema,
	     .required = true},
	    END,
	},
    .open = true,
};

static const struct schema namespace_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    {.name = "metadata",
	     .type = TYPE_OBJECT,
	     .schema = &namespace_metadata_schema,
	     .required = true},
	    END,
	},
    .open = true,
};

static const struct schema node_address_schema = {
    .fields =
	(const struct field[]){
	    {.name = "type", .type = TYPE_TEXT},
	    {.name = "address", .type = TYPE_TEXT, .required = true},
	    END,
	},
    .open = true,
};

static const struct schema node_status_schema = {
    .fields =
	(const struct field[]){
	    {.name = "addresses", .type = TYPE_OBJECTS, .schema = &node_address_schema},
	    END,
	},
    .open = true,
};

static const struct schema node_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    METADATA,
	    {.name = "status", .type = TYPE_OBJECT, .schema = &node_status_schema},
	    END,
	},
    .open = true,
};

static const struct schema service_schema = {
    .fields = (const struct field[]){TYPE_META, METADATA, END},
    .open = true,
};

/* npctl's own, as `policy export` writes them; the documents hold the same. */

#define OWN_VERSION "npctl.io/v1"
#define DIRECTION                                                                   \
	{                                                                           \
		.name = "direction", .type = TYPE_TEXT, .choices = "ingress|egress" \
	}

static const struct schema rule_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    {.name = "id", .type = TYPE_NUMBER, .least = 1, .most = 0x7fffffff},
	    {.name = "action", .type = TYPE_TEXT, .required = true, .choices = "allow|deny"},
	    DIRECTION,
	    {.name = "peer", .type = TYPE_ANY, .required = true},
	    {.name = "ports", .type = TYPE_TEXTS},
	    {.name = "subject", .type = TYPE_TEXT},
	    {.name = "rate", .type = TYPE_TEXT},
	    {.name = "grace", .type = TYPE_NUMBER, .least = 0, .most = 604800},
	    {.name = "between", .type = TYPE_TEXT, .form = FORM_WINDOW},
	    {.name = "preset", .type = TYPE_TEXT, .form = FORM_DNS_LABEL},
	    END,
	},
};

static const char *allow_or_deny(const json_t *rule)
{
	return !json_object_get(rule, "allow") == !json_object_get(rule, "deny")
		   ? "either allow or deny is needed"
		   : NULL;
}

/* Peers and ports are a text or several; what they say is known once settings are put in. */
static const struct schema preset_rule_schema = {
    .fields =
	(const struct field[]){
	    {.name = "allow", .type = TYPE_ANY},
	    {.name = "deny", .type = TYPE_ANY},
	    {.name = "ports", .type = TYPE_ANY},
	    {.name = "rate", .type = TYPE_TEXT},
	    {.name = "when", .type = TYPE_TEXT},
	    END,
	},
    .strict = true,
    .check = allow_or_deny,
};

static const struct schema preset_settings_schema = {.fields = (const struct field[]){END},
						     .open = true};

static const struct schema preset_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    {.name = "description", .type = TYPE_TEXT},
	    {.name = "settings", .type = TYPE_OBJECT, .schema = &preset_settings_schema},
	    {.name = "rules",
	     .type = TYPE_OBJECTS,
	     .schema = &preset_rule_schema,
	     .required = true},
	    END,
	},
    .strict = true,
};

static const struct schema default_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    DIRECTION,
	    {.name = "verdict",
	     .type = TYPE_TEXT,
	     .required = true,
	     .choices = "allow|deny|closed"},
	    {.name = "subject", .type = TYPE_TEXT},
	    END,
	},
};

static const struct schema list_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    {.name = "name", .type = TYPE_TEXT, .required = true, .form = FORM_LABEL_VALUE},
	    {.name = "cidrs", .type = TYPE_TEXT, .required = true},
	    END,
	},
};

static const struct schema endpoint_metadata_schema = {
    .fields =
	(const struct field[]){
	    {.name = "name", .type = TYPE_TEXT, .required = true, .form = FORM_SHORT},
	    END,
	},
    .strict = true,
};

/* Of the file that lists whom a host's users may reach. */
static const struct schema endpoint_schema = {
    .fields =
	(const struct field[]){
	    TYPE_META,
	    {.name = "metadata",
	     .type = TYPE_OBJECT,
	     .schema = &endpoint_metadata_schema,
	     .required = true},
	    {.name = "iface", .type = TYPE_WORDS, .required = true, .form = FORM_INTERFACE},
	    {.name = "range", .type = TYPE_WORDS, .required = true, .form = FORM_RANGE},
	    {.name = "allow", .type = TYPE_WORDS, .required = true, .form = FORM_USER},
	    {.name = "port", .type = TYPE_WORDS, .form = FORM_PORTS},
	    {.name = "between", .type = TYPE_TEXT, .form = FORM_WINDOW},
	    END,
	},
    .strict = true,
};

/* Known to npctl alone. */
static const struct schema own_schema = {.fields = (const struct field[]){END}, .open = true};

static const struct {
	const char *kind, *version;
	const struct schema *schema;
} kinds[] = {
    {"Namespace", "v1", &namespace_schema},
    {"Pod", "v1", &pod_schema},
    {"Node", "v1", &node_schema},
    {"Service", "v1", &service_schema},
    {"ReplicationController", "v1", &workload_schema},
    {"Deployment", "apps/v1", &workload_schema},
    {"StatefulSet", "apps/v1", &workload_schema},
    {"DaemonSet", "apps/v1", &workload_schema},
    {"ReplicaSet", "apps/v1", &workload_schema},
    {"Job", "batch/v1", &workload_schema},
    {"CronJob", "batch/v1", &cron_job_schema},
    {"NetworkPolicy", "networking.k8s.io/v1", &network_policy_schema},
    {"ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2", &cluster_schema},
    {"AdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", &admin_schema},
    {"BaselineAdminNetworkPolicy", "policy.networking.k8s.io/v1alpha1", &baseline_schema},
    {"Rule", OWN_VERSION, &rule_schema},
    {"RuleSequence", "", &own_schema},
    {"Default", OWN_VERSION, &default_schema},
    {"CidrList", OWN_VERSION, &list_schema},
    {"Endpoint", OWN_VERSION, &endpoint_schema},
    {"Preset", "", &preset_schema},
    {"DomainName", "", &own_schema},
    {"NpctlHost", "", &own_schema},
};

const struct schema *schema_of_kind(const char *kind, const char *version)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0 &&
		    (!*version || strcmp(kinds[i].version, version) == 0))
			return kinds[i].schema;
	return NULL;
}

bool schema_knows(const char *kind)
{
	return schema_of_kind(kind, "") != NULL;
}
