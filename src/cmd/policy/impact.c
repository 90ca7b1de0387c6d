// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* --dry-run: what a change would do to verdicts, rules and open connections. */
#include <stdio.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "commit/enforce.h"
#include "manifest/schema.h"
#include "questions/impact.h"
#include "questions/reach.h"
#include "watch/statistics.h"

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

static bool part_begins(const struct out *out, const char *title, const json_t *rows)
{
	if (json_array_size(rows))
		printf("%s\n", painted(out, BOLD, title));
	return json_array_size(rows);
}

/* Takes over the three. */
static void show(const struct out *out, json_t *verdicts, json_t *flows, json_t *dead)
{
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
	if (part_begins(out, "verdicts that would change", verdicts))
		verdicts_show(out, json_incref(verdicts));
	if (part_begins(out, "open connections that would feel it", flows))
		out_table(out, json_incref(flows), of_flows, ARRAY_SIZE(of_flows), "");
	if (part_begins(out, "rules that would never decide anything", dead))
		out_table(out, json_incref(dead), of_dead, ARRAY_SIZE(of_dead), "");
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
			flows = impact_flows(was, plan, flows);
	}
	if (!error)
		error = impact_dead(before, model, &dead);
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
	int error = instance_open(&old, shown_to->root, ACCESS_READ);

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
