// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A few one-line rules over prefixes came, changed or went. How an address is
 * judged depends on the rules that have it in their peer, so what these rules
 * change lies within their prefixes, the windows: the rules that have addresses
 * in common with a window are compiled, and within it their bounds, and of each
 * set the answers for the classes there, take the place of what there was.
 *
 * What has no place in that picture is left to the full way: then this returns
 * GIVE_UP, and nothing has happened that anybody sees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "commit/commit.h"
#include "commit/guards.h"
#include "commit/shadow.h"
#include "datapath/peers.h"
#include "datapath/sets.h"
#include "store/number_store.h"
#include "store/documents.h"

#define TOUCHED_MOST 256
#define RULES_MOST 4096
#define UNKNOWN UINT32_MAX

/* One set in force, and what it becomes for those who are judged by `set` of the plan. */
struct group {
	struct span old, new;
	uint32_t set;
};

struct change {
	struct instance *instance;
	struct datapath *datapath;
	struct tree *records;
	struct plan *plan;
	const struct prefix *windows;
	size_t window_count;
	struct bindings bindings;
	struct group *groups;
	size_t group_count, group_capacity;
	uint32_t *identity, *rule, *table; /* of the plan's, where they are known */
	uint32_t *classes;		   /* that have addresses in a window */
	size_t class_count;
	struct spans freed, freed6;
};

static int windows_find(struct change *change)
{
	const struct rule_store *rules = &change->instance->rules;

	if (rules->reshaped || rules->touched_count > TOUCHED_MOST)
		return GIVE_UP;
	change->windows = rules->touched;
	change->window_count = rules->touched_count;
	return change->window_count ? 0 : GIVE_UP;
}

static void length_take(uint8_t family, uint8_t length, void *model)
{
	model_length_add(model, family, length);
}

/* Windows and the rules around them are all that counts. */
static bool is_local(const struct change *change, const struct model *model)
{
	struct signature before, now = model_surroundings(model);
	const struct rule_store *rules = &change->instance->rules;

	/* where lists are, it counts which lengths of prefixes other rules have */
	return !model_has_services(model) && !(model_has_lists(model) && rules->lengths_changed) &&
	       surroundings_load(change->records, &before) && before.high == now.high &&
	       before.low == now.low;
}

static int compile(struct change *change)
{
	const struct rule_store *store = &change->instance->rules;
	size_t most = rule_store_count(store) / 4 + 64;
	struct model *model = NULL;
	json_t *rules, *scopes;
	int result;

	if (!rule_store_around(store, change->windows, change->window_count,
			       most < RULES_MOST ? most : RULES_MOST, &rules))
		return GIVE_UP;
	scopes = rule_store_scopes(store);
	result = commit_model(change->instance, rules, scopes, &model);
	json_decref(rules);
	json_decref(scopes);
	if (!result && !is_local(change, model))
		result = GIVE_UP;
	if (!result)
		rule_store_lengths(store, length_take, model);
	if (!result)
		result = plan_compile(model, &change->plan);
	model_free(model);
	if (result < 0)
		failure_clear(); /* the full way says it, too */
	return result ? GIVE_UP : 0;
}

/* The classes of the windows */

static struct range4 range4_of(const struct prefix *prefix)
{
	const struct address end = prefix_last(prefix);
	uint64_t first, last, none;

	address_halves(&prefix->address, &first, &none);
	address_halves(&end, &last, &none);
	return (struct range4){first >> 32, last >> 32};
}

static struct range6 range6_of(const struct prefix *prefix)
{
	const struct address last = prefix_last(prefix);
	struct range6 range;

	address_halves(&prefix->address, &range.high, &range.low);
	address_halves(&last, &range.last_high, &range.last_low);
	return range;
}

static void class_note(struct change *change, bool *noted, uint32_t class)
{
	if (noted[class])
		return;
	noted[class] = true;
	change->classes[change->class_count++] = class;
}

