// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One-line rules, lists and defaults, compiled, against a judge that goes
 * through the rules for every packet: the longest prefix, the narrowest port,
 * deny, and the default when none speaks.
 */
#include "unit.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "model/model.h"

#define MOST 12

struct rule {
	bool allow, egress, own; /* own: for one subject alone */
	char peer[64];		 /* prefix, "any", or "list" */
	char port[32];
	uint32_t first, last;
};

struct scene {
	struct rule rules[MOST];
	struct prefix list[8];
	size_t rule_count, list_count;
	int defaults[DIRECTIONS]; /* -1: none said */
};

static unsigned int seed;

static unsigned int any(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static void make_prefix(char text[64])
{
	static const unsigned int lengths4[] = {0, 1, 8, 15, 16, 24, 28, 30, 31, 32};
	static const unsigned int lengths6[] = {0, 1, 16, 64, 120, 126, 127, 128};

	if (any(3))
		snprintf(text, 64, "10.%u.0.%u/%u", any(2), any(8),
			 lengths4[any(ARRAY_SIZE(lengths4))]);
	else
		snprintf(text, 64, "fd00::%u/%u", any(8), lengths6[any(ARRAY_SIZE(lengths6))]);
}

static void make_rule(struct rule *rule)
{
	unsigned int port = 80 + any(4), more = any(3);

	*rule = (struct rule){
	    .allow = any(2), .egress = any(4) == 0, .own = any(3) == 0, .last = 0xffffff};
	make_prefix(rule->peer);
	if (any(8) == 0)
		strcpy(rule->peer, "any");
	else if (any(4) == 0)
		strcpy(rule->peer, "list");
	switch (any(4)) {
	case 0:
		break;
	case 1:
		strcpy(rule->port, "udp");
		rule->first = IPPROTO_UDP << 16;
		rule->last = rule->first | 65535;
		break;
	default:
		snprintf(rule->port, sizeof(rule->port), "tcp/%u-%u", port, port + more);
		rule->first = IPPROTO_TCP << 16 | port;
		rule->last = rule->first + more;
	}
}

static void add(struct model *model, json_t *object)
{
	assert_int_equal(model_add(model, object, "test"), 0);
	json_decref(object);
}

static struct model *make_model(struct scene *scene)
{
	struct model *model = model_new();
	char text[64], list[1024] = "";

	scene->list_count = any(8);
	for (size_t i = 0; i < scene->list_count; i++) {
		make_prefix(text);
		prefix_parse(text, &scene->list[i]);
		strcat(strcat(list, text), "\n");
	}
	add(model, json_pack("{s:s, s:s, s:s}", "kind", "CidrList", "name", "l", "cidrs", list));
	scene->rule_count = 1 + any(MOST - 1);
	for (size_t i = 0; i < scene->rule_count; i++) {
		struct rule *rule = &scene->rules[i];
		json_t *object, *peer;

		make_rule(rule);
		peer = strcmp(rule->peer, "list") == 0 ? json_pack("{s:s}", "list", "l")
						       : json_string(rule->peer);
		object = json_pack("{s:s, s:i, s:s, s:s, s:o, s:s*}", "kind", "Rule", "id",
				   (int)i + 1, "action", rule->allow ? "allow" : "deny",
				   "direction", rule->egress ? "egress" : "ingress", "peer", peer,
				   "subject", rule->own ? "dev:a" : NULL);
		if (*rule->port)
			json_object_set_new(object, "ports", json_pack("[s]", rule->port));
		add(model, object);
	}
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		scene->defaults[direction] = (int)any(6) - 4;
		if (scene->defaults[direction] >= 0)
			add(model, json_pack("{s:s, s:s, s:s}", "kind", "Default", "direction",
					     direction ? "egress" : "ingress", "verdict",
					     scene->defaults[direction] ? "allow" : "deny"));
	}
	model_subject_add(model, "dev:a");
	model_subject_add(model, "dev:b");
	return model;
}

