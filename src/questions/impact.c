// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "questions/impact.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "base/port.h"
#include "manifest/schema.h"
#include "questions/lint.h"

/* The rule for the packet that began the flow; its `allow` is the verdict. NULL: nobody judges. */
static const struct plan_rule *rule_of(const struct plan *plan, const json_t *flow)
{
	bool ingress = !strcmp(field_text(flow, "direction", ""), "ingress");
	int subject = plan_subject_find(plan, field_text(flow, "subject", ""));
	long port = field_number(flow, ingress ? "local_port" : "remote_port", 0);
	struct address remote;
	uint8_t protocol;

	if (subject < 0 || !ip_protocol_parse(field_text(flow, "protocol", ""), &protocol) ||
	    address_parse(field_text(flow, "remote", ""), &remote))
		return NULL;
	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		port = remote.family == 4 ? ICMP_ECHO << 8 : ICMP6_ECHO_REQUEST << 8;
	return &plan->rules[plan_judge(plan, (uint32_t)subject, ingress ? INGRESS : EGRESS, &remote,
				       protocol, (uint16_t)port)];
}

json_t *impact_flows(const struct plan *before, const struct plan *after, json_t *flows)
{
	json_t *rows = json_array(), *flow;
	size_t i;

	json_array_foreach (flows, i, flow) {
		const struct plan_rule *old = rule_of(before, flow), *new = rule_of(after, flow);
		bool was = !old || old->allow, is = !new || new->allow;

		/* one that both sides have closed is over */
		if (was == is || !strcmp(field_text(flow, "state", ""), "closing"))
			continue;
		json_object_set_new(flow, "effect", json_string(is ? "let in" : "cut"));
		json_object_set_new(flow, "rule", json_string(new ? new->name : ""));
		json_object_set_new(flow, "verdict", json_string(is ? "allow" : "deny"));
		json_array_append(rows, flow);
	}
	json_decref(flows);
	return rows;
}

/* By name, what never decides anything; all pods of the model become subjects. */
static int dead_find(struct model *model, json_t **dead)
{
	struct plan *plan;
	json_t *all, *row;
	size_t i;

	model_subjects_add_all(model);
	if (plan_compile(model, &plan))
		return FAILED;
	all = lint_rows(model, plan);
	*dead = json_object();
	json_array_foreach (all, i, row) {
		char *name =
		    xprintf("%s %s", field_text(row, "policy", ""), field_text(row, "rule", ""));

		if (!strcmp(field_text(row, "problem", ""), "shadowed"))
			json_object_set(*dead, name, row);
		free(name);
	}
	json_decref(all);
	plan_free(plan);
	return 0;
}

int impact_dead(struct model *before, struct model *after, json_t **rows)
{
	json_t *old, *new, *row;
	const char *name;
	int error = dead_find(before, &old);

	if (error)
		return error;
	error = dead_find(after, &new);
	if (!error) {
		*rows = json_array();
		json_object_foreach (new, name, row)
			if (!json_object_get(old, name))
				json_array_append(*rows, row);
		json_decref(new);
	}
	json_decref(old);
	return error;
}
