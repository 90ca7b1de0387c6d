// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Random rules, random packets: what the plan says and what the program does
 * must be the same, verdict and rule, after any sequence of changes. SEED and
 * ROUNDS in the environment make it another or a longer run.
 */
#include "unit.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include "bench.skel.h"
#include "frame.h"
#include "datapath/apply.h"
#include "datapath/sandbox.h"
#include "model/model.h"

#define FLOWS 16 /* soon forgotten */
#define PACKETS 400

static uint64_t state = 1;

static uint32_t below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % limit;
}

/* Few enough values that rules and packets meet, and edges are hit. */
static char *any_address(bool v6)
{
	static const uint8_t tails[] = {0, 1, 2, 10, 20, 127, 128, 254, 255};
	uint32_t i = below(ARRAY_SIZE(tails)), j = below(ARRAY_SIZE(tails));

	if (v6)
		return below(3) ? xprintf("fd00::%x:%x", tails[i], tails[j])
				: xprintf("2001:db8:%x::%x", tails[i], tails[j]);
	return below(3) ? xprintf("10.0.%u.%u", tails[i], tails[j])
			: xprintf("%u.%u.0.9", tails[i] ? tails[i] : 1, tails[j]);
}

static char *any_prefix(void)
{
	bool v6 = below(3) == 0;
	char *address = any_address(v6), *prefix;
	static const uint8_t lengths4[] = {0, 1, 8, 15, 16, 17, 24, 25, 31, 32, 32, 32};
	static const uint8_t lengths6[] = {0, 3, 16, 48, 64, 112, 120, 127, 128, 128, 128};

	prefix = xprintf("%s/%u", address,
			 v6 ? lengths6[below(ARRAY_SIZE(lengths6))]
			    : lengths4[below(ARRAY_SIZE(lengths4))]);
	free(address);
	return prefix;
}

static json_t *any_port(void)
{
	static const char *const protocols[] = {"tcp", "udp", "sctp"};
	static const uint16_t ports[] = {1, 79, 80, 81, 443, 8080, 65534, 65535};
	uint32_t a = below(ARRAY_SIZE(ports)), b = below(ARRAY_SIZE(ports));
	const char *protocol = protocols[below(3)];

	if (below(8) == 0)
		return json_sprintf("icmp/%u", 7 + below(3));
	if (below(2) || a >= b)
		return json_sprintf("%s/%u", protocol, ports[a]);
	return json_sprintf("%s/%u-%u", protocol, ports[a], ports[b]);
}

static json_t *any_rule(int id)
{
	char *prefix = any_prefix();
	json_t *ports = json_array(), *rule;
	uint32_t count = below(4);

	while (count--)
		json_array_append_new(ports, any_port());
	rule = json_pack("{s:s, s:i, s:s, s:s, s:s, s:o}", "kind", "Rule", "id", id, "action",
			 below(3) ? "allow" : "deny", "direction", below(2) ? "ingress" : "egress",
			 "peer", prefix, "ports", ports);
	free(prefix);
	return rule;
}

static void model_take(struct model *model, json_t *object)
{
	if (model_add(model, object, "random")) {
		print_error("%s\n", failure());
		_fail(__FILE__, __LINE__);
	}
	json_decref(object);
}

static struct plan *any_plan(void)
{
	struct model *model = model_new();
	struct plan *plan = NULL;
	uint32_t rules = below(12), i;

	model_take(
	    model,
	    json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:[{s:s, s:s}]}, s:{s:s, s:[{s:s}, {s:s}]}}",
		      "apiVersion", "v1", "kind", "Pod", "metadata", "name", "backend", "namespace",
		      "default", "spec", "containers", "name", "c", "image", "i", "status", "podIP",
		      "10.0.0.10", "podIPs", "ip", "10.0.0.10", "ip", "fd00::10"));
	for (i = 0; i < rules; i++)
		model_take(model, any_rule(i + 1));
	assert_int_equal(model_subject_add(model, "default/backend"), 0);
	assert_int_equal(plan_compile(model, &plan), 0);
	model_free(model);
	return plan;
}

struct trial {
	struct frame frame;
	enum direction direction;
	struct address peer;
	uint8_t protocol;
	uint16_t port;
};