/* How many bits of the address the rule's peer names; -1: it is another. */
static int match_length(const struct scene *scene, const struct rule *rule,
			const struct address *address)
{
	struct prefix prefix;
	int longest = -1;

	if (strcmp(rule->peer, "any") == 0)
		return 0;
	if (strcmp(rule->peer, "list") != 0) {
		prefix_parse(rule->peer, &prefix);
		return prefix_contains(&prefix, address) ? prefix.length : -1;
	}
	for (size_t i = 0; i < scene->list_count; i++)
		if (prefix_contains(&scene->list[i], address) && scene->list[i].length > longest)
			longest = scene->list[i].length;
	return longest;
}

static bool naive(const struct scene *scene, bool own, bool egress, const struct address *address,
		  uint32_t key)
{
	const struct rule *best = NULL;
	bool allows = false;
	int best_length = -1;

	for (size_t i = 0; i < scene->rule_count; i++) {
		const struct rule *rule = &scene->rules[i];
		int length = match_length(scene, rule, address);
		bool wins;

		if (rule->egress != egress || (rule->own && !own))
			continue;
		allows |= rule->allow;
		if (length < 0 || key < rule->first || key > rule->last)
			continue;
		wins = !best || length > best_length ||
		       (length == best_length &&
			(rule->last - rule->first < best->last - best->first ||
			 (rule->last - rule->first == best->last - best->first && !rule->allow)));
		if (wins) {
			best = rule;
			best_length = length;
		}
	}
	if (best)
		return best->allow;
	if (scene->defaults[egress] >= 0)
		return scene->defaults[egress];
	return !allows;
}

static void compare(const struct scene *scene, const struct plan *plan)
{
	for (int i = 0; i < 200; i++) {
		bool own = any(2), egress = any(3) == 0;
		uint32_t key =
		    any(3) ? IPPROTO_TCP << 16 | (79 + any(7)) : IPPROTO_UDP << 16 | any(99);
		struct address address;
		char text[64];
		uint32_t rule;

		make_prefix(text);
		*strchr(text, '/') = '\0';
		address_parse(text, &address);
		rule = plan_judge(plan, (uint32_t)plan_subject_find(plan, own ? "dev:a" : "dev:b"),
				  egress ? EGRESS : INGRESS, &address, (uint8_t)(key >> 16),
				  (uint16_t)key);
		assert_int_equal(plan->rules[rule].allow, naive(scene, own, egress, &address, key));
	}
}

static void test_precedence(void **state)
{
	(void)state;
	for (unsigned int i = 1; i <= 600; i++) {
		struct scene scene = {0};
		struct model *model;
		struct plan *plan;

		seed = i;
		model = make_model(&scene);
		assert_int_equal(plan_compile(model, &plan), 0);
		compare(&scene, plan);
		plan_free(plan);
		model_free(model);
	}
}

/* A list of any size under one rule is one class. */
static void test_one_class(void **state)
{
	struct model *model = model_new();
	char *text = xalloc(40 * 5000), *at = text;
	struct plan *plan;

	(void)state;
	for (unsigned int i = 0; i < 5000; i++)
		at += sprintf(at, "%u.%u.%u.0/%u\n", 1 + i % 200, i / 200, i % 7, 17 + i % 16);
	add(model, json_pack("{s:s, s:s, s:s}", "kind", "CidrList", "name", "l", "cidrs", text));
	add(model, json_pack("{s:s, s:i, s:s, s:{s:s}}", "kind", "Rule", "id", 1, "action", "deny",
			     "peer", "list", "l"));
	model_subject_add(model, "dev:a");
	assert_int_equal(plan_compile(model, &plan), 0);
	assert_int_equal(plan->class_count, 2);
	plan_free(plan);
	model_free(model);
	free(text);
}

static bool judge(const struct plan *plan, const char *subject, enum direction direction,
		  const char *peer)
{
	int index = plan_subject_find(plan, subject);
	struct address address;

	assert_true(index >= 0);
	address_parse(peer, &address);
	return plan->rules[plan_judge(plan, (uint32_t)index, direction, &address, IPPROTO_TCP, 80)]
	    .allow;
}

static void add_rule(struct model *model, int id, const char *peer, const char *subject,
		     const char *rate)
{
	add(model, json_pack("{s:s, s:i, s:s, s:s, s:s, s:s*, s:s*}", "kind", "Rule", "id", id,
			     "action", "allow", "direction", "egress", "peer", peer, "subject",
			     subject, "rate", rate));
}

