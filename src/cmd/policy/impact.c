// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* --dry-run: what a change would do to verdicts, rules and open connections. */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "commit/enforce.h"
#include "commit/guards.h"
#include "manifest/schema.h"
#include "questions/lint.h"
#include "questions/reach.h"
#include "watch/event_text.h"
#include "watch/statistics.h"

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

/* Takes over rows as `stat flows` has them; returns those whose verdict changes. */
static json_t *flows_changed(const struct plan *before, const struct plan *after, json_t *flows)
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

static int dead_rows(struct model *before, struct model *after, json_t **rows)
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

/* One of the two ends is the subject, whose name says enough. */
static void flow_words(json_t *flow)
{
	bool ingress = !strcmp(field_text(flow, "direction", ""), "ingress");
	const char *remote = field_text(flow, "remote_pod", field_text(flow, "remote", ""));

	json_object_set_new(
	    flow, "peer",
	    json_sprintf("%s %s port %ld", ingress ? "from" : "to", remote,
			 field_number(flow, ingress ? "local_port" : "remote_port", 0)));
	json_object_set_new(flow, "packets",
			    json_integer(field_number(flow, "packets_in", 0) +
					 field_number(flow, "packets_out", 0)));
}

static void part_show(const struct out *out, const char *title, json_t *rows,
		      const struct column *columns, size_t count)
{
	if (!json_array_size(rows))
		return;
	printf("%s\n", painted(out, BOLD, title));
	out_table(out, json_incref(rows), columns, count, "");
}

/* Takes over the three. */
static void show(const struct out *out, json_t *verdicts, json_t *flows, json_t *dead)
{
	static const struct column of_verdicts[] = {
	    {.key = "from"},
	    {.key = "to"},
	    {.key = "ports"},
	    {.key = "old", .paint = paint_verdict},
	    {.key = "new", .paint = paint_verdict},
	    {.key = "rule"},
	};
	static const struct column of_flows[] = {
	    {.key = "effect"},
	    {.key = "subject"},
	    {.key = "protocol"},
	    {.key = "peer"},
	    {.key = "age_seconds", .title = "AGE (s)", .right = true},
	    {.key = "packets", .right = true},
	    {.key = "rule"},
	};
	static const struct column of_dead[] = {
	    {.key = "policy"}, {.key = "rule"}, {.key = "detail"}};
	json_t *flow;
	size_t i;

	if (out->json) {
		out_json(out, json_pack("{s:o, s:o, s:o}", "verdicts", verdicts, "flows", flows,
					"dead_rules", dead));
		return;
	}
	json_array_foreach (flows, i, flow)
		flow_words(flow);
	part_show(out, "verdicts that would change", verdicts, of_verdicts,
		  ARRAY_SIZE(of_verdicts));
	part_show(out, "open connections that would feel it", flows, of_flows,
		  ARRAY_SIZE(of_flows));
	part_show(out, "rules that would never decide anything", dead, of_dead,
		  ARRAY_SIZE(of_dead));
	if (!json_array_size(verdicts) && !json_array_size(flows) && !json_array_size(dead))
		puts("no verdict would change");
	json_decref(verdicts);
	json_decref(flows);
	json_decref(dead);
}

static const struct context *shown_to;

static int compare(struct instance *instance, struct model *model, const struct plan *plan,
		   struct instance *old)
{
	json_t *verdicts = NULL, *flows = json_array(), *dead = NULL;
	static const struct flow_filter all;
	struct model *before;
	struct plan *was = NULL;
	int error = enforce_model(old, &before);

	if (error)
		return error;
	error = plan_compile(before, &was);
	if (!error)
		verdicts = reach_diff(before, was, model, plan);
	if (!error && instance_loaded(instance)) {
		json_decref(flows);
		error = statistics_flows(instance, &all, &flows);
		if (!error)
			flows = flows_changed(was, plan, flows);
	}
	if (!error)
		error = dead_rows(before, model, &dead);
	if (!error)
		show(&shown_to->out, verdicts, flows, dead);
	plan_free(was);
	model_free(before);
	return error;
}

/* What is in force is read beside the lock that this command holds itself. */
static int look(struct instance *instance, struct model *model, const struct plan *plan)
{
	struct instance *old;
	int error = guards_check(instance, model, plan);

	if (!error)
		error = instance_open(&old, shown_to->root, ACCESS_READ);
	if (error)
		return error;
	error = compare(instance, model, plan, old);
	instance_close(old);
	return error ? error : SHOWN;
}

int dry_run_words(const struct context *context, const struct words *words)
{
	if (!word_flag(words, "dry-run"))
		return 0;
	if (instance_holds())
		return misuse("--dry-run is for a command of its own, not for one of many");
	shown_to = context;
	enforce_look_at(look);
	return 0;
}
