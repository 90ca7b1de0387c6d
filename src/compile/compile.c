/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From a model to a plan: find the classes of addresses, put the rules in
 * order, and make for every subject the set that it is judged by. Subjects
 * with the same rules share a set, which is made once.
 */
#include "compile/compile.h"
#include "model/dns_name.h"

#include <stdlib.h>

/* What decides where no policy and no rule does. */
struct fallback {
	bool set, allow;
	bool own;     /* said of this very subject */
	bool closed;  /* by an allow rule that is no more */
	bool network; /* by the configuration of the pod's network */
};

static bool is_on(unsigned int sides, enum which_side side)
{
	return sides & 1u << side;
}

static void list_policies(struct compile *compile)
{
	size_t count = compile->classes.pod_class_count + 1;

	for (int direction = 0; direction < DIRECTIONS; direction++)
		compile->policies_of[direction] =
		    xalloc(count * sizeof(*compile->policies_of[direction]));
	for (uint32_t i = 0; i < compile->policy_count; i++) {
		const struct policy *policy = compile->policies[i];
		const struct list32 *selected = &compile->meanings[policy->subject].pod_classes;

		meaning_find(compile, policy->subject, false);
		for (size_t j = 0; j < selected->count; j++)
			for (int direction = 0; direction < DIRECTIONS; direction++)
				if (policy->applies[direction])
					list32_add(
					    &compile->policies_of[direction][selected->item[j]], i);
	}
}

static void add_policy_rules(const struct compile *compile, struct judged *judged, uint32_t index)
{
	const struct policy *policy = compile->policies[index];
	uint32_t first = compile->first_rule[judged->direction][index];

	if (!is_on(policy->sides, judged->side))
		return;
	for (uint32_t i = 0; i < policy->rule_count[judged->direction]; i++)
		list32_add(&judged->rules, first + i);
	if (policy_isolates(policy, judged->direction)) {
		judged->isolated = true;
		list32_add(&judged->isolating, index);
	}
}

static bool add_lines(const struct compile *compile, struct judged *judged, const char *subject)
{
	const struct model *model = compile->model;
	bool allows = false;

	for (size_t i = 0; i < model->lines.count; i++) {
		const struct line *line = model->lines.item[i];

		if (line->direction != judged->direction || !is_on(line->sides, judged->side) ||
		    !line_is_for(model, line, judged->pod, subject))
			continue;
		list32_add(&judged->rules, compile->line_rule[i]);
		allows |= line->rule.action == ACTION_ALLOW;
	}
	return allows;
}

static bool is_pod(const char *subject)
{
	return !strchr(subject, ':');
}

/* Users and containers: what is said of all is said of pods and interfaces. */
static bool holds_sockets(const char *subject)
{
	return strncmp(subject, "user:", 5) == 0 || strncmp(subject, "cgroup:", 7) == 0;
}

/* What an allow rule closed stays closed when the rule goes. */
static bool is_closed(const struct compile *compile, const struct judged *judged,
		      const char *subject)
{
	const struct model *model = compile->model;
	const struct pod *pod = is_pod(subject) ? model_pod_find(model, subject) : NULL;

	for (size_t i = 0; i < model->defaults.count; i++)
		if (model->defaults.item[i]->direction == judged->direction &&
		    is_on(model->defaults.item[i]->sides, judged->side) &&
		    default_closes(model, model->defaults.item[i], pod, subject))
			return true;
	return false;
}

/* For a pod by name, for its network, for all: the closest counts. */
static struct fallback find_default(const struct compile *compile, const struct judged *judged,
				    const char *subject)
{
	const struct model *model = compile->model;
	struct fallback found = {0};

	for (size_t i = 0; i < model->defaults.count; i++) {
		const struct default_line *line = model->defaults.item[i];
		bool own = line->subject && strcmp(line->subject, subject) == 0;
		bool all = !line->subject && !found.own && !holds_sockets(subject);

		if (line->direction == judged->direction && is_on(line->sides, judged->side) &&
		    !line->closed && (own || all))
			found = (struct fallback){.set = true, .allow = line->allow, .own = own};
	}
	if (!found.own && is_pod(subject)) {
		const struct pod *pod = model_pod_find(model, subject);

		if (pod && pod->fallback)
			found = (struct fallback){
			    .set = true, .allow = pod->fallback == FALLBACK_ALLOW, .network = true};
	}
	if (!found.set && is_closed(compile, judged, subject))
		found = (struct fallback){.set = true, .closed = true};
	return found;
}

