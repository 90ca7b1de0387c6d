// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/apply.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/apply_holders.h"
#include "datapath/apply_shadows.h"
#include "datapath/peers.h"
#include "datapath/sets.h"
#include "store/documents.h"

/* One application: the plan's indexes on the left, the kernel's words on the right. */
struct apply {
	struct datapath *datapath;
	const struct plan *plan;
	struct numbers *numbers;
	const struct numbers *old; /* NULL: everything is written anew */
	uint32_t idle;		   /* the half to write */
	uint32_t *rule;		   /* answer of each rule */
	uint32_t *identity;	   /* of each class */
	uint32_t *table;	   /* answer of each table */
	struct span *set;	   /* of each set */
};

static struct numbered *number_of(struct apply *apply, enum number_kind kind,
				  const struct signature *signature)
{
	/* the caller made them, so they may be written */
	return (struct numbered *)numbers_find(apply->numbers, kind, signature);
}

/* The span under which the version in force already has the same content. */
static bool span_kept(const struct apply *apply, enum number_kind kind,
		      const struct signature *signature, struct span *span)
{
	const struct numbered *old = apply->old ? numbers_find(apply->old, kind, signature) : NULL;

	if (old)
		*span = old->span;
	return old;
}

static void numbers_mark(struct datapath *datapath, const struct numbers *numbers)
{
	const struct number_space *sets = numbers ? &numbers->space[NUMBER_SET] : NULL;
	const struct number_space *tables = numbers ? &numbers->space[NUMBER_TABLE] : NULL;
	size_t i;

	for (i = 0; sets && i < sets->count; i++)
		set_mark(datapath, sets->entries[i].span);
	for (i = 0; tables && i < tables->count; i++)
		arena_mark(&datapath->runs, tables->entries[i].span);
}

static struct rule_info info_of(const struct plan_rule *rule)
{
	struct rule_info info = {
	    .tier = rule->tier,
	    .direction = rule->direction,
	    .allow = rule->allow,
	};

	snprintf(info.name, sizeof(info.name), "%s", rule->name);
	return info;
}

/* Rules that get their numbers, for the maps that know them by these. */
struct fresh_rules {
	uint32_t *number;
	struct rule_info *info;
	struct rate *rate;
	size_t count;
};

static int write_many(int map, const char *name, const struct fresh_rules *rules,
		      const void *values)
{
	LIBBPF_OPTS(bpf_map_batch_opts, options);
	uint32_t count = rules->count;
	int error = count ? bpf_map_update_batch(map, rules->number, values, &count, &options) : 0;

	return error ? fail("cannot write to the map %s: %s", name, strerror(-error)) : 0;
}

static int counters_reset(const struct datapath *datapath, const struct fresh_rules *rules)
{
	size_t size = libbpf_num_possible_cpus() * sizeof(struct counter);
	void *zeros = xalloc((rules->count + 1) * size);
	int error = write_many(datapath->maps.counters, "counters", rules, zeros);

	free(zeros);
	return error;
}

static int rates_write(const struct datapath *datapath, const struct fresh_rules *rules)
{
	size_t i;

	if (datapath->maps.rates >= 0)
		return write_many(datapath->maps.rates, "rates", rules, rules->rate);
	for (i = 0; i < rules->count; i++)
		if (rules->rate[i].per_second)
			return fail("%s: what is loaded knows no rates; load again",
				    rules->info[i].name);
	return 0;
}

static int fresh_write(const struct datapath *datapath, const struct fresh_rules *rules)
{
	if (write_many(datapath->maps.rules, "rules", rules, rules->info) ||
	    rates_write(datapath, rules))
		return FAILED;
	return counters_reset(datapath, rules);
}

int apply_rule(struct datapath *datapath, uint32_t number, const struct plan_rule *rule)
{
	struct rule_info info = info_of(rule);
	struct rate rate = {rule->rate_per_second, rule->rate_burst};
	struct fresh_rules rules = {&number, &info, &rate, 1};

	return fresh_write(datapath, &rules);
}

uint32_t apply_answer(uint32_t number, const struct plan_rule *rule)
{
	uint32_t answer = (rule->allow ? ANSWER_ALLOW : 0) | number;

	return rule->allow && rule->rate_per_second ? answer | ANSWER_LIMITED : answer;
}