static void classes_of_window(struct change *change, bool *noted, const struct prefix *window)
{
	const struct plan *plan = change->plan;
	size_t at;

	if (window->address.family == 4) {
		struct range4 range = range4_of(window);

		for (at = plan_bound4_of(plan, range.first);
		     at < plan->bound4_count && plan->bounds4[at].start <= range.last; at++)
			class_note(change, noted, plan->bounds4[at].class);
	} else {
		struct range6 range = range6_of(window);

		for (at = plan_bound6_of(plan, range.high, range.low);
		     at < plan->bound6_count && (plan->bounds6[at].high < range.last_high ||
						 (plan->bounds6[at].high == range.last_high &&
						  plan->bounds6[at].low <= range.last_low));
		     at++)
			class_note(change, noted, plan->bounds6[at].class);
	}
}

/* Which class is this node's own cannot be told from a window alone. */
static int classes_find(struct change *change)
{
	bool *noted = xalloc(change->plan->class_count);
	size_t i;

	for (i = 0; i < change->window_count; i++)
		classes_of_window(change, noted, &change->windows[i]);
	free(noted);
	for (i = 0; i < change->class_count; i++)
		if (change->plan->classes[change->classes[i]].reserved)
			return GIVE_UP;
	return 0;
}

/* Numbers and answers */

/* The number under which it is known, or a fresh one. */
static int number_of(struct change *change, enum number_kind kind,
		     const struct signature *signature, struct numbered *number, bool *fresh)
{
	*fresh = !number_store_get(change->records, kind, signature, number);
	if (*fresh && number_store_give(change->records, kind, signature, number))
		return GIVE_UP;
	return 0;
}

static int identities_find(struct change *change)
{
	size_t i;

	for (i = 0; i < change->class_count; i++) {
		uint32_t class = change->classes[i];
		struct numbered number = {.number = IDENTITY_WORLD};
		bool fresh;

		if (class && number_of(change, NUMBER_CLASS,
				       &change->plan->classes[class].signature, &number, &fresh))
			return GIVE_UP;
		change->identity[class] = number.number;
	}
	return 0;
}

static int rule_answer(struct change *change, uint32_t index, uint32_t *answer)
{
	const struct plan_rule *rule = &change->plan->rules[index];
	struct numbered number;
	bool fresh;

	if (change->rule[index] == UNKNOWN) {
		if (number_of(change, NUMBER_RULE, &rule->signature, &number, &fresh))
			return GIVE_UP;
		if (fresh && apply_rule(change->datapath, number.number, rule))
			return FAILED;
		change->rule[index] = apply_answer(number.number, rule);
	}
	*answer = change->rule[index];
	return 0;
}

static int table_answer(struct change *change, uint32_t index, uint32_t *answer);

static int range_answer(struct change *change, const struct plan_table *table, uint32_t range,
			uint32_t *answer)
{
	uint32_t rule = table->ranges[range].rule;
	int error;

	if (rule & PLAN_TIMED)
		return table_answer(change, rule & ~PLAN_TIMED, answer);
	error = rule_answer(change, rule, answer);
	if (table->timed)
		*answer |= ANSWER_TIMED;
	return error;
}

static int table_write(struct change *change, const struct plan_table *table, struct span *span)
{
	struct run_entry *entries = xalloc((table->count + 1) * sizeof(*entries));
	uint32_t i;
	int error = 0;

	entries[0] = (struct run_entry){.start = table->count};
	for (i = 0; i < table->count && !error; i++) {
		entries[i + 1].start = table->ranges[i].start;
		error = range_answer(change, table, i, &entries[i + 1].answer);
	}
	span->count = table->count + 1;
	if (!error)
		error = arena_alloc(&change->datapath->runs, span->count, 1, &span->first);
	if (!error)
		memcpy(arena_entries(&change->datapath->runs, span->first), entries,
		       span->count * sizeof(*entries));
	free(entries);
	return error;
}

static int table_answer(struct change *change, uint32_t index, uint32_t *answer)
{
	const struct plan_table *table = &change->plan->tables[index];
	struct numbered number;
	bool fresh;
	int error;

	if (table->count == 1)
		return range_answer(change, table, 0, answer);
	if (change->table[index] == UNKNOWN) {
		error = number_of(change, NUMBER_TABLE, &table->signature, &number, &fresh);
		if (!error && fresh)
			error = table_write(change, table, &number.span);
		if (!error && fresh)
			error = number_store_put(change->records, NUMBER_TABLE, &number);
		if (error)
			return error;
		change->table[index] =
		    ANSWER_TABLE | (table->timed ? ANSWER_TIMED : 0) | number.span.first;
	}
	*answer = change->table[index];
	return 0;
}

