/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy explain: the verdict on a packet, and every reason for it. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/explain.h"
#include "cmd/test/probes.h"
#include "cmd/policy/policy.h"
#include "datapath/test_packet.h"
#include "out/cell.h"
#include "questions/explain.h"
#include "model/model_private.h"
#include "store/documents.h"

const struct option policy_explain_options[] = {
    {"from", VALUE_PEER, "POD|ADDRESS", "who begins", 0, false},
    {"to", VALUE_PEER, "POD|ADDRESS", "who is spoken to", 0, false},
    {"port", VALUE_PORT, "PORT", "tcp/80, udp/53, icmp/8 (default: tcp/80)", 'p', false},
    {"user", VALUE_USER, "USER", "who begins: a user of this host, or none", 0, false},
    {"dev", VALUE_DEV, "DEV", "the interface by which the user's packets leave", 0, false},
    {"file", VALUE_FILE, "FILE", "by these manifests instead of what is loaded", 'f', true},
    {0},
};

/* One port, or one type of ICMP, whose first code then stands for all. */
static bool is_single(const struct port_item *item)
{
	uint32_t protocol = item->first >> 16;
	bool icmp = protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;

	return icmp ? item->first >> 8 == item->last >> 8 : item->first == item->last;
}

int explain_parse_port(const struct words *words, struct matrix_probe *probe)
{
	const char *port = word_value(words, "port");
	struct port_item items[2];
	size_t count;

	if (port_item_parse(port ? port : "tcp/80", items, &count) || !is_single(&items[0]))
		return misuse("--port \"%s\" is no single port such as tcp/80 or icmp/8", port);
	probe->protocol = (uint8_t)(items[0].first >> 16);
	probe->port = (uint16_t)items[0].first;
	return 0;
}

static int parse_probe(const struct model *model, const struct words *words,
		       struct matrix_probe *probe)
{
	const char *from = word_value(words, "from"), *to = word_value(words, "to");
	int error = explain_parse_port(words, probe);

	if (error)
		return error;
	if (party_find(model, from, &probe->from) || party_find(model, to, &probe->to) ||
	    parties_meet(&probe->from, &probe->to, &probe->family, ""))
		return FAILED;
	probe->from.text = xstrdup(from);
	probe->to.text = xstrdup(to);
	probe->expected = probe->live = -1;
	return 0;
}

static void print_rules(const struct out *out, const json_t *rules, const char *head)
{
	json_t *rule;
	size_t i;

	json_array_foreach (rules, i, rule) {
		const char *but = field_text(rule, "but", NULL),
			   *tier = field_text(rule, "tier", "");
		char index[16] = "";

		if (strcmp(tier, tier_word(TIER_RULE)) != 0)
			snprintf(index, sizeof(index), "[%ld]", field_number(rule, "index", 0));
		out_line(out, 6, "    %s %s %s%s (%s): %s %s%s", head,
			 field_text(rule, "verdict", ""), field_text(rule, "policy", ""), index,
			 tier, field_text(rule, "peer", ""), field_text(rule, "ports", ""),
			 !but			    ? ""
			 : strcmp(but, "port") == 0 ? " (another port)"
			 : strcmp(but, "hour") == 0 ? " (at another hour)"
						    : " (another peer)");
	}
}

static void print_schedule(const struct out *out, const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		const char *verdict = field_text(row, "verdict", "");

		printf("    %s %s by %s\n", field_text(row, "between", ""),
		       painted(out, paint_verdict(verdict), verdict), field_text(row, "rule", ""));
	}
}

void explain_print_side(const struct out *out, const char *name, const json_t *side)
{
	const char *verdict = field_text(side, "verdict", ""), *advice;

	if (!json_is_object(side)) {
		printf("  %s: not judged, it is no pod that policies select\n", name);
		return;
	}
	out_line(out, 4, "  %s: %s by the %s tier: %s", name,
		 painted(out, paint_verdict(verdict), verdict), field_text(side, "tier", ""),
		 field_text(side, "why", ""));
	print_schedule(out, json_object_get(side, "schedule"));
	print_rules(out, json_object_get(side, "lost"), "also matches, but comes later:");
	print_rules(out, json_object_get(side, "near"), "nearly:");
	if (field_text(side, "datapath", NULL))
		printf("    the loaded program: %s\n", field_text(side, "datapath", ""));
	advice = field_text(side, "advice", NULL);
	if (!advice)
		return;
	/* A command to be copied: on a line of its own rather than broken. */
	if (out->fold && cell_width(advice) > out->width - 17 && !strncmp(advice, "npctl ", 6))
		printf("    to allow it:\n    %s\n", advice);
	else
		out_line(out, 6, "    to allow it: %s", advice);
}

