// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "commit/enforce.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/apply.h"
#include "datapath/apply_shadows.h"
#include "kernel/clock.h"
#include "commit/commit.h"
#include "commit/guards.h"
#include "commit/shadow.h"
#include "store/networks.h"
#include "net/links.h"
#include "store/number_store.h"
#include "store/documents.h"
#include "store/history.h"
#include "store/waiting.h"

/* Documents that are not the model's. */
static bool is_own_record(const char *name)
{
	return !strcmp(name, "topology") || !strcmp(name, "attachments") ||
	       !strcmp(name, "numbers") || !strcmp(name, "agent") || !strcmp(name, "guards") ||
	       !strcmp(name, "shadow");
}

/*
 * Whose a document is, in the order in which they are read: what the agent
 * says of an object counts more than what others say of it, and a pod is where
 * its container is, whatever anybody says.
 */
enum teller { TELLER_USER, TELLER_AGENT, TELLER_PLUGIN, TELLERS };

static enum teller teller_of(const char *name)
{
	if (!strncmp(name, AGENT_DOCUMENTS, strlen(AGENT_DOCUMENTS)))
		return TELLER_AGENT;
	return strncmp(name, NETWORK_DOCUMENTS, strlen(NETWORK_DOCUMENTS)) ? TELLER_USER
									   : TELLER_PLUGIN;
}

struct filling {
	struct instance *instance;
	struct model *model;
	enum teller teller;
	const json_t *rules;  /* instead of all of them; NULL */
	const json_t *shadow; /* what to fill in beside; NULL */
};

static int document_add(const char *name, void *data)
{
	struct filling *filling = data;
	size_t size;
	char *text;
	int result = 0;

	if (is_own_record(name) || teller_of(name) != filling->teller)
		return 0;
	if (filling->rules && !strcmp(name, "rules"))
		return 0;
	text = document_get_bytes(filling->instance, name, &size);
	if (text &&
	    !shadow_add_document(filling->shadow, filling->model, name, text, size, &result))
		result = model_add_document(filling->model, text, size, name);
	free(text);
	return result;
}

/* This node's own addresses: its kubelet's probes come from them. */
static int host_add(struct instance *instance, struct model *model)
{
	json_t *addresses = json_array(), *agent = document_get(instance, "agent"), *host;
	const char *node = json_string_value(json_object_get(agent, "node"));
	struct ifaddrs *all, *each;
	int result;

	if (getifaddrs(&all))
		all = NULL;
	for (each = all; each; each = each->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		void *bytes;

		if (!each->ifa_addr ||
		    (each->ifa_addr->sa_family != AF_INET && each->ifa_addr->sa_family != AF_INET6))
			continue;
		bytes = each->ifa_addr->sa_family == AF_INET
			    ? (void *)&((struct sockaddr_in *)each->ifa_addr)->sin_addr
			    : (void *)&((struct sockaddr_in6 *)each->ifa_addr)->sin6_addr;
		inet_ntop(each->ifa_addr->sa_family, bytes, text, sizeof(text));
		json_array_append_new(addresses, json_string(text));
	}
	if (all)
		freeifaddrs(all);
	host = json_pack("{s:s, s:s, s:o}", "kind", "NpctlHost", "node", node ? node : "",
			 "addresses", addresses);
	result = model_add(model, host, "this host's addresses");
	json_decref(host);
	json_decref(agent);
	return result;
}

static int documents_fill(struct filling *filling)
{
	int error = 0;

	for (; filling->teller < TELLERS && !error; filling->teller++)
		error = document_each(filling->instance, document_add, filling);
	if (!error && filling->shadow)
		error = shadow_add_new(filling->shadow, filling->model);
	return error;
}