static int rules_write(struct apply *apply)
{
	size_t most = apply->plan->rule_count + 1, i;
	struct fresh_rules fresh = {
	    .number = xalloc(most * sizeof(*fresh.number)),
	    .info = xalloc(most * sizeof(*fresh.info)),
	    .rate = xalloc(most * sizeof(*fresh.rate)),
	};
	int error;

	for (i = 0; i < apply->plan->rule_count; i++) {
		const struct plan_rule *rule = &apply->plan->rules[i];
		uint32_t number = number_of(apply, NUMBER_RULE, &rule->signature)->number;

		apply->rule[i] = apply_answer(number, rule);
		if (apply->old && numbers_find(apply->old, NUMBER_RULE, &rule->signature))
			continue;
		fresh.number[fresh.count] = number;
		fresh.info[fresh.count] = info_of(rule);
		fresh.rate[fresh.count++] = (struct rate){rule->rate_per_second, rule->rate_burst};
	}
	error = fresh_write(apply->datapath, &fresh);
	free(fresh.number);
	free(fresh.info);
	free(fresh.rate);
	return error;
}

static void identities_find(struct apply *apply)
{
	size_t i;

	for (i = 0; i < apply->plan->class_count; i++) {
		const struct plan_class *class = &apply->plan->classes[i];

		apply->identity[i] =
		    class->reserved || !i
			? class->reserved
			: number_of(apply, NUMBER_CLASS, &class->signature)->number;
	}
}

/* Timed tables stand before those that lead to them. */
static uint32_t answer_of(const struct apply *apply, const struct plan_table *table, uint32_t range)
{
	uint32_t rule = table->ranges[range].rule;

	if (rule & PLAN_TIMED)
		return apply->table[rule & ~PLAN_TIMED];
	return apply->rule[rule] | (table->timed ? ANSWER_TIMED : 0);
}

/* A head with the number of ranges, then the ranges. */
static int table_write(struct apply *apply, const struct plan_table *table, struct span *span)
{
	struct arena *runs = &apply->datapath->runs;
	struct run_entry *entry;
	uint32_t i;

	span->count = table->count + 1;
	if (arena_alloc(runs, span->count, 1, &span->first))
		return FAILED;
	entry = arena_entries(runs, span->first);
	*entry++ = (struct run_entry){.start = table->count};
	for (i = 0; i < table->count; i++)
		*entry++ = (struct run_entry){.start = table->ranges[i].start,
					      .answer = answer_of(apply, table, i)};
	return 0;
}

static int tables_write(struct apply *apply)
{
	size_t i;

	for (i = 0; i < apply->plan->table_count; i++) {
		const struct plan_table *table = &apply->plan->tables[i];
		struct span *span;

		if (table->count == 1) {
			apply->table[i] = answer_of(apply, table, 0);
			continue;
		}
		span = &number_of(apply, NUMBER_TABLE, &table->signature)->span;
		if (!span_kept(apply, NUMBER_TABLE, &table->signature, span) &&
		    table_write(apply, table, span))
			return FAILED;
		apply->table[i] = ANSWER_TABLE | (table->timed ? ANSWER_TIMED : 0) | span->first;
	}
	return 0;
}

/* Between the identities that have a grant, the fallback answers. */
static size_t set_entries(const struct apply *apply, const struct plan_set *set,
			  struct run_entry **entries)
{
	struct run_entry *grant = xalloc((set->count + 1) * sizeof(*grant));
	struct run_entry *out = xalloc((2 * (size_t)set->count + 1) * sizeof(*out));
	uint32_t fallback = apply->table[set->fallback], i;
	uint64_t next = 0; /* the first identity not spoken of yet */
	size_t count = 0;

	for (i = 0; i < set->count; i++)
		grant[i] = (struct run_entry){.start = apply->identity[set->grants[i].class],
					      .answer = apply->table[set->grants[i].table]};
	entries_sort(grant, set->count);
	for (i = 0; i < set->count; i++) {
		if (grant[i].start > next && (!count || out[count - 1].answer != fallback))
			out[count++] = (struct run_entry){next, fallback};
		if (!count || out[count - 1].answer != grant[i].answer)
			out[count++] = grant[i];
		next = (uint64_t)grant[i].start + 1;
	}
	if (!count || out[count - 1].answer != fallback)
		out[count++] = (struct run_entry){next, fallback};
	free(grant);
	*entries = out;
	return count;
}

static int plan_set_write(struct apply *apply, const struct plan_set *set, struct span *span)
{
	struct run_entry *entries;
	size_t count = set_entries(apply, set, &entries);
	int result = set_write(apply->datapath, entries, count, span);

	free(entries);
	return result;
}

