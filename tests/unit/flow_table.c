// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of flows by itself: what it keeps and what it lets go, and that many
 * who read and write it at once never get an answer that is another's. It is
 * linked with nothing of npctl, so that tests/flow-table.t can build it for
 * ThreadSanitizer.
 */
#include "unit.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include "lib/flow_table.h"

#define NOW 250000u
#define LONG 100000u
#define VERSION 7

struct table {
	char *memory;
	uint32_t buckets;
	size_t slot, words;
	__u64 secret[FLOW_MULTIPLIERS];
};

static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1dull;
}

static struct table table_new(uint32_t slots, int family)
{
	struct table table = {
	    .buckets = slots / FLOW_WAYS,
	    .slot = family == 4 ? sizeof(struct flow4_slot) : sizeof(struct flow6_slot),
	    .words = family == 4 ? FLOW4_WORDS : FLOW6_WORDS,
	};
	uint64_t state = 88172645463325252ull;
	size_t i;

	table.memory = calloc(slots, table.slot);
	assert_non_null(table.memory);
	for (i = 0; i < FLOW_MULTIPLIERS; i++)
		table.secret[i] = next(&state);
	return table;
}

/* Keys that differ as those of one attacker do: in a port, and then in an address. */
struct key {
	flow_word words[FLOW6_WORDS];
};

static struct key key_of(uint32_t ifindex, uint32_t number)
{
	return (struct key){
	    {ifindex, 0x0a00000a, 0x0a000014 + (number >> 16), 0x901f0000 | (number & 0xffff), 6}};
}

struct place {
	void *first, *second;
	uint32_t tag;
};

static struct place place_of(const struct table *table, const struct key *key)
{
	uint64_t hash = flow_hash(table->secret, key->words, table->words);
	size_t bucket = FLOW_WAYS * table->slot;

	return (struct place){
	    table->memory + flow_bucket_first(hash, table->buckets) * bucket,
	    table->memory + flow_bucket_second(hash, table->buckets) * bucket,
	    flow_tag(hash),
	};
}

static struct flow_slot *find(const struct table *table, const struct key *key, __u64 *word)
{
	struct place place = place_of(table, key);
	uint32_t way =
	    flow_look(place.first, table->slot, place.tag, key->words, table->words, word);

	if (way != FLOW_NONE)
		return flow_slot_at(place.first, table->slot, way);
	way = flow_look(place.second, table->slot, place.tag, key->words, table->words, word);
	return way == FLOW_NONE ? NULL : flow_slot_at(place.second, table->slot, way);
}

static bool known(const struct table *table, const struct key *key)
{
	struct flow flow;
	__u64 word;
	struct flow_slot *slot = find(table, key, &word);

	return slot && flow_read(slot, word, &flow);
}

static bool put(const struct table *table, const struct key *key, const struct flow *flow)
{
	struct place place = place_of(table, key);

	return flow_put(place.first, place.second, table->slot, place.tag, key->words, table->words,
			flow, flow->created, 0);
}

static struct flow flow_of(uint8_t lifetime, uint8_t initiator, uint32_t answer, uint32_t now)
{
	return (struct flow){
	    .last = {VERSION, answer},
	    .seen = now,
	    .expires = now + LONG,
	    .created = now,
	    .initiator = initiator,
	    .lifetime = lifetime,
	    .packets = {1, lifetime == LIFE_TCP},
	};
}

static void put_many(const struct table *table, uint32_t ifindex, uint32_t count,
		     const struct flow *flow)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		struct key key = key_of(ifindex, i);

		put(table, &key, flow);
	}
}

static uint32_t count_known(const struct table *table, uint32_t ifindex, uint32_t count)
{
	uint32_t i, found = 0;

	for (i = 0; i < count; i++) {
		struct key key = key_of(ifindex, i);

		found += known(table, &key);
	}
	return found;
}

static void half_full_loses_nothing(void **state)
{
	struct flow live = flow_of(LIFE_TCP, INGRESS, ANSWER_ALLOW, NOW);
	int families[] = {4, 6}, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct table table = table_new(1 << 13, families[i]);

		put_many(&table, 1, 1 << 12, &live);
		assert_int_equal(count_known(&table, 1, 1 << 12), 1 << 12);
		free(table.memory);
	}
}

/* Whatever comes in whatever number, live ones stay while anything else is there. */
static void the_living_stay(void **state)
{
	struct flow live = flow_of(LIFE_TCP, INGRESS, ANSWER_ALLOW, NOW);
	struct flow floods[] = {
	    flow_of(LIFE_TCP_OPENING, INGRESS, ANSWER_ALLOW, NOW + 10),
	    flow_of(LIFE_UDP_OPENING, EGRESS, ANSWER_ALLOW, NOW + 10),
	    flow_of(LIFE_TCP_CLOSING, INGRESS, ANSWER_ALLOW, NOW + 10),
	    flow_of(LIFE_ICMP, INGRESS, ANSWER_ALLOW, NOW + 10),
	    flow_of(LIFE_TCP, INGRESS, 0, NOW + 10),
	};
	struct table table = table_new(2048, 4);
	uint32_t i;

	(void)state;
	put_many(&table, 1, 1024, &live);
	for (i = 0; i < sizeof(floods) / sizeof(floods[0]); i++) {
		put_many(&table, 2 + i, 25000, &floods[i]);
		assert_int_equal(count_known(&table, 1, 1024), 1024);
	}
	/* and so does the last of the flood: what was idle longest went */
	assert_true(count_known(&table, 2 + i - 1, 25000) > 0);
	free(table.memory);
}

