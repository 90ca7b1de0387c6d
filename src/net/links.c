// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/links.h"
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/base.h"
#include "net/netns.h"

/* What libnl's number says, with what npctl would need for the commonest one. */
static const char *why(int error)
{
	if (error == -NLE_PERM || error == -NLE_NOACCESS)
		return "not permitted (needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN)";
	if (error == -NLE_EXIST)
		return "exists already";
	if (error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND)
		return "no such interface";
	return nl_geterror(error);
}

static int open_here(void *data)
{
	struct nl_sock **links = data;
	int error;

	*links = nl_socket_alloc();
	if (!*links)
		return fail("open a netlink socket: %s", strerror(ENOMEM));
	error = nl_connect(*links, NETLINK_ROUTE);
	if (!error)
		return 0;
	links_close(*links);
	*links = NULL;
	return fail("open a netlink socket: %s", why(error));
}

int links_open(const char *netns, struct nl_sock **links)
{
	*links = NULL;
	return netns ? netns_run(netns, open_here, links) : open_here(links);
}

void links_close(struct nl_sock *links)
{
	nl_socket_free(links);
}

static struct rtnl_link *link_new(void)
{
	struct rtnl_link *link = rtnl_link_alloc();

	if (!link)
		abort();
	return link;
}

static struct nl_addr *address_new(const struct address *address, int length)
{
	int family = address->family == 4 ? AF_INET : AF_INET6;
	struct nl_addr *new = nl_addr_build(family, address->bytes, family == AF_INET ? 4 : 16);

	if (!new)
		abort();
	nl_addr_set_prefixlen(new, length);
	return new;
}

static void set_mac(struct rtnl_link *link, const uint8_t mac[6])
{
	struct nl_addr *address = nl_addr_build(AF_LLC, mac, 6);

	if (!address)
		abort();
	rtnl_link_set_addr(link, address);
	nl_addr_put(address);
}

static bool is_type(struct rtnl_link *link, const char *wanted)
{
	const char *type = rtnl_link_get_type(link);

	return type && !strcmp(type, wanted);
}

int link_find(struct nl_sock *links, const char *name, struct link_state *state)
{
	struct rtnl_link *link = NULL;
	struct nl_addr *mac;
	const char *alias;
	int error;

	memset(state, 0, sizeof(*state));
	error = rtnl_link_get_kernel(links, 0, name, &link);
	if (error == -NLE_OBJ_NOTFOUND || error == -NLE_NODEV)
		return 0;
	if (error)
		return fail("look for interface %s: %s", name, why(error));
	state->ifindex = rtnl_link_get_ifindex(link);
	state->master = rtnl_link_get_master(link);
	state->up = rtnl_link_get_flags(link) & IFF_UP;
	state->mtu = rtnl_link_get_mtu(link);
	state->bridge = is_type(link, "bridge");
	state->veth = is_type(link, "veth");
	state->peer = rtnl_link_get_link(link);
	mac = rtnl_link_get_addr(link);
	if (mac && nl_addr_get_len(mac) == sizeof(state->mac))
		memcpy(state->mac, nl_addr_get_binary_addr(mac), sizeof(state->mac));
	alias = rtnl_link_get_ifalias(link);
	snprintf(state->alias, sizeof(state->alias), "%s", alias ? alias : "");
	rtnl_link_put(link);
	return 0;
}

int links_on_bridge(struct nl_sock *links, int bridge)
{
	struct nl_object *each;
	struct nl_cache *cache;
	int count = 0, error = rtnl_link_alloc_cache(links, AF_UNSPEC, &cache);

	if (error)
		return fail("list interfaces: %s", why(error));
	for (each = nl_cache_get_first(cache); each; each = nl_cache_get_next(each))
		count += rtnl_link_get_master((struct rtnl_link *)each) == bridge;
	nl_cache_free(cache);
	return count;
}