static int sets_write(struct apply *apply)
{
	size_t i;

	for (i = 0; i < apply->plan->set_count; i++) {
		const struct plan_set *set = &apply->plan->sets[i];
		struct span *span = &number_of(apply, NUMBER_SET, &set->signature)->span;

		if (!span_kept(apply, NUMBER_SET, &set->signature, span) &&
		    plan_set_write(apply, set, span))
			return FAILED;
		apply->set[i] = *span;
	}
	return 0;
}

/* Subjects that are interfaces, to the half to be written. */
struct writing {
	struct datapath *datapath;
	const struct plan *plan;
	const struct span *sets;
	uint32_t idle;
};

static void half_fill(const struct writing *writing, const struct binding *binding,
		      struct subject_half *half)
{
	const struct plan_subject *subject = &writing->plan->subjects[binding->subject];
	int direction, family;

	*half = (struct subject_half){.ifindex = binding->ifindex};
	for (direction = 0; direction < DIRECTIONS; direction++) {
		half->set[direction] = writing->sets[subject->set[direction]];
		if (subject->enforced[direction])
			half->flags |= SUBJECT_ENFORCED(direction);
	}
	if (writing->plan->shadowed)
		half->flags |= SUBJECT_SHADOW;
	for (family = 0; family < 2; family++) {
		const struct address *address = &binding->address[family];

		if (!address->family)
			continue;
		half->flags |= SUBJECT_CHECK_SOURCE;
		if (address->family == 4)
			memcpy(&half->address4, address->bytes, 4);
		else
			memcpy(half->address6, address->bytes, 16);
	}
	memcpy(half->link_local6, binding->link_local6, 16);
}

static int subject_write(const struct writing *writing, const struct binding *binding)
{
	struct datapath *datapath = writing->datapath;
	struct subject *slot = &datapath->subjects[binding->ifindex % SUBJECT_SLOTS];
	struct subject more = {};
	int error;

	if (!slot->half[writing->idle].ifindex) {
		half_fill(writing, binding, &slot->half[writing->idle]);
		return 0;
	}
	/* the half in force may be there already: it stays */
	bpf_map_lookup_elem(datapath->maps.subjects_more, &binding->ifindex, &more);
	half_fill(writing, binding, &more.half[writing->idle]);
	error =
	    bpf_map_update_elem(datapath->maps.subjects_more, &binding->ifindex, &more, BPF_ANY);
	return error ? fail("subjects_more is full: %s", strerror(-error)) : 0;
}

int apply_subjects(struct datapath *datapath, const struct plan *plan, const struct span *sets,
		   const struct binding *bindings, size_t count)
{
	struct writing writing = {datapath, plan, sets, !(datapath->settings->version & 1)};
	size_t i;

	for (i = 0; i < SUBJECT_SLOTS; i++)
		if (datapath->subjects[i].half[writing.idle].ifindex)
			memset(&datapath->subjects[i].half[writing.idle], 0,
			       sizeof(struct subject_half));
	for (i = 0; i < count; i++)
		if (bindings[i].kind == BINDING_INTERFACE && subject_write(&writing, &bindings[i]))
			return FAILED;
	if (shadows_write(datapath, plan, sets, bindings, count))
		return FAILED;
	return holders_write(datapath, plan, sets, bindings, count);
}

static bool interface_set(const struct datapath *datapath, uint32_t ifindex,
			  enum direction direction, struct span *set)
{
	uint32_t half = datapath->settings->version & 1;
	struct subject_half found = datapath->subjects[ifindex % SUBJECT_SLOTS].half[half];
	struct subject more;

	if (found.ifindex != ifindex &&
	    !bpf_map_lookup_elem(datapath->maps.subjects_more, &ifindex, &more))
		found = more.half[half];
	*set = found.set[direction];
	return found.ifindex == ifindex;
}

bool apply_set_in_force(const struct datapath *datapath, const struct binding *binding,
			enum direction direction, struct span *set)
{
	if (binding->kind == BINDING_INTERFACE)
		return interface_set(datapath, binding->ifindex, direction, set);
	return holder_set(datapath, binding, set);
}

/* All sets that one half of the subjects leads to. */
static void sets_mark(struct datapath *datapath, uint32_t half)
{
	uint32_t key, *previous = NULL;
	struct subject more;
	size_t i;

	for (i = 0; i < SUBJECT_SLOTS; i++) {
		const struct subject_half *subject = &datapath->subjects[i].half[half];

		if (subject->ifindex) {
			set_mark(datapath, subject->set[INGRESS]);
			set_mark(datapath, subject->set[EGRESS]);
		}
	}
	while (!bpf_map_get_next_key(datapath->maps.subjects_more, previous, &key)) {
		if (!bpf_map_lookup_elem(datapath->maps.subjects_more, &key, &more) &&
		    more.half[half].ifindex == key) {
			set_mark(datapath, more.half[half].set[INGRESS]);
			set_mark(datapath, more.half[half].set[EGRESS]);
		}
		previous = &key;
	}
	holders_mark(datapath, half);
	shadows_mark(datapath, half);
}

