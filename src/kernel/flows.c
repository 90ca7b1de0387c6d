// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/flows.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/map.h"
#include "net/sockets.h"

static void seed4(int map, uint32_t ifindex, const struct connection *c, const struct flow *flow)
{
	struct flow4_key key = {
	    .ifindex = ifindex,
	    .local_port = htons(c->local_port),
	    .remote_port = htons(c->remote_port),
	    .protocol = c->protocol,
	};

	memcpy(&key.local, c->local.bytes, 4);
	memcpy(&key.remote, c->remote.bytes, 4);
	/* one that the programs know by now is not made unknown again */
	bpf_map_update_elem(map, &key, flow, BPF_NOEXIST);
}

static void seed6(int map, uint32_t ifindex, const struct connection *c, const struct flow *flow)
{
	struct flow6_key key = {
	    .ifindex = ifindex,
	    .local_port = htons(c->local_port),
	    .remote_port = htons(c->remote_port),
	    .protocol = c->protocol,
	};

	memcpy(key.local, c->local.bytes, 16);
	memcpy(key.remote, c->remote.bytes, 16);
	bpf_map_update_elem(map, &key, flow, BPF_NOEXIST);
}

int flows_seed(struct instance *instance, uint32_t ifindex, const char *netns, bool guests)
{
	struct connection *connections = NULL;
	int flows4 = instance_map(instance, guests ? "guests4" : "flows4");
	int flows6 = -1, result = FAILED;
	size_t count, i;

	if (flows4 < 0)
		return FAILED;
	flows6 = instance_map(instance, guests ? "guests6" : "flows6");
	if (flows6 < 0 || sockets_list(netns, &connections, &count))
		goto out;
	for (i = 0; i < count; i++) {
		const struct connection *c = &connections[i];
		struct flow flow = {
		    .initiator = c->accepted ? INGRESS : EGRESS,
		    .lifetime = c->protocol == IPPROTO_TCP ? LIFE_TCP : LIFE_UDP,
		};

		if (guests && !c->accepted)
			continue;
		if (c->local.family == 4)
			seed4(flows4, ifindex, c, &flow);
		else
			seed6(flows6, ifindex, c, &flow);
	}
	result = 0;
out:
	free(connections);
	close(flows4);
	if (flows6 >= 0)
		close(flows6);
	return result;
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
static int forget_flow(const struct map *map, const void *key, const void *value, void *data)
{
	uint32_t ifindex;

	_Static_assert(!offsetof(struct flow4_key, ifindex) && !offsetof(struct flow6_key, ifindex),
		       "the interface comes first");
	(void)value;
	memcpy(&ifindex, key, sizeof(ifindex));
	if (is_gone(data, ifindex))
		bpf_map_delete_elem(map->fd, key);
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
	    {"flows4", forget_flow},
	    {"flows6", forget_flow},
	    {"tallies", forget_tally},
	    {"tally_shares", forget_share},
	};
	struct gone gone = {ifindexes, count};
	struct map *map;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		if (!map_open(instance->root, maps[i].name, &map)) {
			map_each(map, maps[i].forget, &gone);
			map_close(map);
		}
	}
	failure_clear();
}