int link_make_bridge(struct nl_sock *links, const char *name, const uint8_t mac[6])
{
	struct rtnl_link *link = link_new();
	char text[MAC_TEXT];
	int error;

	step("ip link add %s address %s type bridge", name, mac_text(mac, text));
	rtnl_link_set_name(link, name);
	set_mac(link, mac);
	error = rtnl_link_set_type(link, "bridge");
	if (!error)
		error = rtnl_link_add(links, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(link);
	return error ? fail("make bridge %s: %s", name, why(error)) : 0;
}

int link_make_veth(struct nl_sock *links, const struct veth *veth)
{
	char host_mac[MAC_TEXT], peer_mac[MAC_TEXT];
	struct rtnl_link *link, *peer;
	int netns = netns_open(veth->netns), error;

	if (netns < 0)
		return FAILED;
	step("ip link add %s address %s type veth peer name %s address %s netns %s", veth->host,
	     mac_text(veth->host_mac, host_mac), veth->peer, mac_text(veth->peer_mac, peer_mac),
	     veth->netns);
	link = rtnl_link_veth_alloc();
	if (!link)
		abort();
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, veth->host);
	set_mac(link, veth->host_mac);
	rtnl_link_set_name(peer, veth->peer);
	set_mac(peer, veth->peer_mac);
	rtnl_link_set_ns_fd(peer, netns);
	if (veth->mtu) {
		rtnl_link_set_mtu(link, veth->mtu);
		rtnl_link_set_mtu(peer, veth->mtu);
	}
	error = rtnl_link_add(links, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(peer);
	rtnl_link_put(link);
	close(netns);
	return error ? fail("make veth pair %s and %s: %s", veth->host, veth->peer, why(error)) : 0;
}

/* Takes over `changes`. */
static int change(struct nl_sock *links, int ifindex, struct rtnl_link *changes)
{
	struct rtnl_link *link = link_new();
	int error;

	rtnl_link_set_ifindex(link, ifindex);
	error = rtnl_link_change(links, link, changes, 0);
	rtnl_link_put(link);
	rtnl_link_put(changes);
	return error;
}

int link_set_alias(struct nl_sock *links, int ifindex, const char *alias)
{
	struct rtnl_link *changes = link_new();
	int error;

	rtnl_link_set_ifalias(changes, alias);
	error = change(links, ifindex, changes);
	return error ? fail("mark interface %d: %s", ifindex, why(error)) : 0;
}

int link_set_master(struct nl_sock *links, int ifindex, int master)
{
	struct rtnl_link *changes = link_new();
	int error;

	rtnl_link_set_master(changes, master);
	error = change(links, ifindex, changes);
	return error ? fail("put interface %d on bridge %d: %s", ifindex, master, why(error)) : 0;
}

int link_set_mtu(struct nl_sock *links, int ifindex, unsigned int mtu)
{
	struct rtnl_link *changes = link_new();
	int error;

	rtnl_link_set_mtu(changes, mtu);
	error = change(links, ifindex, changes);
	return error ? fail("set interface %d to MTU %u: %s", ifindex, mtu, why(error)) : 0;
}

int link_set_hairpin(struct nl_sock *links, int ifindex)
{
	struct nl_msg *message = nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);
	struct ifinfomsg info = {.ifi_family = AF_BRIDGE, .ifi_index = ifindex};
	struct nlattr *port;
	int error;

	if (!message || nlmsg_append(message, &info, sizeof(info), NLMSG_ALIGNTO))
		abort();
	port = nla_nest_start(message, IFLA_PROTINFO | NLA_F_NESTED);
	if (!port || nla_put_u8(message, IFLA_BRPORT_MODE, 1))
		abort();
	nla_nest_end(message, port);
	error = nl_send_sync(links, message);
	return error ? fail("set interface %d to hairpin mode: %s", ifindex, why(error)) : 0;
}

void link_quiet_ipv6(struct nl_sock *links, int ifindex)
{
	struct rtnl_link *changes = link_new();

	rtnl_link_inet6_set_addr_gen_mode(changes, IN6_ADDR_GEN_MODE_NONE);
	change(links, ifindex, changes);
}

int link_set_up(struct nl_sock *links, int ifindex)
{
	struct rtnl_link *changes = link_new();
	int error;

	rtnl_link_set_flags(changes, IFF_UP);
	error = change(links, ifindex, changes);
	return error ? fail("set interface %d up: %s", ifindex, why(error)) : 0;
}