/* Users are denied what no rule allows; what any user may, each may. */
static void test_users(void **state)
{
	struct model *model = model_new();
	struct plan *plan;

	(void)state;
	add_rule(model, 1, "10.0.0.1/32", "user:eth0:1000", NULL);
	add_rule(model, 2, "10.0.0.2/32", "user:eth0:any", "100/s:10");
	add_rule(model, 3, "10.0.0.3/32", NULL, NULL);
	add_rule(model, 4, "private", "cgroup:/a=b", NULL);
	model_subject_add(model, "user:eth0");
	model_subject_add(model, "user:eth1");
	model_subject_add(model, "cgroup:/a=b");
	model_subject_add(model, "cgroup:/c");
	assert_int_equal(plan_compile(model, &plan), 0);
	assert_int_equal(plan->subject_count, 5);
	assert_true(judge(plan, "user:eth0:1000", EGRESS, "10.0.0.1"));
	assert_true(judge(plan, "user:eth0:1000", EGRESS, "10.0.0.2"));
	assert_false(judge(plan, "user:eth0:1000", EGRESS, "10.0.0.3"));
	assert_false(judge(plan, "user:eth0:any", EGRESS, "10.0.0.1"));
	assert_true(judge(plan, "user:eth0:any", EGRESS, "10.0.0.2"));
	assert_false(judge(plan, "user:eth1:any", EGRESS, "10.0.0.3"));
	assert_true(judge(plan, "user:eth1:any", INGRESS, "10.0.0.3"));
	assert_true(judge(plan, "cgroup:/a=b", EGRESS, "192.168.1.1"));
	assert_false(judge(plan, "cgroup:/a=b", EGRESS, "192.0.2.1"));
	assert_true(judge(plan, "cgroup:/c", EGRESS, "192.0.2.1"));
	for (size_t i = 0; i < plan->rule_count; i++)
		assert_int_equal(plan->rules[i].rate_per_second,
				 strcmp(plan->rules[i].policy, "rule 2") == 0 ? 100 : 0);
	plan_free(plan);
	model_free(model);
}

/* The minutes of the day at which a rule by the clock is there, one by one. */
static void test_windows(void **state)
{
	static const struct {
		const char *peer, *action, *window;
	} rules[] = {{"10.0.0.0/8", "allow", "08:00-18:00"},
		     {"10.0.0.0/16", "deny", "12:00-13:00"},
		     {"10.0.0.0/24", "allow", "22:00-06:00"},
		     {"10.0.0.1/32", "deny", "23:59-24:00"},
		     {"192.0.2.0/24", "allow", NULL}};
	struct model *model = model_new();
	struct plan *plan;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		add(model, json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:s*}", "kind", "Rule", "id",
				     (int)i + 1, "action", rules[i].action, "direction", "egress",
				     "peer", rules[i].peer, "subject", "user:eth0:any", "between",
				     rules[i].window));
	model_subject_add(model, "user:eth0");
	assert_int_equal(plan_compile(model, &plan), 0);
	for (plan->minute = 0; plan->minute < 1440; plan->minute++) {
		uint32_t m = plan->minute;
		bool day = m >= 480 && m < 1080, noon = m >= 720 && m < 780;
		bool night = m >= 1320 || m < 360, last = m == 1439;

		assert_int_equal(judge(plan, "user:eth0:any", EGRESS, "10.9.9.9"), day);
		assert_int_equal(judge(plan, "user:eth0:any", EGRESS, "10.0.9.9"), day && !noon);
		assert_int_equal(judge(plan, "user:eth0:any", EGRESS, "10.0.0.9"),
				 night || (day && !noon));
		assert_int_equal(judge(plan, "user:eth0:any", EGRESS, "10.0.0.1"),
				 !last && (night || (day && !noon)));
		assert_true(judge(plan, "user:eth0:any", EGRESS, "192.0.2.1"));
	}
	plan_free(plan);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_precedence),
	    cmocka_unit_test(test_one_class),
	    cmocka_unit_test(test_users),
	    cmocka_unit_test(test_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