static void mark_all(struct datapath *datapath, const struct numbers *numbers, uint32_t half)
{
	arena_unmark(&datapath->runs);
	arena_unmark(&datapath->runs6);
	numbers_mark(datapath, numbers);
	sets_mark(datapath, half);
	peers_mark(datapath, half);
	arena_seal(&datapath->runs);
	arena_seal(&datapath->runs6);
}

/* Numbers of 16 bits are quicker to find, so there are more only where they are needed. */
static uint32_t identity_limit(const struct datapath *datapath, const struct plan *plan)
{
	uint64_t limit = IDENTITY_LIMIT;

	while (datapath->settings->formats & FORMAT_WIDE_PEERS && limit < IDENTITY_LIMIT_MOST &&
	       plan->class_count + plan->class_count / 16 > limit)
		limit *= 2;
	return limit;
}

void apply_limits(const struct datapath *datapath, const struct plan *plan,
		  uint32_t limits[NUMBER_KINDS])
{
	limits[NUMBER_RULE] = datapath->rule_limit;
	limits[NUMBER_CLASS] = identity_limit(datapath, plan);
	limits[NUMBER_SET] = limits[NUMBER_TABLE] = 1u << 24;
}

int apply_stage(struct datapath *datapath, const struct plan *plan, struct numbers *numbers,
		const struct numbers *old, const struct binding *bindings, size_t binding_count)
{
	struct apply apply = {
	    .datapath = datapath,
	    .plan = plan,
	    .numbers = numbers,
	    .old = old,
	    .idle = !(datapath->settings->version & 1),
	    .rule = xalloc((plan->rule_count + 1) * sizeof(uint32_t)),
	    .identity = xalloc((plan->class_count + 1) * sizeof(uint32_t)),
	    .table = xalloc((plan->table_count + 1) * sizeof(uint32_t)),
	    .set = xalloc((plan->set_count + 1) * sizeof(struct span)),
	};
	bool compact;
	int result = FAILED;

	mark_all(datapath, old, !apply.idle);
	compact = arena_is_sparse(&datapath->runs);
	identities_find(&apply);
	if (rules_write(&apply))
		goto out;
	if (compact)
		apply.old = NULL;
	if (tables_write(&apply) || sets_write(&apply) ||
	    peers_write(datapath, plan, apply.identity, apply.idle, compact) ||
	    apply_subjects(datapath, plan, apply.set, bindings, binding_count))
		goto out;
	/* what the version to come does not use is free from then on */
	mark_all(datapath, numbers, apply.idle);
	result = 0;
out:
	free(apply.rule);
	free(apply.identity);
	free(apply.table);
	free(apply.set);
	return result;
}

void apply_flip(struct settings *settings)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&settings->version, version_after(settings->version), __ATOMIC_SEQ_CST);
}

void apply_forget_subjects(struct datapath *datapath)
{
	uint32_t half = datapath->settings->version & 1, key, *previous = NULL, gone;
	struct subject more;
	bool drop = false;

	while (!bpf_map_get_next_key(datapath->maps.subjects_more, previous, &key)) {
		if (drop)
			bpf_map_delete_elem(datapath->maps.subjects_more, &gone);
		drop = !bpf_map_lookup_elem(datapath->maps.subjects_more, &key, &more) &&
		       more.half[half].ifindex != key;
		gone = key;
		previous = &key;
	}
	if (drop)
		bpf_map_delete_elem(datapath->maps.subjects_more, &gone);
	holders_clean(datapath);
}

void apply_clean(struct datapath *datapath)
{
	apply_forget_subjects(datapath);
	arena_shrink(&datapath->runs);
	arena_shrink(&datapath->runs6);
}

int apply_counter(int counters, uint32_t rule, struct counter *sum)
{
	int i, processors = libbpf_num_possible_cpus();
	struct counter *each = xalloc(processors * sizeof(*each));
	int error = bpf_map_lookup_elem(counters, &rule, each);

	*sum = (struct counter){};
	for (i = 0; !error && i < processors; i++) {
		sum->packets += each[i].packets;
		sum->bytes += each[i].bytes;
	}
	free(each);
	return error ? fail("cannot read the counter of rule %u: %s", rule, strerror(-error)) : 0;
}