static uint32_t default_rule(struct compile *compile, enum direction direction,
			     const struct fallback *fallback, bool allow_rules, const char *subject)
{
	if (!fallback->set && direction == EGRESS && strncmp(subject, "user:", 5) == 0)
		return plan_rule_default(compile, direction, false, " for users", NULL);
	if (fallback->network)
		return plan_rule_default(compile, direction, fallback->allow, " of the network",
					 NULL);
	if (fallback->closed)
		return plan_rule_default(
		    compile, direction, false,
		    allow_rules ? " beside allow rules" : ", closed by earlier allow rules", NULL);
	if (fallback->set)
		return plan_rule_default(compile, direction, fallback->allow, " by policy default",
					 fallback->own ? subject : NULL);
	if (allow_rules)
		return plan_rule_default(compile, direction, false, " beside allow rules", NULL);
	return plan_rule_default(compile, direction, true, "", NULL);
}

static bool has_named_ports(const struct compile *compile, const struct judged *judged)
{
	for (size_t i = 0; i < judged->rules.count; i++)
		if (compile->ordered[judged->rules.item[i]].rule->named_ports)
			return true;
	return false;
}

/* Equal keys make equal sets. */
static struct signature judged_key(const struct compile *compile, const struct judged *judged,
				   uint32_t pod_class)
{
	struct signature key = {0};

	sign_number(&key, judged->direction);
	sign_number(&key, judged->rules.count);
	for (size_t i = 0; i < judged->rules.count; i++)
		sign_number(&key, judged->rules.item[i]);
	for (size_t i = 0; i < judged->isolating.count; i++)
		sign_number(&key, judged->isolating.item[i]);
	sign_number(&key, judged->default_rule);
	sign_number(&key, judged->node);
	if (judged->direction == INGRESS && pod_class != LOOKUP_NONE &&
	    has_named_ports(compile, judged))
		sign_signature(&key, &compile->classes.pod_classes[pod_class].ports);
	return key;
}

static void judge_policies(const struct compile *compile, struct judged *judged, uint32_t pod_class,
			   const char *name, bool *allow_rules)
{
	static const struct list32 none;
	const struct list32 *policies =
	    pod_class == LOOKUP_NONE ? &none : &compile->policies_of[judged->direction][pod_class];
	size_t i = 0;

	for (; i < policies->count; i++) {
		if (compile->policies[policies->item[i]]->tier > TIER_RULE)
			break;
		add_policy_rules(compile, judged, policies->item[i]);
	}
	*allow_rules = add_lines(compile, judged, name);
	for (; i < policies->count; i++)
		add_policy_rules(compile, judged, policies->item[i]);
}

/* The set for one side; whether anything speaks of the subject there. */
static uint32_t compile_side(struct compile *compile, struct judged *judged,
			     const struct plan_subject *subject, uint32_t pod_class, bool *enforced)
{
	struct fallback fallback = find_default(compile, judged, subject->name);
	struct signature key;
	bool allow_rules;
	uint32_t set;

	judge_policies(compile, judged, pod_class, subject->name, &allow_rules);
	judged->default_rule =
	    default_rule(compile, judged->direction, &fallback, allow_rules, subject->name);
	*enforced = judged->rules.count || judged->isolated || fallback.set ||
		    (judged->direction == EGRESS && strncmp(subject->name, "user:", 5) == 0);
	key = judged_key(compile, judged, pod_class);
	set = lookup_get(&compile->judged_sets, &key);
	if (set == LOOKUP_NONE) {
		set = set_make(compile, judged);
		lookup_put(&compile->judged_sets, &key, set);
	}
	list32_release(&judged->rules);
	list32_release(&judged->isolating);
	return set;
}

static void compile_direction(struct compile *compile, struct plan_subject *subject,
			      uint32_t pod_class, uint32_t node, enum direction direction)
{
	const struct judged start = {
	    .direction = direction,
	    .isolated_rule = LOOKUP_NONE,
	    .node = direction == INGRESS ? node : LOOKUP_NONE,
	    .pod = pod_class == LOOKUP_NONE ? NULL : compile->classes.pod_classes[pod_class].pod,
	};
	struct judged judged = start;
	bool unused;

	subject->set[direction] =
	    compile_side(compile, &judged, subject, pod_class, &subject->enforced[direction]);
	subject->shadow[direction] = subject->set[direction];
	if (!compile->plan->shadowed)
		return;
	judged = start;
	judged.side = SIDE_SHADOW;
	subject->shadow[direction] = compile_side(compile, &judged, subject, pod_class, &unused);
}

static void take_addresses(struct plan_subject *subject, const struct pod *pod)
{
	for (size_t i = 0; i < pod->address_count; i++) {
		struct address *place = &subject->address[pod->addresses[i].family == 6];

		if (!place->family)
			*place = pod->addresses[i];
	}
}