/* A flood of one interface and direction takes nothing from those who ask elsewhere. */
static void who_asks_stays(void **state)
{
	struct flow live = flow_of(LIFE_TCP, INGRESS, ANSWER_ALLOW, NOW);
	struct flow question = flow_of(LIFE_UDP_OPENING, EGRESS, ANSWER_ALLOW, NOW + 1);
	struct flow flood = flow_of(LIFE_UDP_OPENING, INGRESS, ANSWER_ALLOW, NOW + 2);
	struct table table = table_new(2048, 4);

	(void)state;
	put_many(&table, 1, 512, &live);
	put_many(&table, 2, 64, &question);
	put_many(&table, 2, 64, &question);
	put_many(&table, 2 + 1, 64, &question);
	put_many(&table, 4, 75000, &flood);
	assert_int_equal(count_known(&table, 2, 64), 64);
	assert_int_equal(count_known(&table, 3, 64), 64);
	assert_int_equal(count_known(&table, 1, 512), 512);
	/* one who asks only now finds room beside the flood */
	put_many(&table, 5, 64, &question);
	assert_true(count_known(&table, 5, 64) >= 62);
	assert_int_equal(count_known(&table, 1, 512), 512);
	free(table.memory);
}

static void the_dead_go_first(void **state)
{
	struct flow live = flow_of(LIFE_TCP, INGRESS, ANSWER_ALLOW, NOW);
	struct flow dead = live, late = flow_of(LIFE_TCP, INGRESS, ANSWER_ALLOW, NOW + 10);
	struct table table = table_new(FLOW_WAYS, 4);
	struct key key;

	(void)state;
	dead.expires = NOW + 5;
	put_many(&table, 1, FLOW_WAYS - 1, &live);
	key = key_of(2, 0);
	put(&table, &key, &dead);
	assert_true(known(&table, &key));
	put_many(&table, 3, 1, &late);
	assert_false(known(&table, &key));
	assert_int_equal(count_known(&table, 1, FLOW_WAYS - 1), FLOW_WAYS - 1);
	/* among the living, who is idlest */
	put_many(&table, 4, 1, &late);
	assert_int_equal(count_known(&table, 1, FLOW_WAYS - 1), FLOW_WAYS - 2);
	assert_int_equal(count_known(&table, 3, 1), 1);
	free(table.memory);
}

/* Many at once, in a table that has room for few of their flows. */
#define THREADS 4
#define FLOWS 96

static struct crowd {
	struct table table;
	uint32_t version, wrong, found, stop;
} crowd;

/* What is true of a flow in a version. */
static uint32_t truth(uint32_t flow, uint32_t version)
{
	uint32_t mixed = (flow * 2654435761u) ^ (version * 2246822519u);

	return (mixed & ANSWER_RULE) | (mixed & 1 ? ANSWER_ALLOW : 0);
}

static void meet(uint32_t number, uint64_t dice)
{
	uint32_t version = __atomic_load_n(&crowd.version, __ATOMIC_ACQUIRE);
	struct key key = key_of(1, number);
	struct flow_known seen = {.word = 0};
	struct flow_slot *slot = find(&crowd.table, &key, &seen.word);
	struct flow flow, moved;

	if (slot && flow_read(slot, seen.word, &seen.flow)) {
		__atomic_fetch_add(&crowd.found, 1, __ATOMIC_RELAXED);
		if (seen.flow.last.answer != truth(number, seen.flow.last.version))
			__atomic_fetch_add(&crowd.wrong, 1, __ATOMIC_RELAXED);
		flow = (struct flow){.last = {version, truth(number, version)}};
		if (dice % 64 == 0 && flow_claim(slot, seen.word, 0))
			flow_release(slot, seen.word, 0);
		else if (seen.flow.last.version != version)
			flow_answer(slot, &seen, flow.last_word);
		moved = seen.flow;
		moved.seen++;
		moved.expires++;
		moved.fin ^= 1;
		flow_move(&slot->flow, &seen.flow, &moved);
		return;
	}
	flow = flow_of(dice % 3 ? LIFE_TCP : LIFE_TCP_OPENING, dice >> 8 & 1,
		       truth(number, version), NOW + (dice >> 16 & 0xff));
	flow.last.version = version;
	put(&crowd.table, &key, &flow);
}

static void *mingle(void *data)
{
	uint64_t state = 0x9e3779b97f4a7c15ull * (1 + (uintptr_t)data);

	while (!__atomic_load_n(&crowd.stop, __ATOMIC_ACQUIRE)) {
		uint64_t dice = next(&state);

		meet((dice >> 32) % FLOWS, dice);
	}
	return NULL;
}

static void never_anothers_answer(void **state)
{
	const char *seconds = getenv("SECONDS_LONG");
	struct timespec pause = {.tv_nsec = 200000};
	time_t end = time(NULL) + (seconds ? atoi(seconds) : 2);
	pthread_t threads[THREADS];
	uintptr_t i;

	(void)state;
	crowd.table = table_new(32, 4);
	crowd.version = 1;
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, mingle, (void *)i), 0);
	while (time(NULL) < end) {
		nanosleep(&pause, NULL);
		__atomic_fetch_add(&crowd.version, 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&crowd.stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(crowd.found > 0);
	assert_int_equal(crowd.wrong, 0);
	free(crowd.table.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(half_full_loses_nothing), cmocka_unit_test(the_living_stay),
	    cmocka_unit_test(who_asks_stays),	       cmocka_unit_test(the_dead_go_first),
	    cmocka_unit_test(never_anothers_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
