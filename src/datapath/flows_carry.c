// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/flows_carry.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/flow_tables.h"
#include "kernel/jiffies.h"
#include "maps/map.h"
#include "store/pins.h"

#define ASIDE ":before"

static const struct kind {
	int family;
	const char *name, *aside;
	size_t key, slot;
} kinds[] = {
    {4, "flows4", "flows4" ASIDE, sizeof(struct flow4_key), sizeof(struct flow4_slot)},
    {6, "flows6", "flows6" ASIDE, sizeof(struct flow6_key), sizeof(struct flow6_slot)},
};

static const struct kind *kind_of(int family)
{
	return &kinds[family == 6];
}

static enum flows_pinned shape(const struct kind *kind, const struct bpf_map_info *info)
{
	if (info->type == BPF_MAP_TYPE_ARRAY && info->value_size == FLOW_WAYS * kind->slot)
		return FLOWS_OURS;
	if (info->type == BPF_MAP_TYPE_LRU_HASH && info->key_size == kind->key &&
	    info->value_size == sizeof(struct flow))
		return FLOWS_OLDER;
	return FLOWS_FOREIGN;
}

static int look(const struct instance *instance, const struct kind *kind, const char *name,
		enum flows_pinned *pinned, uint32_t *room)
{
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	int fd, error;

	*pinned = FLOWS_NONE;
	*room = 0;
	if (!pin_exists(instance, "maps", name))
		return 0;
	fd = instance_map(instance, name);
	if (fd < 0)
		return fd;
	error = bpf_obj_get_info_by_fd(fd, &info, &length);
	close(fd);
	if (error)
		return fail("read the size of map %s: %s", name, strerror(-error));
	*pinned = shape(kind, &info);
	*room = info.max_entries * (*pinned == FLOWS_OURS ? FLOW_WAYS : 1);
	return 0;
}

int flows_pinned(const struct instance *instance, int family, enum flows_pinned *pinned,
		 uint32_t *room)
{
	return look(instance, kind_of(family), kind_of(family)->name, pinned, room);
}

int flows_aside(const struct instance *instance, int family, enum flows_pinned *pinned,
		uint32_t *room)
{
	return look(instance, kind_of(family), kind_of(family)->aside, pinned, room);
}

static int move(const struct instance *instance, const char *from, const char *to)
{
	char *old = instance_path(instance, "maps", from);
	char *new = instance_path(instance, "maps", to);
	int error = 0;

	step("mv %s %s", old, new);
	if (rename(old, new))
		error = fail("rename %s: %s", old, strerror(errno));
	free(old);
	free(new);
	return error;
}

int flows_put_aside(const struct instance *instance, int family)
{
	return move(instance, kind_of(family)->name, kind_of(family)->aside);
}

void flows_put_back(const struct instance *instance)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (pin_exists(instance, "maps", kinds[i].aside))
			move(instance, kinds[i].aside, kinds[i].name);
}

struct carriage {
	struct flow_table *to;
	uint32_t now;
};

static int carry_flow(struct flow_table *from, const void *key, const struct flow *flow, void *data)
{
	const struct carriage *carriage = data;

	(void)from;
	if (flow_alive(flow, carriage->now))
		flow_table_put(carriage->to, key, flow, carriage->now, true);
	return 0;
}

static int carry_entry(const struct map *map, const void *key, const void *value, void *data)
{
	flow_word aligned[FLOW6_WORDS];
	struct flow flow;

	memcpy(aligned, key, map->info.key_size);
	memcpy(&flow, value, sizeof(flow));
	return carry_flow(NULL, aligned, &flow, data);
}

static int carry(const struct instance *instance, const struct kind *kind, struct flow_table *to)
{
	struct carriage carriage = {.to = to};
	struct flow_table from = *to;
	struct jiffies clock;
	struct map *map;
	int error;

	if (!pin_exists(instance, "maps", kind->aside))
		return 0;
	jiffies_read(&clock);
	carriage.now = (uint32_t)clock.now;
	if (map_open(instance->root, kind->aside, &map))
		return FAILED;
	if (shape(kind, &map->info) == FLOWS_OLDER) {
		error = map_each(map, carry_entry, &carriage);
	} else {
		error = flow_table_map(&from, map->fd, kind->aside);
		if (!error)
			error = flow_table_each(&from, carry_flow, &carriage);
		flow_table_close(&from);
	}
	map_close(map);
	return error;
}

int flows_carry(struct instance *instance)
{
	struct flow_tables tables;
	int error = flow_tables_open(&tables, instance);

	if (error)
		return error;
	error = carry(instance, &kinds[0], &tables.ipv4);
	if (!error)
		error = carry(instance, &kinds[1], &tables.ipv6);
	flow_tables_close(&tables);
	return error;
}

int flows_finish(struct instance *instance)
{
	int error = 0;

	if (pin_exists(instance, "maps", kinds[0].aside) ||
	    pin_exists(instance, "maps", kinds[1].aside))
		error = flows_carry(instance);
	if (!error)
		error = pin_remove(instance, "maps", kinds[0].aside);
	return error ? error : pin_remove(instance, "maps", kinds[1].aside);
}

bool flows_are_aside(const char *name)
{
	return !strcmp(name, kinds[0].aside) || !strcmp(name, kinds[1].aside);
}