static int model_make(struct instance *instance, const json_t *rules, const json_t *scopes,
		      const json_t *shadow, struct model **model)
{
	struct filling filling = {instance, model_new(), TELLER_USER, rules, shadow};
	json_t *attachments = document_get(instance, "attachments"), *each;
	const char *subject;
	size_t i;

	if (documents_fill(&filling) || (rules && model_add_array(filling.model, rules, "rules")) ||
	    host_add(instance, filling.model))
		goto failed;
	json_array_foreach ((json_t *)scopes, i, each)
		if (model_scope_add(filling.model, each))
			goto failed;
	json_array_foreach (attachments, i, each) {
		subject = json_string_value(json_object_get(each, "subject"));
		if (subject && model_subject_add(filling.model, subject))
			goto failed;
	}
	json_decref(attachments);
	*model = filling.model;
	return 0;
failed:
	json_decref(attachments);
	model_free(filling.model);
	return FAILED;
}

int commit_model(struct instance *instance, const json_t *rules, const json_t *scopes,
		 struct model **model)
{
	return model_make(instance, rules, scopes, NULL, model);
}

int enforce_model(struct instance *instance, struct model **model)
{
	return model_make(instance, NULL, NULL, NULL, model);
}

int enforce_model_both(struct instance *instance, struct model **model)
{
	json_t *shadow = document_get(instance, "shadow");
	int error = model_make(instance, NULL, NULL, shadow, model);

	json_decref(shadow);
	return error;
}

int enforce_model_with(struct instance *instance, const json_t *rules, struct model **model)
{
	return commit_model(instance, rules, NULL, model);
}

int enforce_numbers(struct instance *instance, struct numbers **numbers)
{
	size_t size;
	/* of an earlier version */
	void *packed = document_get_bytes(instance, "numbers", &size);
	int result = 0;

	*numbers = NULL;
	if (packed) {
		result = numbers_unpack(packed, size, numbers);
	} else {
		*numbers = xalloc(sizeof(**numbers));
		number_store_load(instance->rules.records, *numbers);
	}
	free(packed);
	return result;
}

/* Of the pod's end: its MAC gives its link-local address. */
static void link_local_take(const json_t *end, uint8_t address[16])
{
	const char *text = json_string_value(json_object_get(end, "mac"));
	uint8_t mac[6];

	if (text && !mac_parse(text, mac))
		memcpy(address, link_local_of(mac).bytes, 16);
}

static void link_local_find(const json_t *topology, const char *subject, uint8_t address[16])
{
	json_t *pod;
	size_t i;

	json_array_foreach (json_object_get(topology, "pods"), i, pod) {
		const char *name = json_string_value(json_object_get(pod, "pod"));

		if (name && !strcmp(name, subject))
			link_local_take(pod, address);
	}
}

/* An interface of a pod with several has only its own of the pod's addresses. */
static void addresses_take(const json_t *row, struct address address[2])
{
	json_t *addresses = json_object_get(row, "addresses"), *each;
	struct address one;
	size_t i;

	if (!addresses)
		return;
	memset(address, 0, 2 * sizeof(*address));
	json_array_foreach (addresses, i, each)
		if (!address_parse(json_string_value(each), &one))
			address[one.family == 6] = one;
}

static void binding_add(struct bindings *bindings, const struct binding *binding)
{
	GROW(bindings->binding, bindings->count, bindings->capacity);
	bindings->binding[bindings->count++] = *binding;
}

/* "any", "none" or a number. */
static uint32_t uid_of(const char *word)
{
	if (!strcmp(word, "any"))
		return USER_ANY;
	return strcmp(word, "none") ? strtoul(word, NULL, 10) : USER_NONE;
}

/* One attachment for users is a subject for each whom a rule names. */
static void users_bind(struct bindings *bindings, const struct plan *plan, const json_t *row,
		       struct binding binding)
{
	const char *name = json_string_value(json_object_get(row, "subject"));
	size_t i, length = strlen(name);

	binding.kind = BINDING_USER;
	binding.flags = json_is_true(json_object_get(row, "strict")) ? USER_STRICT : 0;
	for (i = 0; i < plan->subject_count; i++) {
		const char *each = plan->subjects[i].name;

		if (strncmp(each, name, length) != 0 || each[length] != ':')
			continue;
		binding.subject = i;
		binding.uid = uid_of(each + length + 1);
		binding_add(bindings, &binding);
	}
}

