// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/apply_shadows.h"

#include <bpf/bpf.h>
#include <string.h>
#include <unistd.h>
#include "datapath/sets.h"

static struct shadow_key key_of(const struct binding *binding, enum direction direction,
				uint32_t half)
{
	static const uint8_t hooks[] = {[BINDING_INTERFACE] = HOOK_POD,
					[BINDING_USER] = HOOK_USER,
					[BINDING_CONTAINER] = HOOK_CONTAINER};

	return (struct shadow_key){
	    .subject = binding->kind == BINDING_CONTAINER ? binding->cgroup : binding->ifindex,
	    .uid = binding->kind == BINDING_USER ? binding->uid : USER_ANY,
	    .hook = hooks[binding->kind],
	    .direction = (uint8_t)direction,
	    .half = (uint8_t)half,
	};
}

/* Calls back for each entry of the half, which may be removed meanwhile. */
static void each(int map, uint32_t half, void (*callback)(const struct shadow_key *key, void *data),
		 void *data)
{
	struct shadow_key key, next;
	bool more = map >= 0 && !bpf_map_get_next_key(map, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (key.half == half)
			callback(&key, data);
	}
}

static void drop(const struct shadow_key *key, void *data)
{
	bpf_map_delete_elem(*(int *)data, key);
}

int shadows_write(struct datapath *datapath, const struct plan *plan, const struct span *sets,
		  const struct binding *bindings, size_t count)
{
	uint32_t half = !(datapath->settings->version & 1);
	int map = datapath->maps.shadows, error = 0;
	size_t i;

	each(map, half, drop, &map);
	if (!plan->shadowed)
		return 0;
	if (map < 0)
		return fail("the programs are of an earlier npctl and know no candidates; load "
			    "again");
	for (i = 0; i < count && !error; i++) {
		const struct plan_subject *subject = &plan->subjects[bindings[i].subject];
		int direction = bindings[i].kind == BINDING_INTERFACE ? INGRESS : EGRESS;

		for (; direction < DIRECTIONS && !error; direction++) {
			struct shadow_key key =
			    key_of(&bindings[i], (enum direction)direction, half);

			error = bpf_map_update_elem(map, &key, &sets[subject->shadow[direction]],
						    BPF_ANY);
		}
	}
	return error ? fail("map shadows is full: %s", strerror(-error)) : 0;
}

bool shadow_set(const struct datapath *datapath, const struct binding *binding,
		enum direction direction, struct span *set)
{
	struct shadow_key key = key_of(binding, direction, datapath->settings->version & 1);

	return datapath->maps.shadows >= 0 &&
	       !bpf_map_lookup_elem(datapath->maps.shadows, &key, set);
}

static void mark(const struct shadow_key *key, void *data)
{
	struct datapath *datapath = data;
	struct span set;

	if (!bpf_map_lookup_elem(datapath->maps.shadows, key, &set))
		set_mark(datapath, set);
}

void shadows_mark(struct datapath *datapath, uint32_t half)
{
	each(datapath->maps.shadows, half, mark, datapath);
}

static bool is_counted(const void *key)
{
	return ((const struct tally_key *)key)->reason == REASON_SHADOW;
}

static bool is_share(const void *key)
{
	return ((const struct tally_share_key *)key)->hook & TALLY_SHADOWS;
}

static int clear(struct instance *instance, const char *name, bool (*is_meant)(const void *key))
{
	int map = instance_map(instance, name);
	struct tally_key key, next; /* room for either */
	bool more = map >= 0 && !bpf_map_get_next_key(map, NULL, &next);

	_Static_assert(sizeof(struct tally_share_key) <= sizeof(key), "room for either");
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(map, &key, &next);
		if (is_meant(&key))
			bpf_map_delete_elem(map, &key);
	}
	if (map >= 0)
		close(map);
	return map < 0 ? FAILED : 0;
}

int shadow_tallies_clear(struct instance *instance)
{
	int error = clear(instance, "tallies", is_counted);

	return error ? error : clear(instance, "tally_shares", is_share);
}