static void any_trial(struct trial *trial)
{
	static const uint16_t ports[] = {0, 1, 2, 79, 80, 81, 82, 443, 8079, 8080, 65534, 65535};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	bool v6 = below(3) == 0;
	char *peer = any_address(v6);
	const char *own = v6 ? "fd00::10" : "10.0.0.10", *from, *to;

	trial->direction = below(2);
	from = trial->direction == INGRESS ? peer : own;
	to = trial->direction == INGRESS ? own : peer;
	assert_int_equal(address_parse(peer, &trial->peer), 0);
	trial->frame = ethernet();
	trial->protocol = protocols[below(3)];
	trial->port = ports[below(ARRAY_SIZE(ports))];
	if (!v6 && below(6) == 0) {
		uint8_t type = 7 + below(3);

		ip4(&trial->frame, from, to, IPPROTO_ICMP, NULL, 0);
		icmp(&trial->frame, type, 0, 1);
		trial->protocol = IPPROTO_ICMP;
		trial->port = type << 8;
	} else {
		if (v6)
			ip6(&trial->frame, from, to, trial->protocol);
		else
			ip4(&trial->frame, from, to, trial->protocol, NULL, 0);
		if (trial->protocol == IPPROTO_TCP)
			tcp(&trial->frame, 40000, trial->port, SYN);
		else
			udp(&trial->frame, 1 + below(60000), trial->port);
	}
	free(peer);
}

static uint64_t hits(struct sandbox *sandbox, uint32_t number)
{
	struct counter sum;

	assert_int_equal(apply_counter(sandbox->datapath.maps.counters, number, &sum), 0);
	return sum.packets;
}

/* Whatever the plan says: from these nothing comes by a wire. */
static bool is_forged(const struct trial *trial)
{
	static const uint8_t own[4] = {10, 0, 0, 10};

	if (trial->peer.family != 4)
		return false;
	return !memcmp(trial->peer.bytes, own, sizeof(own)) ||
	       (trial->direction == INGRESS && trial->peer.bytes[0] == 127);
}

static void compare(struct sandbox *sandbox, const struct plan *plan, const struct trial *trial)
{
	uint32_t rule =
	    plan_judge(plan, 0, trial->direction, &trial->peer, trial->protocol, trial->port);
	const struct plan_rule *due = &plan->rules[rule];
	bool forged = is_forged(trial), counted = !forged;
	const struct numbered *numbered =
	    numbers_find(sandbox->numbers, NUMBER_RULE, &due->signature);
	char text[ADDRESS_TEXT];
	uint32_t verdict, ns;
	uint64_t before;

	assert_non_null(numbered);
	before = hits(sandbox, numbered->number);
	assert_int_equal(sandbox_run(sandbox,
				     trial->direction == INGRESS ? "pod_ingress" : "pod_egress",
				     trial->frame.bytes, trial->frame.length, 1, &verdict, &ns),
			 0);
	if ((due->allow && !forged) == (verdict == (uint32_t)-1) &&
	    hits(sandbox, numbered->number) == before + counted)
		return;
	print_error("%s %s protocol %u port %u: plan \"%s\" %s, program %s (rule %s)\n",
		    trial->direction == INGRESS ? "from" : "to", address_text(&trial->peer, text),
		    trial->protocol, trial->port, due->name, due->allow ? "allows" : "denies",
		    verdict == 2 ? "denies" : "allows",
		    hits(sandbox, numbered->number) == before + counted ? "counted" : "is another");
	_fail(__FILE__, __LINE__);
}

static void plan_and_program_agree(void **unused)
{
	const char *seed = getenv("SEED"), *rounds = getenv("ROUNDS");
	uint32_t left = rounds ? strtoul(rounds, NULL, 0) : 30, i;
	struct sandbox *sandbox = NULL;
	struct plan *plan;

	(void)unused;
	state = seed ? strtoull(seed, NULL, 0) | 1 : 20261121;
	plan = any_plan();
	if (sandbox_open(&sandbox, plan, FLOWS)) {
		print_error("%s\n", failure());
		_fail(__FILE__, __LINE__);
	}
	for (;;) {
		for (i = 0; i < PACKETS; i++) {
			struct trial trial;

			any_trial(&trial);
			/* a flow would answer in the rule's place */
			flow_tables_clear(&sandbox->flows);
			compare(sandbox, plan, &trial);
		}
		plan_free(plan);
		if (!--left)
			break;
		plan = any_plan();
		assert_int_equal(sandbox_force(sandbox, plan), 0);
	}
	sandbox_close(sandbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(plan_and_program_agree)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
