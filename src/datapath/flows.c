// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/flows.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datapath/flow_tables.h"
#include "kernel/jiffies.h"
#include "maps/map.h"
#include "net/sockets.h"

static struct flow4_key key4_of(uint32_t ifindex, const struct connection *c)
{
	struct flow4_key key = {
	    .ifindex = ifindex,
	    .local_port = htons(c->local_port),
	    .remote_port = htons(c->remote_port),
	    .protocol = c->protocol,
	};

	memcpy(&key.local, c->local.bytes, 4);
	memcpy(&key.remote, c->remote.bytes, 4);
	return key;
}

static struct flow6_key key6_of(uint32_t ifindex, const struct connection *c)
{
	struct flow6_key key = {
	    .ifindex = ifindex,
	    .local_port = htons(c->local_port),
	    .remote_port = htons(c->remote_port),
	    .protocol = c->protocol,
	};

	memcpy(key.local, c->local.bytes, 16);
	memcpy(key.remote, c->remote.bytes, 16);
	return key;
}

/* Nobody has judged it; it is as old as we know it. */
static struct flow flow_of(const struct connection *c, uint32_t now)
{
	return (struct flow){
	    .seen = now,
	    .created = now,
	    .initiator = c->accepted ? INGRESS : EGRESS,
	    .lifetime = c->protocol == IPPROTO_TCP ? LIFE_TCP : LIFE_UDP,
	};
}

/* Where the connections of a namespace are put; one that is known is not made unknown again. */
struct seed {
	uint32_t ifindex, now;
	struct flow_tables flows;
	int guests4, guests6; /* -1: among the flows */
};

static void seed_flow(struct seed *seed, const struct connection *c)
{
	struct flow4_key key4 = key4_of(seed->ifindex, c);
	struct flow6_key key6 = key6_of(seed->ifindex, c);
	struct flow flow = flow_of(c, seed->now);

	if (c->local.family == 4)
		flow_table_put(&seed->flows.ipv4, &key4, &flow, seed->now, true);
	else
		flow_table_put(&seed->flows.ipv6, &key6, &flow, seed->now, true);
}

static void seed_guest(struct seed *seed, const struct connection *c)
{
	struct flow4_key key4 = key4_of(seed->ifindex, c);
	struct flow6_key key6 = key6_of(seed->ifindex, c);
	struct flow flow = flow_of(c, seed->now);

	if (c->local.family == 4)
		bpf_map_update_elem(seed->guests4, &key4, &flow, BPF_NOEXIST);
	else
		bpf_map_update_elem(seed->guests6, &key6, &flow, BPF_NOEXIST);
}

static int seed_open(struct seed *seed, struct instance *instance, bool guests)
{
	if (!guests)
		return flow_tables_open(&seed->flows, instance);
	seed->guests4 = instance_map(instance, "guests4");
	if (seed->guests4 >= 0)
		seed->guests6 = instance_map(instance, "guests6");
	return seed->guests4 < 0 || seed->guests6 < 0 ? FAILED : 0;
}

static void seed_close(struct seed *seed)
{
	flow_tables_close(&seed->flows);
	if (seed->guests4 >= 0)
		close(seed->guests4);
	if (seed->guests6 >= 0)
		close(seed->guests6);
}

int flows_seed(struct instance *instance, uint32_t ifindex, const char *netns, bool guests)
{
	struct seed seed = {.ifindex = ifindex, .guests4 = -1, .guests6 = -1};
	struct connection *connections = NULL;
	struct jiffies clock;
	size_t count = 0, i;
	int error;

	jiffies_read(&clock);
	seed.now = (uint32_t)clock.now;
	error = seed_open(&seed, instance, guests);
	if (!error)
		error = sockets_list(netns, &connections, &count);
	for (i = 0; i < count && !error; i++) {
		if (!guests)
			seed_flow(&seed, &connections[i]);
		else if (connections[i].accepted)
			seed_guest(&seed, &connections[i]);
	}
	free(connections);
	seed_close(&seed);
	return error;
}

struct gone {
	const uint32_t *ifindexes;
	size_t count;
};

static bool is_gone(const struct gone *gone, uint64_t ifindex)
{
	size_t i;

	for (i = 0; i < gone->count; i++)
		if (gone->ifindexes[i] == ifindex)
			return true;
	return false;
}

/* Both kinds of key begin with the interface. */
static int forget_flow(struct flow_table *table, const void *key, const struct flow *flow,
		       void *data)
{
	uint32_t ifindex;

	(void)flow;
	memcpy(&ifindex, key, sizeof(ifindex));
	if (is_gone(data, ifindex))
		flow_table_delete(table, key);
	return 0;
}

static int forget_tally(const struct map *map, const void *key, const void *value, void *data)
{
	const struct tally_key *tally = key;

	(void)value;
	if (tally->hook == HOOK_POD && is_gone(data, tally->subject))
		bpf_map_delete_elem(map->fd, key);
	return 0;
}

static int forget_share(const struct map *map, const void *key, const void *value, void *data)
{
	const struct tally_share_key *share = key;

	(void)value;
	if (share->hook == HOOK_POD && is_gone(data, share->subject))
		bpf_map_delete_elem(map->fd, key);
	return 0;
}

void interfaces_forget(struct instance *instance, const uint32_t *ifindexes, size_t count)
{
	static const struct {
		const char *name;
		map_callback *forget;
	} maps[] = {
	    {"tallies", forget_tally},
	    {"tally_shares", forget_share},
	};
	struct gone gone = {ifindexes, count};
	struct flow_tables flows;
	struct map *map;
	size_t i;

	if (!flow_tables_open(&flows, instance)) {
		flow_tables_each(&flows, forget_flow, forget_flow, &gone);
		flow_tables_close(&flows);
	}
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		if (!map_open(instance->root, maps[i].name, &map)) {
			map_each(map, maps[i].forget, &gone);
			map_close(map);
		}
	}
	failure_clear();
}