static void show(struct context *context, const struct matrix_probe *probe, json_t *row)
{
	const char *verdict = probe->allow ? "allow" : "deny";
	struct port_item item = {.first = PORT_KEY(probe->protocol, probe->port),
				 .last = PORT_KEY(probe->protocol, probe->port)};
	char from[ADDRESS_TEXT], to[ADDRESS_TEXT], port[64];

	if (context->out.json) {
		out_json(&context->out, row);
		return;
	}
	printf("%s (%s) to %s (%s) %s: %s\n", probe->from.text,
	       address_text(&probe->from.address, from), probe->to.text,
	       address_text(&probe->to.address, to), port_item_text(&item, port, sizeof(port)),
	       painted(&context->out, paint_verdict(verdict), verdict));
	explain_print_side(&context->out, "egress", json_object_get(row, "egress"));
	explain_print_side(&context->out, "ingress", json_object_get(row, "ingress"));
	json_decref(row);
}

/* The interface at which a pod is judged; 0: it is not attached. */
static uint32_t interface_of(struct instance *instance, const struct pod *pod)
{
	json_t *attachments = document_get(instance, "attachments"), *attachment;
	uint32_t ifindex = 0;
	char *name;
	size_t i;

	if (!pod)
		return 0;
	name = xprintf("%s/%s", pod->namespace, pod->name);
	json_array_foreach (attachments, i, attachment)
		if (strcmp(field_text(attachment, "subject", ""), name) == 0)
			ifindex = (uint32_t)field_number(attachment, "ifindex", 0);
	free(name);
	json_decref(attachments);
	return ifindex;
}

/* Asks the loaded program about the very packet; it must say what the plan says. */
static int ask(struct instance *instance, const struct matrix_probe *probe,
	       enum direction direction, const struct plan *plan, json_t *side)
{
	const struct pod *pod = direction == EGRESS ? probe->from.pod : probe->to.pod;
	uint32_t rule = direction == EGRESS ? probe->egress : probe->ingress, ifindex;
	struct packet packet = {probe->from.address, probe->to.address, probe->protocol,
				probe->port};
	bool allow;

	if (rule == NO_RULE || !instance || !instance_loaded(instance))
		return 0;
	ifindex = interface_of(instance, pod);
	if (!ifindex) {
		json_object_set_new(side, "datapath", json_string("not attached"));
		return 0;
	}
	if (ask_datapath(instance, direction, ifindex, &packet, &allow))
		return FAILED;
	json_object_set_new(side, "datapath", json_string(allow ? "allow" : "deny"));
	if (allow == plan->rules[rule].allow)
		return 0;
	return fail("the plan says %s and the loaded program %s: this is a bug of npctl; "
		    "`npctl policy verify` may tell more",
		    plan->rules[rule].allow ? "allow" : "deny", allow ? "allow" : "deny");
}

/* Of the two, whatever others there are: what judges them depends on nobody else's rules. */
static int compile(struct model *model, const struct matrix_probe *probe, struct plan **plan)
{
	model_subjects_only(model, probe->from.pod, probe->to.pod);
	return plan_compile(model, plan);
}

static int explain(struct context *context, const struct words *words, struct model *model,
		   struct instance *instance)
{
	struct matrix matrix = {.count = 1, .capacity = 1, .probe = xalloc(sizeof(*matrix.probe))};
	struct matrix_probe *probe = &matrix.probe[0];
	int error = parse_probe(model, words, probe);
	struct plan *plan = NULL;
	json_t *row;

	if (!error)
		error = compile(model, probe, &plan);
	if (!error) {
		matrix_judge(&matrix, plan);
		row = probe_row(probe, plan, NULL);
		json_object_set_new(row, "egress", explain_side(model, plan, probe, EGRESS));
		json_object_set_new(row, "ingress", explain_side(model, plan, probe, INGRESS));
		error = ask(instance, probe, EGRESS, plan, json_object_get(row, "egress"));
		if (!error)
			error =
			    ask(instance, probe, INGRESS, plan, json_object_get(row, "ingress"));
		show(context, probe, row);
	}
	matrix_release(&matrix);
	plan_free(plan);
	return error;
}

static int explain_files(struct context *context, const struct words *words)
{
	struct model *model;
	int error = manifests_model(words, "file", &model, NULL);

	if (error)
		return error;
	model_give_addresses(model, strchr(word_value(words, "from"), ':') ||
					strchr(word_value(words, "to"), ':'));
	error = explain(context, words, model, NULL);
	model_free(model);
	return error;
}

int policy_explain(struct context *context, const struct words *words)
{
	struct loaded loaded;
	int error;

	if (word_value(words, "user") || word_value(words, "dev"))
		return explain_user(context, words);
	if (!word_value(words, "from") || !word_value(words, "to"))
		return misuse("who to whom? --from POD|ADDRESS --to POD|ADDRESS");
	if (word_value(words, "file"))
		return explain_files(context, words);
	error = loaded_open(&loaded, context, LOADED_MODEL);
	if (error)
		return error;
	error = explain(context, words, loaded.model, loaded.instance);
	loaded_close(&loaded);
	return error;
}