/* Sets */

static uint32_t group_of(struct change *change, struct span old, uint32_t set)
{
	uint32_t i;

	for (i = 0; i < change->group_count; i++) {
		const struct group *group = &change->groups[i];

		if (group->set == set && group->old.first == old.first &&
		    group->old.count == old.count)
			break;
	}
	if (i == change->group_count) {
		GROW(change->groups, change->group_count, change->group_capacity);
		change->groups[change->group_count++] = (struct group){.old = old, .set = set};
	}
	return i;
}

/* Whoever has the same set in force and the same in the plan will have the same. */
static int groups_make(struct change *change)
{
	struct plan *plan = change->plan;
	uint32_t(*to)[DIRECTIONS] = xalloc((plan->subject_count + 1) * sizeof(*to));
	size_t i;
	int result = 0;

	memset(to, 0xff, plan->subject_count * sizeof(*to));
	for (i = 0; i < change->bindings.count && !result; i++) {
		const struct binding *binding = &change->bindings.binding[i];
		int direction = binding->kind == BINDING_INTERFACE ? INGRESS : EGRESS;

		for (; direction < DIRECTIONS && !result; direction++) {
			uint32_t *known = &to[binding->subject][direction], index;
			struct span old;

			if (!apply_set_in_force(change->datapath, binding, direction, &old)) {
				result = GIVE_UP;
				break;
			}
			index =
			    group_of(change, old, plan->subjects[binding->subject].set[direction]);
			if (*known != UNKNOWN && *known != index)
				result = GIVE_UP;
			*known = index;
		}
	}
	for (i = 0; i < plan->subject_count && !result; i++)
		memcpy(plan->subjects[i].set, to[i], sizeof(to[i]));
	free(to);
	return result;
}

/* What the set is to answer for the identities of the windows, sorted. */
static int answers_find(struct change *change, const struct plan_set *set,
			struct run_entry *answers)
{
	size_t i;
	int error = 0;

	for (i = 0; i < change->class_count && !error; i++) {
		uint32_t class = change->classes[i];

		answers[i].start = change->identity[class];
		error = table_answer(change, plan_set_table(set, class), &answers[i].answer);
	}
	entries_sort(answers, change->class_count);
	return error;
}

/* Others had the same set, but will have another. */
static bool is_shared(const struct change *change, const struct group *group)
{
	size_t i;

	for (i = 0; i < change->group_count; i++)
		if (&change->groups[i] != group && change->groups[i].old.count &&
		    change->groups[i].old.first == group->old.first)
			return true;
	return false;
}

static int group_write(struct change *change, struct group *group, struct run_entry *answers)
{
	const struct plan_set *set = &change->plan->sets[group->set];
	uint32_t fallback;
	int error = answers_find(change, set, answers);

	if (!error)
		error = table_answer(change, set->fallback, &fallback);
	if (error)
		return error;
	/* for the world at large nothing has changed, or this is not the way */
	if (set_answer(change->datapath, group->old, IDENTITY_WORLD) != fallback)
		return GIVE_UP;
	return set_patch(change->datapath, group->old, answers, change->class_count,
			 is_shared(change, group), &group->new, &change->freed);
}

static int groups_write(struct change *change)
{
	struct run_entry *answers = xalloc((change->class_count + 1) * sizeof(*answers));
	size_t i;
	int error = 0;

	for (i = 0; i < change->group_count && !error; i++)
		error = group_write(change, &change->groups[i], answers);
	free(answers);
	return error;
}

static bool set_is_used(const struct change *change, struct span span)
{
	size_t i;

	for (i = 0; i < change->group_count; i++)
		if (change->groups[i].new.count && change->groups[i].new.first == span.first)
			return true;
	return false;
}

/* Sets by which nobody is judged any more. */
static void sets_forget(struct change *change)
{
	size_t i, j;

	for (i = 0; i < change->group_count; i++) {
		const struct group *group = &change->groups[i];

		for (j = 0; j < i; j++)
			if (change->groups[j].old.first == group->old.first)
				break;
		if (!group->old.count || j < i || set_is_used(change, group->old))
			continue;
		number_store_forget_set(change->records, group->old.first);
		if (is_shared(change, group))
			set_free(change->datapath, group->old, &change->freed);
	}
}

