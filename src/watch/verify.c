/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "watch/verify.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "datapath/apply_holders.h"
#include "datapath/apply_shadows.h"
#include "attach/attach.h"
#include "commit/commit.h"
#include "datapath/datapath.h"
#include "commit/enforce.h"
#include "datapath/sets.h"
#include "store/documents.h"

struct verify {
	struct instance *instance;
	struct datapath datapath;
	const struct plan *plan;
	struct numbers *numbers;
	uint32_t version;
	json_t *rows;
};

static void PRINTF(5, 6) differs(struct verify *verify, const char *part, const char *what,
				 const char *expected, const char *format, ...)
{
	va_list list;
	char *found;

	va_start(list, format);
	if (vasprintf(&found, format, list) < 0)
		abort();
	va_end(list);
	json_array_append_new(verify->rows, json_pack("{s:s, s:s, s:s, s:s}", "part", part, "what",
						      what, "expected", expected, "found", found));
	free(found);
}

/* The programs' own search, over the mapped chunks. */
static uint32_t search(struct verify *verify, uint32_t first, uint32_t count, uint32_t key)
{
	const struct run_entry *entries = arena_entries(&verify->datapath.runs, first);
	uint32_t low = 0;

	if (!entries)
		return IDENTITY_NONE;
	while (count > 1) {
		uint32_t half = count / 2;

		if (entries[low + half].start <= key)
			low += half;
		count -= half;
	}
	return entries[low].answer;
}

static struct span search6(struct verify *verify, struct span span, uint64_t high, uint64_t low)
{
	const struct run6_entry *entries = arena_entries(&verify->datapath.runs6, span.first);
	uint32_t count = span.count, at = 0;

	if (!entries)
		return (struct span){.first = IDENTITY_NONE};
	while (count > 1) {
		const struct run6_entry *entry = &entries[at + count / 2];

		if (entry->high < high || (entry->high == high && entry->low <= low))
			at += count / 2;
		count -= count / 2;
	}
	return entries[at].span;
}

/* Runs of peers are packed: 16 bits each, first the starts, then the identities. */
static uint32_t identity4(struct verify *verify, uint32_t address)
{
	uint32_t slot = (verify->version & 1) * PEERS4_HALF + (address >> 16), low = 0;
	struct span span = verify->datapath.peers4[slot];
	const struct run_entry *entries;
	const struct run_entry *behind;
	const uint16_t *starts;

	if (!span.count)
		return span.first;
	entries = arena_entries(&verify->datapath.runs, span.first);
	if (!entries)
		return IDENTITY_NONE;
	starts = (const uint16_t *)entries;
	behind = entries + PEER_STARTS(span.count);
	for (uint32_t count = PEER_COUNT(span.count); count > 1; count -= count / 2)
		if (starts[low + count / 2] <= (address & 0xffff))
			low += count / 2;
	return span.count & PEER_WIDE ? ((const uint32_t *)behind)[low]
				      : ((const uint16_t *)behind)[low];
}

static uint32_t identity6(struct verify *verify, uint64_t high, uint64_t low)
{
	struct span span = verify->instance->settings->peers6[verify->version & 1];

	for (int level = 0; level < 2 && span.count; level++)
		span = search6(verify, span, high, low);
	return span.first;
}

static uint32_t identity_of_class(const struct verify *verify, uint32_t index)
{
	const struct plan_class *class = &verify->plan->classes[index];
	const struct numbered *number;

	if (index == 0 || class->reserved)
		return class->reserved;
	number = numbers_find(verify->numbers, NUMBER_CLASS, &class->signature);
	return number ? number->number : IDENTITY_NONE;
}

static void check_identity(struct verify *verify, const struct address *address, uint32_t class,
			   uint32_t found)
{
	uint32_t expected = identity_of_class(verify, class);
	char number[16], text[ADDRESS_TEXT];

	if (expected == found)
		return;
	snprintf(number, sizeof(number), "%u", expected);
	differs(verify, "identity", address_text(address, text), number, "%u", found);
}

static struct address address4(uint32_t number)
{
	struct address address = {.family = 4};

	for (int i = 3; i >= 0; i--, number >>= 8)
		address.bytes[i] = (uint8_t)number;
	return address;
}

static struct address address6(uint64_t high, uint64_t low)
{
	struct address address = {.family = 6};

	for (int i = 7; i >= 0; i--, high >>= 8, low >>= 8) {
		address.bytes[i] = (uint8_t)high;
		address.bytes[i + 8] = (uint8_t)low;
	}
	return address;
}