static void compile_subjects(struct compile *compile)
{
	const struct model *model = compile->model;
	struct plan *plan = compile->plan;

	plan->subjects =
	    xalloc((model->pods.count + model->devices.count + 1) * sizeof(*plan->subjects));
	for (size_t i = 0; i < model->pods.count; i++) {
		const struct pod *pod = model->pods.item[i];
		struct plan_subject *subject = &plan->subjects[plan->subject_count];
		uint32_t node;

		if (!pod->subject || pod->host_network)
			continue;
		plan->subject_count++;
		subject->name = xprintf("%s/%s", pod->namespace, pod->name);
		take_addresses(subject, pod);
		node = classes_node(&compile->classes, pod->node);
		if (!compile->classes.of_node[node].count)
			node = LOOKUP_NONE;
		for (int direction = 0; direction < DIRECTIONS; direction++)
			compile_direction(compile, subject, compile->classes.pod_class_of[i], node,
					  (enum direction)direction);
	}
	for (size_t i = 0; i < model->devices.count; i++) {
		struct plan_subject *subject = &plan->subjects[plan->subject_count++];

		subject->name = xstrdup(model->devices.item[i]);
		for (int direction = 0; direction < DIRECTIONS; direction++)
			compile_direction(compile, subject, LOOKUP_NONE, LOOKUP_NONE,
					  (enum direction)direction);
	}
}

static void take_classes(struct compile *compile)
{
	struct classes *classes = &compile->classes;
	struct plan *plan = compile->plan;
	bool host_given = false;

	plan->bounds4 = classes->bounds4;
	plan->bounds6 = classes->bounds6;
	plan->bound4_count = classes->bound4_count;
	plan->bound6_count = classes->bound6_count;
	classes->bounds4 = NULL;
	classes->bounds6 = NULL;
	plan->class_count = classes->count;
	plan->classes = xalloc(classes->count * sizeof(*plan->classes));
	for (uint32_t i = 0; i < classes->count; i++) {
		bool host = class_element(classes, i, ELEMENT_NODE, 0) &&
			    classes->item[i].pod_class == LOOKUP_NONE;

		plan->classes[i] = (struct plan_class){
		    .signature = class_signature(classes, i),
		    .reserved = host && !host_given ? IDENTITY_HOST : IDENTITY_WORLD,
		    .name = class_name(classes, i),
		};
		host_given |= host;
	}
}

static void release(struct compile *compile)
{
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		struct list32 *lists = compile->policies_of[direction];

		for (size_t i = 0; lists && i < compile->classes.pod_class_count; i++)
			list32_release(&lists[i]);
		free(lists);
	}
	meanings_release(compile);
	services_release(compile);
	classes_release(&compile->classes);
	order_release(compile);
	free(compile->chain);
	free(compile->stamp);
	lookup_release(&compile->tables);
	lookup_release(&compile->sets);
	lookup_release(&compile->judged_sets);
	lookup_release(&compile->special_rules);
}

/* A deny rule over a list that is not there would let everybody in. */
static int check_lists(const struct model *model)
{
	for (size_t i = 0; i < model->lines.count; i++) {
		const struct line *line = model->lines.item[i];
		const struct peer *peer = model->peers.item[line->rule.peers[0]];

		if (peer->kind != PEER_LIST || model_list_text(model, peer->name))
			continue;
		if (strncmp(peer->name, DOMAIN_LIST, strlen(DOMAIN_LIST)) == 0) {
			fail("%s is over the name %s, which has not been resolved", line->title,
			     peer->text);
			return fail_mend("npctl policy refresh");
		}
		fail("%s is over list \"%s\", which does not exist", line->title, peer->name);
		return fail_mend("npctl policy allow|deny --cidr-file FILE --name %s", peer->name);
	}
	return 0;
}

int plan_compile(const struct model *model, struct plan **plan)
{
	struct compile compile = {.model = model};
	int result;

	*plan = NULL;
	if (check_lists(model))
		return FAILED;
	compile.plan = xalloc(sizeof(**plan));
	compile.plan->minute = minute_now();
	compile.plan->shadowed = model->shadowed;
	result = classes_make(&compile.classes, model);
	if (result)
		goto out;
	take_classes(&compile);
	compile.meanings = xalloc((model->peers.count + 1) * sizeof(*compile.meanings));
	compile.chain = xalloc(compile.classes.count * sizeof(*compile.chain));
	compile.stamp = xalloc(compile.classes.count * sizeof(*compile.stamp));
	/* plan_judge knows these two by their place. */
	plan_rule_exempt(&compile, INGRESS, "the pod itself");
	plan_rule_exempt(&compile, EGRESS, "the pod itself");
	order_rules(&compile);
	list_policies(&compile);
	services_find(&compile);
	compile_subjects(&compile);
out:
	progress_end();
	*plan = compile.plan;
	release(&compile);
	if (result) {
		plan_free(*plan);
		*plan = NULL;
	}
	return result;
}