static int peers_change(struct change *change)
{
	struct peers_patch patch = {
	    .datapath = change->datapath,
	    .plan = change->plan,
	    .identity = change->identity,
	    .freed = &change->freed,
	    .freed6 = &change->freed6,
	};
	size_t i;
	int error = 0;

	peers_copy(change->datapath);
	for (i = 0; i < change->window_count && !error; i++) {
		if (change->windows[i].address.family == 4)
			error = peers_patch4(&patch, range4_of(&change->windows[i]));
		else
			error = peers_patch6(&patch, range6_of(&change->windows[i]));
	}
	return error;
}

static void gaps_take(struct change *change, char letter, struct arena *arena)
{
	size_t count;
	struct span *gaps = gap_store_load(change->records, letter, &count);

	arena_take_gaps(arena, gaps, count);
	free(gaps);
}

/* What is freed may be used by the change after this one. */
static void gaps_free(struct change *change)
{
	size_t i;

	for (i = 0; i < change->freed.count; i++)
		arena_free(&change->datapath->runs, change->freed.span[i]);
	for (i = 0; i < change->freed6.count; i++)
		arena_free(&change->datapath->runs6, change->freed6.span[i]);
}

static int change_write(struct change *change)
{
	struct plan *plan = change->plan;
	struct span *sets;
	size_t i;
	int error = classes_find(change);

	if (!error)
		error = identities_find(change);
	if (!error)
		error = groups_make(change);
	if (!error)
		error = groups_write(change);
	if (!error)
		error = peers_change(change);
	if (error)
		return error;
	sets = xalloc((change->group_count + 1) * sizeof(*sets));
	for (i = 0; i < change->group_count; i++)
		sets[i] = change->groups[i].new;
	error = apply_subjects(change->datapath, plan, sets, change->bindings.binding,
			       change->bindings.count);
	free(sets);
	if (error)
		return error;
	sets_forget(change);
	gaps_free(change);
	return commit_gaps(change->instance, change->datapath, true);
}

static void memory_make(struct change *change)
{
	const struct plan *plan = change->plan;

	change->identity = xalloc((plan->class_count + 1) * sizeof(uint32_t));
	change->classes = xalloc((plan->class_count + 1) * sizeof(uint32_t));
	change->rule = xalloc((plan->rule_count + 1) * sizeof(uint32_t));
	change->table = xalloc((plan->table_count + 1) * sizeof(uint32_t));
	memset(change->rule, 0xff, plan->rule_count * sizeof(uint32_t));
	memset(change->table, 0xff, plan->table_count * sizeof(uint32_t));
}

static void release(struct change *change)
{
	plan_free(change->plan);
	free(change->bindings.binding);
	free(change->groups);
	free(change->identity);
	free(change->classes);
	free(change->rule);
	free(change->table);
	free(change->freed.span);
	free(change->freed6.span);
}

int commit_small(struct instance *instance, struct datapath *datapath)
{
	struct change change = {
	    .instance = instance, .datapath = datapath, .records = instance->rules.records};
	int result = windows_find(&change);

	if (number_store_is_empty(change.records) || documents_proper_changed(instance) ||
	    guards_exist(instance) || shadow_exists(instance))
		result = GIVE_UP;
	if (!result)
		result = compile(&change);
	if (result) {
		release(&change);
		return result;
	}
	memory_make(&change);
	bindings_make(instance, change.plan, &change.bindings);
	gaps_take(&change, '4', &datapath->runs);
	gaps_take(&change, '6', &datapath->runs6);
	instance->settings->dirty = DIRTY_WRITER;
	tree_try(change.records);
	result = change_write(&change);
	tree_decide(change.records, !result);
	if (!result)
		result = commit_documents(instance);
	if (!result && debug)
		fprintf(stderr, "npctl: a small change: %zu of %zu classes of addresses\n",
			change.class_count, change.plan->class_count);
	if (!result && !instance->confirm)
		apply_forget_subjects(datapath);
	release(&change);
	return result;
}