/* Both ends of every stretch of addresses. */
static void check_peers(struct verify *verify)
{
	const struct plan *plan = verify->plan;

	for (size_t i = 0; i < plan->bound4_count; i++) {
		uint32_t ends[2] = {plan->bounds4[i].start, i + 1 < plan->bound4_count
								? plan->bounds4[i + 1].start - 1
								: UINT32_MAX};

		for (int end = 0; end < 2 - (ends[0] == ends[1]); end++) {
			struct address address = address4(ends[end]);

			check_identity(verify, &address, plan->bounds4[i].class,
				       identity4(verify, ends[end]));
		}
	}
	for (size_t i = 0; i < plan->bound6_count; i++) {
		const struct plan_bound6 *bound = &plan->bounds6[i];
		struct address address = address6(bound->high, bound->low);

		check_identity(verify, &address, bound->class,
			       identity6(verify, bound->high, bound->low));
	}
}

static void check_rules(struct verify *verify)
{
	for (size_t i = 0; i < verify->plan->rule_count; i++) {
		const struct plan_rule *rule = &verify->plan->rules[i];
		const struct numbered *number =
		    numbers_find(verify->numbers, NUMBER_RULE, &rule->signature);
		struct rule_info info = {0};

		if (!number) {
			differs(verify, "rule", rule->name, "a number", "none");
			continue;
		}
		bpf_map_lookup_elem(verify->datapath.maps.rules, &number->number, &info);
		if (strncmp(info.name, rule->name, sizeof(info.name) - 1) != 0 ||
		    info.allow != rule->allow || info.tier != rule->tier ||
		    info.direction != rule->direction)
			differs(verify, "rule", rule->name, rule->name, "%.*s (%s)",
				(int)sizeof(info.name), info.name, info.allow ? "allow" : "deny");
	}
}

static uint32_t answer_of_rule(const struct verify *verify, uint32_t index)
{
	const struct plan_rule *rule = &verify->plan->rules[index];
	const struct numbered *number =
	    numbers_find(verify->numbers, NUMBER_RULE, &rule->signature);

	return (rule->allow ? ANSWER_ALLOW : 0) | (number ? number->number : 0);
}

static uint32_t table_found(struct verify *verify, uint32_t answer, uint32_t key)
{
	uint32_t first = answer & ANSWER_INDEX;
	const struct run_entry *head = arena_entries(&verify->datapath.runs, first);

	return head ? search(verify, first + 1, head->start, key) : IDENTITY_NONE;
}

/* What the maps answer for one key of a set and an identity, at a minute of the day. */
static uint32_t answer_found(struct verify *verify, struct span set, uint32_t identity,
			     uint32_t key, uint32_t minute)
{
	uint32_t answer = set_answer(&verify->datapath, set, identity);

	if (answer & ANSWER_TABLE && !(answer & ANSWER_TIMED))
		answer = table_found(verify, answer, key);
	return answer & ANSWER_TABLE ? table_found(verify, answer, minute) : answer;
}

/* One range of a table: what it says of a class. */
static bool check_range(struct verify *verify, const char *what, struct span set, uint32_t class,
			const struct plan_range *range, uint32_t minute, uint32_t rule)
{
	uint32_t expected = answer_of_rule(verify, rule);
	uint32_t found =
	    answer_found(verify, set, identity_of_class(verify, class), range->start, minute);

	if ((found & (ANSWER_ALLOW | ANSWER_RULE)) == expected)
		return true;
	differs(verify, "verdict", what, verify->plan->rules[rule].name,
		"%s by rule number %u, for %s from key %#x on",
		found & ANSWER_ALLOW ? "allow" : "deny", found & ANSWER_RULE,
		verify->plan->classes[class].name, range->start);
	return false;
}

static void check_class(struct verify *verify, const char *what, struct span set, uint32_t class,
			uint32_t table_index)
{
	const struct plan_table *table = &verify->plan->tables[table_index], *timed;
	bool right = true;

	for (uint32_t i = 0; i < table->count && right; i++) {
		const struct plan_range *range = &table->ranges[i];

		timed = plan_table_timed(verify->plan, table, range->start);
		if (!timed)
			right = check_range(verify, what, set, class, range, 0, range->rule);
		for (uint32_t j = 0; timed && j < timed->count && right; j++)
			right = check_range(verify, what, set, class, range, timed->ranges[j].start,
					    timed->ranges[j].rule);
	}
}

/* Every class of addresses against the set in the maps. */
static void check_set(struct verify *verify, const char *what, struct span set,
		      const struct plan_set *planned)
{
	uint32_t grant = 0;

	for (uint32_t class = 0; class < verify->plan->class_count; class ++) {
		uint32_t table = planned->fallback;

		if (grant < planned->count && planned->grants[grant].class == class)
			table = planned->grants[grant++].table;
		check_class(verify, what, set, class, table);
	}
}

static bool subject_half(struct verify *verify, uint32_t ifindex, struct subject_half *half)
{
	struct subject more;

	*half = verify->datapath.subjects[ifindex % SUBJECT_SLOTS].half[verify->version & 1];
	if (half->ifindex == ifindex)
		return true;
	if (bpf_map_lookup_elem(verify->datapath.maps.subjects_more, &ifindex, &more))
		return false;
	*half = more.half[verify->version & 1];
	return half->ifindex == ifindex;
}

