// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/flow_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 1000 /* looks at a slot that changes */

static size_t table_bytes(const struct flow_table *table)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t bytes = table->buckets * FLOW_WAYS * table->slot_size;

	return (bytes + page - 1) / page * page;
}

int flow_table_map(struct flow_table *table, int fd, const char *name)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	void *memory;

	table->memory = NULL;
	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return fail("read the size of map %s: %s", name, strerror(errno));
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != FLOW_WAYS * table->slot_size)
		return fail("map %s is of another version of npctl", name);
	table->buckets = info.max_entries;
	memory = mmap(NULL, table_bytes(table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return fail("map %s: %s", name, strerror(errno));
	table->memory = memory;
	return 0;
}

int flow_tables_map(struct flow_tables *tables, int flows4, int flows6,
		    const struct flow_secret *secret)
{
	*tables = (struct flow_tables){
	    .ipv4 = {.slot_size = sizeof(struct flow4_slot), .words = FLOW4_WORDS},
	    .ipv6 = {.slot_size = sizeof(struct flow6_slot), .words = FLOW6_WORDS},
	};
	tables->ipv4.secret = tables->ipv6.secret = *secret;
	if (flow_table_map(&tables->ipv4, flows4, "flows4") ||
	    flow_table_map(&tables->ipv6, flows6, "flows6")) {
		flow_tables_close(tables);
		return FAILED;
	}
	return 0;
}

int flow_tables_open(struct flow_tables *tables, const struct instance *instance)
{
	int flows4 = instance_map(instance, "flows4"), flows6 = -1, secrets = -1, error = FAILED;
	struct flow_secret secret = {};
	uint32_t zero = 0;

	*tables = (struct flow_tables){};
	if (flows4 >= 0)
		flows6 = instance_map(instance, "flows6");
	if (flows6 >= 0)
		secrets = instance_map(instance, "flow_secrets");
	if (secrets >= 0 && bpf_map_lookup_elem(secrets, &zero, &secret))
		fail("read map flow_secrets: %s", strerror(errno));
	else if (secrets >= 0)
		error = flow_tables_map(tables, flows4, flows6, &secret);
	if (flows4 >= 0)
		close(flows4);
	if (flows6 >= 0)
		close(flows6);
	if (secrets >= 0)
		close(secrets);
	return error;
}

void flow_table_close(struct flow_table *table)
{
	if (table->memory)
		munmap(table->memory, table_bytes(table));
	table->memory = NULL;
}

void flow_tables_close(struct flow_tables *tables)
{
	flow_table_close(&tables->ipv4);
	flow_table_close(&tables->ipv6);
}

static struct flow_slot *slot_at(const struct flow_table *table, size_t i)
{
	return (void *)((char *)table->memory + i * table->slot_size);
}

static void *bucket_at(const struct flow_table *table, uint32_t bucket)
{
	return slot_at(table, (size_t)bucket * FLOW_WAYS);
}

/* Whatever the slot has, as it was at one moment; false when it has none, or does not rest. */
static bool slot_copy(const struct flow_table *table, struct flow_slot *slot, void *key,
		      struct flow *flow)
{
	flow_word *words = key;
	int patience;
	size_t i;

	for (patience = PATIENCE; patience; patience--) {
		uint64_t word = flow_load(&slot->word);

		if (!flow_word_tag(word))
			return false;
		for (i = 0; i < table->words; i++)
			words[i] = flow_load(&slot->key[i]);
		flow->last_word = flow_load(&slot->flow.last_word);
		flow->life_word = flow_load(&slot->flow.life_word);
		flow->state_word = flow_load(&slot->flow.state_word);
		flow->packets[INGRESS] = flow_load(&slot->flow.packets[INGRESS]);
		flow->packets[EGRESS] = flow_load(&slot->flow.packets[EGRESS]);
		if (!flow_word_changing(word) && flow_load(&slot->word) == word)
			return true;
	}
	return false;
}

int flow_table_each(struct flow_table *table, flow_callback *callback, void *data)
{
	size_t i, count = (size_t)table->buckets * FLOW_WAYS;
	flow_word key[FLOW6_WORDS];
	struct flow flow;
	int error = 0;

	for (i = 0; i < count && !error; i++)
		if (slot_copy(table, slot_at(table, i), key, &flow))
			error = callback(table, key, &flow, data);
	return error;
}

int flow_tables_each(struct flow_tables *tables, flow_callback *callback4, flow_callback *callback6,
		     void *data)
{
	int error = flow_table_each(&tables->ipv4, callback4, data);

	return error ? error : flow_table_each(&tables->ipv6, callback6, data);
}

/* Where the table may have a key. */
struct whereabouts {
	void *first, *second;
	uint32_t tag;
};

static struct whereabouts find(const struct flow_table *table, const void *key)
{
	uint64_t hash = flow_hash(table->secret.multiplier, key, table->words);

	return (struct whereabouts){
	    .first = bucket_at(table, flow_bucket_first(hash, table->buckets)),
	    .second = bucket_at(table, flow_bucket_second(hash, table->buckets)),
	    .tag = flow_tag(hash),
	};
}

bool flow_table_put(struct flow_table *table, const void *key, const struct flow *flow,
		    uint32_t now, bool only_new)
{
	struct whereabouts at = find(table, key);

	return flow_put(at.first, at.second, table->slot_size, at.tag, key, table->words, flow, now,
			only_new ? FLOW_ONLY_NEW : 0);
}

static struct flow_slot *look(const struct flow_table *table, void *bucket, uint32_t tag,
			      const void *key, __u64 *word)
{
	uint32_t way = flow_look(bucket, table->slot_size, tag, key, table->words, word);

	return way == FLOW_NONE ? NULL : flow_slot_at(bucket, table->slot_size, way);
}

/* The slot that has the key, what it says and its word; NULL: none has, or it does not rest. */
static struct flow_slot *known(const struct flow_table *table, const void *key, struct flow *flow,
			       __u64 *word)
{
	struct whereabouts at = find(table, key);
	struct flow_slot *slot;
	int patience;

	for (patience = PATIENCE; patience; patience--) {
		slot = look(table, at.first, at.tag, key, word);
		if (!slot)
			slot = look(table, at.second, at.tag, key, word);
		if (!slot || flow_read(slot, *word, flow))
			return slot;
	}
	return NULL;
}

bool flow_table_delete(struct flow_table *table, const void *key)
{
	struct flow_slot *slot;
	bool deleted = false;
	struct flow flow;
	__u64 word;

	/* two processors may have put it into two places */
	while ((slot = known(table, key, &flow, &word)))
		if (flow_claim(slot, word, 0)) {
			flow_release(slot, word, 0);
			deleted = true;
		}
	return deleted;
}

static int forget(struct flow_table *table, const void *key, const struct flow *flow, void *data)
{
	(void)flow;
	(void)data;
	flow_table_delete(table, key);
	return 0;
}

void flow_tables_clear(struct flow_tables *tables)
{
	flow_tables_each(tables, forget, forget, NULL);
}

uint32_t flow_buckets(uint32_t flows, int family)
{
	uint32_t share = family == 4 ? flows : flows / 2;
	uint32_t buckets = share / FLOW_WAYS + (share % FLOW_WAYS > 0);

	return buckets ? buckets : 1;
}

void flow_secret_draw(struct flow_secret *secret)
{
	uint64_t weak = (uint64_t)time(NULL) << 32 ^ (uint64_t)getpid();
	size_t i;

	if (getrandom(secret, sizeof(*secret), GRND_NONBLOCK) == sizeof(*secret))
		return;
	for (i = 0; i < FLOW_MULTIPLIERS; i++)
		secret->multiplier[i] = weak = weak * 0x5851f42d4c957f2dull + 0x14057b7ef767814full;
}