int link_remove(struct nl_sock *links, int ifindex)
{
	struct rtnl_link *link = link_new();
	int error;

	rtnl_link_set_ifindex(link, ifindex);
	error = rtnl_link_delete(links, link);
	rtnl_link_put(link);
	if (!error || error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND)
		return 0;
	return fail("remove interface %d: %s", ifindex, why(error));
}

/* A group that no interface is in. */
static int free_group(struct nl_sock *links, uint32_t *group)
{
	struct nl_object *each;
	struct nl_cache *cache;
	int error = rtnl_link_alloc_cache(links, AF_UNSPEC, &cache);

	if (error)
		return error;
	*group = 'n' << 24 | 'p' << 16;
	for (each = nl_cache_get_first(cache); each; each = nl_cache_get_next(each)) {
		uint32_t used = rtnl_link_get_group((struct rtnl_link *)each);

		if (used >= *group)
			*group = used + 1;
	}
	nl_cache_free(cache);
	return 0;
}

static int set_group(struct nl_sock *links, int ifindex, uint32_t group)
{
	struct rtnl_link *changes = link_new();
	int error;

	rtnl_link_set_group(changes, group);
	error = change(links, ifindex, changes);
	return error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND ? 0 : error;
}

static int remove_group(struct nl_sock *links, uint32_t group)
{
	struct nl_msg *message = nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST);
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	int error;

	if (!message || nlmsg_append(message, &info, sizeof(info), NLMSG_ALIGNTO) ||
	    nla_put_u32(message, IFLA_GROUP, group))
		abort();
	error = nl_send_sync(links, message);
	return error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND ? 0 : error;
}

int links_remove(struct nl_sock *links, const int *ifindexes, size_t count)
{
	uint32_t group;
	int error;

	if (!count)
		return 0;
	error = free_group(links, &group);
	for (size_t i = 0; i < count && !error; i++)
		error = set_group(links, ifindexes[i], group);
	if (!error)
		error = remove_group(links, group);
	return error ? fail("remove interfaces: %s", why(error)) : 0;
}

int link_add_address(struct nl_sock *links, int ifindex, const struct link_address *address)
{
	struct nl_addr *local = address_new(&address->address, address->length);
	struct rtnl_addr *new = rtnl_addr_alloc();
	char text[ADDRESS_TEXT];
	int error;

	if (!new)
		abort();
	rtnl_addr_set_ifindex(new, ifindex);
	error = rtnl_addr_set_local(new, local);
	if (address->address.family == 6)
		rtnl_addr_set_flags(new, IFA_F_NODAD);
	if (!error)
		error = rtnl_addr_add(links, new, 0);
	rtnl_addr_put(new);
	nl_addr_put(local);
	if (!error || error == -NLE_EXIST)
		return 0;
	return fail("add address %s/%u: %s", address_text(&address->address, text), address->length,
		    why(error));
}

int link_add_route(struct nl_sock *links, int ifindex, const struct prefix *to,
		   const struct address *gateway)
{
	struct nl_addr *destination = address_new(&to->address, to->length), *via = NULL;
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	char text[ADDRESS_TEXT];
	int error;

	if (!route || !hop)
		abort();
	error = rtnl_route_set_dst(route, destination);
	rtnl_route_nh_set_ifindex(hop, ifindex);
	if (gateway) {
		via = address_new(gateway, gateway->family == 4 ? 32 : 128);
		rtnl_route_nh_set_gateway(hop, via);
	}
	rtnl_route_set_scope(route, gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	rtnl_route_add_nexthop(route, hop);
	if (!error)
		error = rtnl_route_add(links, route, NLM_F_EXCL);
	rtnl_route_put(route);
	nl_addr_put(destination);
	if (via)
		nl_addr_put(via);
	if (!error || error == -NLE_EXIST)
		return 0;
	return fail("add route to %s: %s", prefix_text(to, text), why(error));
}

static bool is_route_to(struct rtnl_route *route, const struct nl_addr *to, int ifindex)
{
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);

	return hop && rtnl_route_nh_get_ifindex(hop) == ifindex &&
	       rtnl_route_get_table(route) == RT_TABLE_MAIN &&
	       nl_addr_get_prefixlen(rtnl_route_get_dst(route)) == nl_addr_get_prefixlen(to) &&
	       (!nl_addr_get_prefixlen(to) || !nl_addr_cmp(rtnl_route_get_dst(route), to));
}

