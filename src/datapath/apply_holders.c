// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Maps "users" and "containers": their keys have 8 bytes each, their values
 * two halves that are alike, so one code serves both.
 */
#include "datapath/apply_holders.h"
#include "datapath/sets.h"
#include <bpf/bpf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Either kind of value. */
struct holder {
	struct user_half half[2];
};

_Static_assert(sizeof(struct holder) == sizeof(struct user_subject), "the same");
_Static_assert(sizeof(struct holder) == sizeof(struct container_subject), "the same");
_Static_assert(offsetof(struct user_half, set) == offsetof(struct container_half, set), "the same");
_Static_assert(sizeof(struct user_key) == sizeof(uint64_t), "the same");

struct keys {
	uint64_t *key;
	size_t count, capacity;
};

static struct keys keys_read(int map)
{
	struct keys keys = {};
	uint64_t key, *previous = NULL;

	while (!bpf_map_get_next_key(map, previous, &key)) {
		GROW(keys.key, keys.count, keys.capacity);
		keys.key[keys.count++] = key;
		previous = &key;
	}
	return keys;
}

/* What an earlier version but one left in the idle half must not come into force again. */
static int idle_clear(int map, uint32_t idle)
{
	struct keys keys = keys_read(map);
	struct holder holder;
	int error = 0;
	size_t i;

	for (i = 0; i < keys.count && !error; i++) {
		if (bpf_map_lookup_elem(map, &keys.key[i], &holder) || !holder.half[idle].present)
			continue;
		holder.half[idle] = (struct user_half){};
		error = bpf_map_update_elem(map, &keys.key[i], &holder, BPF_EXIST);
	}
	free(keys.key);
	return error;
}

static uint64_t key_of(const struct binding *binding)
{
	struct user_key user = {.ifindex = binding->ifindex, .uid = binding->uid};
	uint64_t key = binding->cgroup;

	if (binding->kind == BINDING_USER)
		memcpy(&key, &user, sizeof(key));
	return key;
}

static int holder_write(int map, const struct binding *binding, struct span set, uint32_t idle,
			bool shadowed)
{
	struct holder holder = {};
	uint64_t key = key_of(binding);

	bpf_map_lookup_elem(map, &key, &holder);
	holder.half[idle] = (struct user_half){
	    .present = 1,
	    .flags = binding->flags | (shadowed ? USER_SHADOW : 0),
	    .set = set,
	};
	return bpf_map_update_elem(map, &key, &holder, BPF_ANY);
}

static int kind_write(int map, enum binding_kind kind, const char *name, struct datapath *datapath,
		      const struct plan *plan, const struct span *sets,
		      const struct binding *bindings, size_t count)
{
	uint32_t idle = !(datapath->settings->version & 1);
	int error = map < 0 ? 0 : idle_clear(map, idle);
	size_t i;

	for (i = 0; i < count && !error; i++) {
		const struct plan_subject *subject = &plan->subjects[bindings[i].subject];

		if (bindings[i].kind != kind)
			continue;
		if (map < 0)
			return fail("%s: what is loaded has no map \"%s\"; load again",
				    subject->name, name);
		error = holder_write(map, &bindings[i], sets[subject->set[EGRESS]], idle,
				     plan->shadowed);
	}
	return error ? fail("map %s is full: %s", name, strerror(-error)) : 0;
}

int holders_write(struct datapath *datapath, const struct plan *plan, const struct span *sets,
		  const struct binding *bindings, size_t count)
{
	int error = kind_write(datapath->maps.users, BINDING_USER, "users", datapath, plan, sets,
			       bindings, count);

	if (!error)
		error = kind_write(datapath->maps.containers, BINDING_CONTAINER, "containers",
				   datapath, plan, sets, bindings, count);
	return error;
}

bool holder_set(const struct datapath *datapath, const struct binding *binding, struct span *set)
{
	int map = binding->kind == BINDING_USER ? datapath->maps.users : datapath->maps.containers;
	const struct user_half *half;
	struct holder holder;
	uint64_t key = key_of(binding);

	if (map < 0 || bpf_map_lookup_elem(map, &key, &holder))
		return false;
	half = &holder.half[datapath->settings->version & 1];
	*set = half->set;
	return half->present;
}

static void kind_mark(struct datapath *datapath, int map, uint32_t half)
{
	struct keys keys = map < 0 ? (struct keys){} : keys_read(map);
	struct holder holder;
	size_t i;

	for (i = 0; i < keys.count; i++)
		if (!bpf_map_lookup_elem(map, &keys.key[i], &holder) && holder.half[half].present)
			set_mark(datapath, holder.half[half].set);
	free(keys.key);
}

void holders_mark(struct datapath *datapath, uint32_t half)
{
	kind_mark(datapath, datapath->maps.users, half);
	kind_mark(datapath, datapath->maps.containers, half);
}

static void kind_clean(int map, uint32_t half)
{
	struct keys keys = map < 0 ? (struct keys){} : keys_read(map);
	struct holder holder;
	size_t i;

	for (i = 0; i < keys.count; i++)
		if (!bpf_map_lookup_elem(map, &keys.key[i], &holder) && !holder.half[half].present)
			bpf_map_delete_elem(map, &keys.key[i]);
	free(keys.key);
}

void holders_clean(struct datapath *datapath)
{
	uint32_t half = datapath->settings->version & 1;

	kind_clean(datapath->maps.users, half);
	kind_clean(datapath->maps.containers, half);
}