static void check_subject(struct verify *verify, const char *name, uint32_t ifindex)
{
	static const char *const words[] = {[INGRESS] = "ingress", [EGRESS] = "egress"};
	int index = plan_subject_find(verify->plan, name);
	const struct plan_subject *subject;
	struct subject_half half;

	if (index < 0) {
		differs(verify, "subject", name, "a pod", "none of that name: all is dropped");
		return;
	}
	if (!subject_half(verify, ifindex, &half)) {
		differs(verify, "subject", name, "an entry for its interface", "none");
		return;
	}
	subject = &verify->plan->subjects[index];
	for (int direction = 0; direction < DIRECTIONS; direction++) {
		bool enforced = half.flags & SUBJECT_ENFORCED(direction);
		char *what = xprintf("%s %s", name, words[direction]);

		if (enforced != subject->enforced[direction])
			differs(verify, "subject", what,
				subject->enforced[direction] ? "enforced" : "not enforced", "%s",
				enforced ? "enforced" : "not enforced");
		check_set(verify, what, half.set[direction],
			  &verify->plan->sets[subject->set[direction]]);
		free(what);
	}
}

static void check_shadow(struct verify *verify, const struct binding *binding)
{
	const struct plan_subject *subject = &verify->plan->subjects[binding->subject];
	int direction = binding->kind == BINDING_INTERFACE ? INGRESS : EGRESS;
	char *what = xprintf("%s by the candidate", subject->name);
	struct span set;

	for (; verify->plan->shadowed && direction < DIRECTIONS; direction++)
		if (shadow_set(&verify->datapath, binding, (enum direction)direction, &set))
			check_set(verify, what, set,
				  &verify->plan->sets[subject->shadow[direction]]);
		else
			differs(verify, "subject", what, "an entry", "none");
	free(what);
}

/* Users and containers; and what the candidate says of all. */
static void check_bindings(struct verify *verify)
{
	struct bindings bindings = {0};

	bindings_make(verify->instance, verify->plan, &bindings);
	for (size_t i = 0; i < bindings.count; i++) {
		const struct binding *binding = &bindings.binding[i];
		const struct plan_subject *subject = &verify->plan->subjects[binding->subject];
		struct span set;

		check_shadow(verify, binding);
		if (binding->kind == BINDING_INTERFACE)
			continue;
		if (holder_set(&verify->datapath, binding, &set))
			check_set(verify, subject->name, set,
				  &verify->plan->sets[subject->set[EGRESS]]);
		else
			differs(verify, "subject", subject->name, "an entry", "none");
	}
	free(bindings.binding);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static bool has_program(const json_t *rows, const char *interface, const char *program)
{
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row) {
		if (json_is_true(json_object_get(row, "npctl")) &&
		    strcmp(text_of(row, "interface"), interface) == 0 &&
		    strcmp(text_of(row, "program"), program) == 0)
			return true;
	}
	return false;
}

/* A pod or a device; users and cgroups have entries of another kind. */
static bool is_interface(const json_t *attachment)
{
	const char *subject = text_of(attachment, "subject");

	return strncmp(subject, "user:", 5) != 0 && strncmp(subject, "cgroup:", 7) != 0;
}

static int check_programs(struct verify *verify, const json_t *attachments)
{
	static const char *const programs[] = {"pod_ingress", "pod_egress"};
	json_t *rows, *attachment;
	size_t i;

	if (attach_list(verify->instance, &rows))
		return FAILED;
	json_array_foreach (attachments, i, attachment) {
		const char *interface = text_of(attachment, "interface");

		if (json_object_get(attachment, "program") || !is_interface(attachment))
			continue; /* the user's own, or judged elsewhere */
		for (size_t j = 0; j < ARRAY_SIZE(programs); j++)
			if (!has_program(rows, interface, programs[j]))
				differs(verify, "program", interface, programs[j], "not attached");
	}
	json_decref(rows);
	return 0;
}

static int check_all(struct verify *verify)
{
	json_t *attachments = document_get(verify->instance, "attachments"), *attachment;
	size_t i;
	int error;

	verify->version = verify->instance->settings->version;
	check_rules(verify);
	check_peers(verify);
	json_array_foreach (attachments, i, attachment)
		if (is_interface(attachment))
			check_subject(
			    verify, text_of(attachment, "subject"),
			    (uint32_t)json_integer_value(json_object_get(attachment, "ifindex")));
	check_bindings(verify);
	error = check_programs(verify, attachments);
	json_decref(attachments);
	return error;
}

int verify_datapath(struct instance *instance, const struct plan *plan, json_t *rows)
{
	struct verify verify = {.instance = instance, .plan = plan, .rows = rows};
	int error = enforce_numbers(instance, &verify.numbers);

	if (error)
		return error;
	error = datapath_open(&verify.datapath, instance);
	if (!error)
		error = check_all(&verify);
	datapath_close(&verify.datapath);
	numbers_free(verify.numbers);
	return error;
}