int link_has_route(struct nl_sock *links, int ifindex, const struct prefix *to, bool *has)
{
	struct nl_addr *wanted = address_new(&to->address, to->length);
	struct nl_object *each;
	struct nl_cache *cache;
	int error = rtnl_route_alloc_cache(links, nl_addr_get_family(wanted), 0, &cache);

	*has = false;
	for (each = error ? NULL : nl_cache_get_first(cache); each && !*has;
	     each = nl_cache_get_next(each))
		*has = is_route_to((struct rtnl_route *)each, wanted, ifindex);
	nl_addr_put(wanted);
	if (error)
		return fail("list routes: %s", why(error));
	nl_cache_free(cache);
	return 0;
}

int link_add_neighbour(struct nl_sock *links, int ifindex, const struct address *address,
		       const uint8_t mac[6])
{
	struct nl_addr *who = address_new(address, address->family == 4 ? 32 : 128);
	struct nl_addr *where = nl_addr_build(AF_LLC, mac, 6);
	struct rtnl_neigh *neighbour = rtnl_neigh_alloc();
	char text[ADDRESS_TEXT];
	int error;

	if (!neighbour || !where)
		abort();
	rtnl_neigh_set_ifindex(neighbour, ifindex);
	rtnl_neigh_set_state(neighbour, NUD_PERMANENT);
	rtnl_neigh_set_lladdr(neighbour, where);
	error = rtnl_neigh_set_dst(neighbour, who);
	if (!error)
		error = rtnl_neigh_add(links, neighbour, NLM_F_CREATE | NLM_F_REPLACE);
	rtnl_neigh_put(neighbour);
	nl_addr_put(who);
	nl_addr_put(where);
	if (!error)
		return 0;
	return fail("add neighbour %s: %s", address_text(address, text), why(error));
}

static void take_address(struct rtnl_addr *from, struct link_address *to)
{
	const struct nl_addr *local = rtnl_addr_get_local(from);

	if (!local || nl_addr_get_len(local) > sizeof(to->address.bytes))
		return;
	to->address.family = rtnl_addr_get_family(from) == AF_INET ? 4 : 6;
	memcpy(to->address.bytes, nl_addr_get_binary_addr(local), nl_addr_get_len(local));
	to->length = rtnl_addr_get_prefixlen(from);
	to->ifindex = rtnl_addr_get_ifindex(from);
}

int links_addresses(struct nl_sock *links, struct link_address **addresses, size_t *count)
{
	struct nl_object *each;
	struct nl_cache *cache;
	int error = rtnl_addr_alloc_cache(links, &cache);

	*addresses = NULL;
	*count = 0;
	if (error)
		return fail("list addresses: %s", why(error));
	*addresses = xalloc(nl_cache_nitems(cache) * sizeof(**addresses));
	for (each = nl_cache_get_first(cache); each; each = nl_cache_get_next(each))
		take_address((struct rtnl_addr *)each, &(*addresses)[(*count)++]);
	nl_cache_free(cache);
	return 0;
}

bool links_have_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	FILE *switch_file;
	char off = '0';

	if (fd < 0)
		return false;
	close(fd);
	switch_file = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "re");
	if (!switch_file)
		return true;
	if (fscanf(switch_file, "%c", &off) != 1)
		off = '0';
	fclose(switch_file);
	return off == '0';
}

struct address link_local_of(const uint8_t mac[6])
{
	return (struct address){6,
				{0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff,
				 0xfe, mac[3], mac[4], mac[5]}};
}

const char *mac_text(const uint8_t mac[6], char text[static MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return text;
}

int mac_parse(const char *text, uint8_t mac[6])
{
	int length = 0;

	if (sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5], &length) != 6 ||
	    text[length])
		return -1;
	return 0;
}
