// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "net/links.h"
#include "net/netns.h"
#include "net/topo.h"
#include "net/topo_parts.h"

/* One interface under work, and how ip would be told about it. */
struct end {
	struct nl_sock *links;
	const char *name, *mark;
	char *ip; /* "ip" or "ip -n NETNS" */
	struct link_state state;
};

static void end_release(struct end *end)
{
	links_close(end->links);
	free(end->ip);
}

static int end_open(struct end *end, const json_t *record, const char *netns, const char *name)
{
	*end = (struct end){.name = name, .mark = part_text(record, "mark")};
	end->ip = netns ? xprintf("ip -n %s", netns) : xstrdup("ip");
	if (links_open(netns, &end->links) || link_find(end->links, name, &end->state))
		return FAILED;
	if (!end->state.ifindex)
		return fail("interface %s is gone", name);
	return 0;
}

static int end_mark(struct end *end)
{
	step("%s link set %s alias '%s'", end->ip, end->name, end->mark);
	if (link_set_alias(end->links, end->state.ifindex, end->mark))
		return FAILED;
	link_quiet_ipv6(end->links, end->state.ifindex);
	return 0;
}

static int end_up(struct end *end)
{
	step("%s link set %s up", end->ip, end->name);
	return link_set_up(end->links, end->state.ifindex);
}

static int end_add_address(struct end *end, const struct link_address *address)
{
	char text[ADDRESS_TEXT];

	step("%s addr add %s/%u dev %s%s", end->ip, address_text(&address->address, text),
	     address->length, end->name, address->address.family == 6 ? " nodad" : "");
	return link_add_address(end->links, end->state.ifindex, address);
}

/* With an IPv6 address comes the link-local one that goes with the MAC. */
static int end_add_addresses(struct end *end, const json_t *part, const char *key)
{
	struct link_address addresses[ADDRESSES_MOST];
	int count = part_addresses(part, key, addresses), error = 0;
	bool ipv6 = false;

	for (int i = 0; i < count && !error; i++) {
		ipv6 = ipv6 || addresses[i].address.family == 6;
		error = end_add_address(end, &addresses[i]);
	}
	if (!error && ipv6) {
		struct link_address local = {.address = link_local_of(end->state.mac),
					     .length = 64};

		error = end_add_address(end, &local);
	}
	return error;
}

static int end_add_routes(struct end *end, const json_t *pod)
{
	json_t *gateways = json_object_get(pod, "gateways"), *links = json_object_get(pod, "links");
	json_t *each;
	struct prefix to;
	int error = 0;
	size_t i;

	json_array_foreach (links, i, each) {
		if (error || prefix_parse(json_string_value(each), &to))
			continue;
		step("%s route add %s dev %s", end->ip, json_string_value(each), end->name);
		error = link_add_route(end->links, end->state.ifindex, &to, NULL);
	}
	json_array_foreach (gateways, i, each) {
		struct address gateway;

		if (error || address_parse(json_string_value(each), &gateway))
			continue;
		to = (struct prefix){.address.family = gateway.family};
		step("%s route add default via %s", end->ip, json_string_value(each));
		error = link_add_route(end->links, end->state.ifindex, &to, &gateway);
	}
	return error;
}

static int make_bridge(struct nl_sock *links, const json_t *record)
{
	const json_t *bridge = json_object_get(record, "bridge");
	const char *name = part_text(bridge, "name");
	struct end end = {};
	uint8_t mac[6];
	int error;

	if (mac_parse(part_text(bridge, "mac"), mac))
		return fail("bridge %s has no MAC", name);
	error = link_make_bridge(links, name, mac);
	if (!error)
		error = end_open(&end, record, NULL, name);
	if (!error)
		error = end_mark(&end);
	if (!error)
		error = end_add_addresses(&end, bridge, "addresses");
	if (!error)
		error = end_up(&end);
	end_release(&end);
	return error;
}

struct preparation {
	const json_t *record, *pod;
};

/* In the new namespace, which as yet has no name. */
static int prepare_netns(void *data)
{
	const struct preparation *preparation = data;
	struct end loopback;
	int error = end_open(&loopback, preparation->record, NULL, "lo");

	free(loopback.ip);
	loopback.ip = xprintf("ip -n %s", part_text(preparation->pod, "netns"));
	if (!error)
		error = end_mark(&loopback);
	if (!error)
		error = end_up(&loopback);
	end_release(&loopback);
	return error;
}

static int make_cable(struct nl_sock *links, const json_t *pod)
{
	struct veth veth = {
	    .host = part_text(pod, "host"),
	    .peer = part_text(pod, "peer"),
	    .netns = part_text(pod, "netns"),
	};

	if (mac_parse(part_text(pod, "host_mac"), veth.host_mac) ||
	    mac_parse(part_text(pod, "mac"), veth.peer_mac))
		return fail("pod \"%s\" has no MAC", part_text(pod, "pod"));
	return link_make_veth(links, &veth);
}

static int set_host_end(const json_t *record, const json_t *pod)
{
	const char *bridge = part_text(json_object_get(record, "bridge"), "name");
	struct link_state master = {};
	struct end end;
	int error = end_open(&end, record, NULL, part_text(pod, "host"));

	if (!error)
		error = end_mark(&end);
	if (!error && json_object_get(pod, "host_addresses")) {
		error = end_add_addresses(&end, pod, "host_addresses");
	} else if (!error) {
		step("ip link set %s master %s", end.name, bridge);
		error = link_find(end.links, bridge, &master);
		if (!error)
			error = link_set_master(end.links, end.state.ifindex, master.ifindex);
	}
	if (!error)
		error = end_up(&end);
	end_release(&end);
	return error;
}

static int set_pod_end(const json_t *record, const json_t *pod)
{
	struct end end;
	int error = end_open(&end, record, part_text(pod, "netns"), part_text(pod, "peer"));

	if (!error)
		error = end_mark(&end);
	if (!error)
		error = end_add_addresses(&end, pod, "addresses");
	if (!error)
		error = end_up(&end);
	if (!error)
		error = end_add_routes(&end, pod);
	end_release(&end);
	return error;
}

static int make_pod(struct nl_sock *links, const json_t *record, const json_t *pod)
{
	struct preparation preparation = {record, pod};
	int error = netns_make(part_text(pod, "netns"), prepare_netns, &preparation);

	if (!error)
		error = make_cable(links, pod);
	if (!error)
		error = set_host_end(record, pod);
	if (!error)
		error = set_pod_end(record, pod);
	if (!error)
		return 0;
	return fail("pod \"%s\": %s", part_text(pod, "pod"), failure());
}

int topo_make(const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	struct nl_sock *links;
	int error;
	size_t i;

	if (topo_remove(record) || links_open(NULL, &links))
		return FAILED;
	error = json_object_get(record, "bridge") ? make_bridge(links, record) : 0;
	json_array_foreach (pods, i, pod)
		error = error ? error : make_pod(links, record, pod);
	links_close(links);
	if (error)
		topo_undo(record);
	return error;
}