/* An attachment whose subject the model no longer has stays unbound: its packets are dropped. */
static void row_bind(struct bindings *bindings, const struct plan *plan, const json_t *topology,
		     const json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "subject"));
	int subject = name ? plan_subject_find(plan, name) : -1;
	struct binding binding = {
	    .subject = subject,
	    .ifindex = json_integer_value(json_object_get(row, "ifindex")),
	    .cgroup = json_integer_value(json_object_get(row, "cgroup_id")),
	};

	if (name && !strncmp(name, "user:", 5)) {
		users_bind(bindings, plan, row, binding);
	} else if (subject >= 0 && binding.cgroup) {
		binding.kind = BINDING_CONTAINER;
		binding_add(bindings, &binding);
	} else if (subject >= 0 && binding.ifindex) {
		memcpy(binding.address, plan->subjects[subject].address, sizeof(binding.address));
		addresses_take(row, binding.address);
		link_local_find(topology, name, binding.link_local6);
		link_local_take(row, binding.link_local6);
		binding_add(bindings, &binding);
	}
}

void bindings_make(struct instance *instance, const struct plan *plan, struct bindings *bindings)
{
	json_t *attachments = document_get(instance, "attachments");
	json_t *topology = document_get(instance, "topology"), *each;
	size_t i;

	json_array_foreach (attachments, i, each)
		row_bind(bindings, plan, topology, each);
	json_decref(attachments);
	json_decref(topology);
}

int commit_documents(struct instance *instance)
{
	if (history_note(instance) || documents_stage(instance))
		return FAILED;
	clock_fill(&instance->settings->clock[!(instance->settings->version & 1)],
		   instance->settings->tai);
	if (instance->confirm)
		waiting_begin(instance->settings, instance->confirm);
	apply_flip(instance->settings);
	documents_clean(instance);
	return 0;
}

static int numbers_save(struct instance *instance, const struct numbers *old,
			const struct numbers *numbers)
{
	static const struct numbers none;
	struct tree *records = instance->rules.records;

	if (number_store_is_empty(records))
		old = &none; /* what is known of them is a document's */
	document_put(instance, "numbers", NULL);
	return number_store_save(records, old, numbers);
}

#define GAPS_MOST 512

static int arena_save(struct tree *records, char letter, const struct arena *arena, bool whole)
{
	struct span gaps[GAPS_MOST];
	size_t count = arena_gaps(arena, whole, gaps, GAPS_MOST);

	return gap_store_save(records, letter, gaps, count);
}

int commit_gaps(struct instance *instance, const struct datapath *datapath, bool whole)
{
	struct tree *records = instance->rules.records;

	return arena_save(records, '4', &datapath->runs, whole) ||
		       arena_save(records, '6', &datapath->runs6, whole)
		   ? FAILED
		   : 0;
}

static int commit_plan(struct instance *instance, struct datapath *datapath,
		       const struct plan *plan)
{
	uint32_t limits[NUMBER_KINDS];
	struct numbers *old = NULL, *numbers = NULL;
	struct bindings bindings = {};
	int result = FAILED;

	apply_limits(datapath, plan, limits);
	if (enforce_numbers(instance, &old) || numbers_assign(plan, old, limits, &numbers))
		goto out;
	bindings_make(instance, plan, &bindings);
	if (apply_stage(datapath, plan, numbers, old, bindings.binding, bindings.count))
		goto out;
	if (numbers_save(instance, old, numbers) || commit_gaps(instance, datapath, false) ||
	    commit_documents(instance))
		goto out;
	if (!instance->confirm)
		apply_clean(datapath);
	result = 0;
out:
	numbers_free(old);
	numbers_free(numbers);
	free(bindings.binding);
	return result;
}

int enforce_plan(struct instance *instance, struct plan **plan)
{
	struct model *model;
	int result;

	if (enforce_model_both(instance, &model))
		return FAILED;
	result = plan_compile(model, plan);
	model_free(model);
	return result;
}

/* Within enforce_begin(): each change is checked as it is made. */
static bool checks_changes;

static int commit_later(struct instance *instance)
{
	struct plan *plan = NULL;
	int error = checks_changes ? enforce_plan(instance, &plan) : 0;

	plan_free(plan);
	instance->waiting |= !error;
	return error;
}

void enforce_begin(const char *root, bool checks)
{
	checks_changes = checks;
	instance_hold(root);
}

int enforce_end(bool commit)
{
	struct instance *instance = instance_release();
	int error = 0;

	if (instance && commit && instance->waiting)
		error = enforce_commit(instance);
	instance_close(instance);
	return error;
}

static bool refused;

bool enforce_refused(void)
{
	return refused;
}

static enforce_look *look;

void enforce_look_at(enforce_look *at)
{
	look = at;
}

/* What does not compile, or breaks a guard, is refused with or without a datapath. */
static int compile_all(struct instance *instance, struct model *model, struct plan **plan)
{
	int result = plan_compile(model, plan);

	if (!result)
		result = guards_check(instance, model, *plan);
	return !result && look ? look(instance, model, *plan) : result;
}

/* Compiles everything. */
static int commit_all(struct instance *instance, struct datapath *datapath)
{
	struct model *model = NULL;
	struct plan *plan = NULL;
	struct signature surroundings;
	bool shadow = shadow_changes(instance);
	int result;

	result = enforce_model_both(instance, &model);
	if (!result)
		result = compile_all(instance, model, &plan);
	refused = result;
	if (!result)
		surroundings = model_surroundings(model);
	model_free(model);
	if (!result && datapath)
		result = surroundings_save(instance->rules.records, &surroundings);
	if (!result) {
		instance->settings->dirty = DIRTY_WRITER;
		result =
		    datapath ? commit_plan(instance, datapath, plan) : commit_documents(instance);
	}
	if (!result && datapath && shadow)
		result = shadow_tallies_clear(instance);
	plan_free(plan);
	progress_end();
	return result;
}

static uint64_t confirm_within;

void enforce_confirm(uint64_t seconds)
{
	confirm_within = seconds;
}

bool enforce_is_tentative(void)
{
	return confirm_within || look || shadow_is_meant();
}

/* Whether somebody is there who takes it back, and nothing else waits for that. */
static int confirm_check(struct instance *instance)
{
	if (waiting_is(instance->settings, NULL) || waiting_is_over(instance->settings))
		return fail("a change waits to be confirmed: npctl confirm keeps it");
	if (!confirm_within)
		return 0;
	if (!instance_loaded(instance)) {
		fail("nothing is loaded that could take the change back");
		return instance_mend(instance, "load");
	}
	if (!(instance->settings->formats & FORMAT_CONFIRM)) {
		fail("the programs are of an earlier npctl and would not take the change back");
		return instance_mend(instance, "load");
	}
	instance->confirm = confirm_within;
	return 0;
}

int enforce_commit(struct instance *instance)
{
	struct datapath datapath;
	bool clean = !instance->settings->dirty;
	int result = 0;

	if (instance->held)
		return commit_later(instance);
	if (confirm_check(instance) || (shadow_is_meant() && shadow_put(instance)))
		return FAILED;
	if (!clean)
		documents_clean(instance); /* a writer was killed: what it left is not in force */
	if (!instance_loaded(instance)) {
		result = commit_all(instance, NULL);
	} else {
		result = datapath_open(&datapath, instance);
		if (!result)
			result = clean && !look ? commit_small(instance, &datapath) : GIVE_UP;
		if (result == GIVE_UP)
			result = commit_all(instance, &datapath);
		datapath_close(&datapath);
	}
	/* the other half stays as it was: the next change cleans up */
	if (!result)
		instance->settings->dirty = instance->confirm ? DIRTY_WAITED : 0;
	if (!result && instance->confirm)
		warn("taken back after %llu seconds, unless you say `npctl confirm`",
		     (unsigned long long)instance->confirm);
	instance->confirm = 0;
	return result;
}
