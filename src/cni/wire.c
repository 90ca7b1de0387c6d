// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "cni/attachment.h"
#include "cni/refuse.h"
#include "net/netns.h"
#include "manifest/schema.h"

int wire_check_netns(const struct request *request)
{
	struct stat theirs, ours;
	struct statfs system;

	if (stat(request->netns, &theirs) || statfs(request->netns, &system))
		return errno == ENOENT
			   ? refuse(REFUSED_CONTAINER,
				    "container %s has no network namespace: %s does not exist",
				    request->container, request->netns)
			   : refuse(REFUSED_ENVIRONMENT, "CNI_NETNS %s: %s", request->netns,
				    strerror(errno));
	if (system.f_type != NSFS_MAGIC)
		return refuse(REFUSED_ENVIRONMENT, "CNI_NETNS %s is no network namespace",
			      request->netns);
	if (!stat("/proc/self/ns/net", &ours) && ours.st_ino == theirs.st_ino &&
	    ours.st_dev == theirs.st_dev)
		return refuse(REFUSED_ENVIRONMENT, "CNI_NETNS %s is the host's own namespace",
			      request->netns);
	return 0;
}

/* What is there already stays as it is; where there is no such switch, nothing is to be done. */
static void set_switch(const char *path, char value)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char now = 0;

	if (fd < 0)
		return;
	if (read(fd, &now, 1) == 1 && now != value && pwrite(fd, &value, 1, 0) != 1)
		warn("%s could not be set to %c: %s", path, value, strerror(errno));
	close(fd);
}

static void set_pod_switch(const char *family, const char *ifname, const char *name, char value)
{
	char *path = xprintf("/proc/sys/net/%s/conf/%s/%s", family, ifname, name);

	set_switch(path, value);
	free(path);
}

/* In the pod: its neighbours learn at once who has the address now. */
static int set_pod_switches(void *data)
{
	const struct request *request = data;

	set_pod_switch("ipv6", request->ifname, "disable_ipv6", '0');
	set_pod_switch("ipv4", request->ifname, "arp_notify", '1');
	set_pod_switch("ipv6", request->ifname, "ndisc_notify", '1');
	return 0;
}

static void set_forwarding(const struct attachment *attachment)
{
	if (attachment->ip[0].address.address.family)
		set_switch("/proc/sys/net/ipv4/ip_forward", '1');
	if (attachment->ip[1].address.address.family)
		set_switch("/proc/sys/net/ipv6/conf/all/forwarding", '1');
}

static int add_link_local(struct nl_sock *links, int ifindex, const uint8_t mac[6])
{
	struct link_address local = {.address = link_local_of(mac), .length = 64};

	return link_add_address(links, ifindex, &local);
}

static int make_bridge(struct nl_sock *links, const struct request *request,
		       struct link_state *state)
{
	const char *name = request->config.bridge;
	char *mark = wire_bridge_mark(request);
	struct ends ends;
	int error;

	ends_name("bridge", name, "", &ends);
	error = link_make_bridge(links, name, ends.host_mac);
	if (!error)
		error = link_find(links, name, state);
	if (!error)
		error = link_set_alias(links, state->ifindex, mark);
	if (!error)
		link_quiet_ipv6(links, state->ifindex);
	if (!error && request->config.mtu)
		error = link_set_mtu(links, state->ifindex, (unsigned int)request->config.mtu);
	if (!error)
		error = link_set_up(links, state->ifindex);
	if (!error)
		error = link_find(links, name, state);
	free(mark);
	return error;
}

static bool has_address(struct nl_sock *links, int ifindex, const struct address *wanted)
{
	struct link_address *addresses;
	bool has = false;
	size_t count;

	if (links_addresses(links, &addresses, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		has |= addresses[i].ifindex == ifindex &&
		       !address_compare(&addresses[i].address, wanted);
	free(addresses);
	return has;
}

/* A bridge of somebody else's is used as it is. */
static int set_gateway(struct nl_sock *links, const struct request *request,
		       const struct link_state *bridge, const struct family_address *ip, bool ours)
{
	struct link_address gateway = {.address = ip->gateway, .length = ip->subnet.length};
	char text[ADDRESS_TEXT];
	int error;

	if (!ours && !has_address(links, bridge->ifindex, &ip->gateway)) {
		refuse(REFUSED_CONFIG,
		       "bridge %s was not made by npctl and has no address %s for the gateway",
		       request->config.bridge, address_text(&ip->gateway, text));
		return fail_mend("ip addr add %s/%u dev %s", text, gateway.length,
				 request->config.bridge);
	}
	if (!ours)
		return 0;
	error = link_add_address(links, bridge->ifindex, &gateway);
	if (!error && ip->gateway.family == 6)
		error = add_link_local(links, bridge->ifindex, bridge->mac);
	return error;
}

static int settle_bridge(struct nl_sock *links, const struct request *request,
			 struct attachment *attachment)
{
	struct link_state *bridge = &attachment->bridge;
	char *mark = wire_bridge_mark(request);
	bool ours;
	int error = link_find(links, request->config.bridge, bridge);

	if (!error && bridge->ifindex && !bridge->bridge)
		error = refuse(REFUSED_CONFIG, "bridge: interface %s is no bridge",
			       request->config.bridge);
	if (!error && !bridge->ifindex)
		error = make_bridge(links, request, bridge);
	ours = !strcmp(bridge->alias, mark);
	for (size_t i = 0; i < FAMILIES && !error && request->config.is_gateway; i++)
		if (attachment->ip[i].gateway.family)
			error = set_gateway(links, request, bridge, &attachment->ip[i], ours);
	free(mark);
	return error;
}

static int make_cable(struct nl_sock *links, const struct request *request,
		      struct attachment *attachment)
{
	struct veth veth = {.host = request->ends.host,
			    .peer = request->ifname,
			    .netns = request->netns,
			    .mtu = (unsigned int)request->config.mtu};
	char *mark = wire_mark(request, request->container, request->ifname);
	int error;

	memcpy(veth.host_mac, request->ends.host_mac, sizeof(veth.host_mac));
	memcpy(veth.peer_mac, request->ends.mac, sizeof(veth.peer_mac));
	strcpy(attachment->host_name, request->ends.host);
	error = link_make_veth(links, &veth);
	if (!error)
		error = link_find(links, veth.host, &attachment->host);
	if (!error)
		error = link_set_alias(links, attachment->host.ifindex, mark);
	free(mark);
	return error;
}

static int set_host_end(struct nl_sock *links, const struct request *request,
			const struct attachment *attachment)
{
	int host = attachment->host.ifindex, error = 0;

	link_quiet_ipv6(links, host);
	if (!request->config.routed)
		error = link_set_master(links, host, attachment->bridge.ifindex);
	if (!error && !request->config.routed && request->config.hairpin)
		error = link_set_hairpin(links, host);
	return error;
}

static int add_route(struct nl_sock *pod, const struct attachment *attachment, const json_t *route)
{
	struct address gateway = {};
	struct prefix to;

	prefix_parse(field_text(route, "dst", ""), &to);
	if (*field_text(route, "gw", ""))
		address_parse(field_text(route, "gw", ""), &gateway);
	else
		gateway = attachment->ip[to.address.family == 6].gateway;
	return link_add_route(pod, attachment->pod.ifindex, &to, gateway.family ? &gateway : NULL);
}

/* No bridge to ask for neighbours: the gateway is the cable's other end, known for good. */
static int set_routed_gateway(struct nl_sock *pod, const struct attachment *attachment,
			      const struct family_address *ip)
{
	struct prefix gateway = {ip->gateway, ip->gateway.family == 4 ? 32 : 128};
	int error = link_add_route(pod, attachment->pod.ifindex, &gateway, NULL);

	return error ? error
		     : link_add_neighbour(pod, attachment->pod.ifindex, &ip->gateway,
					  attachment->host.mac);
}

static int set_pod_end(struct nl_sock *pod, const struct request *request,
		       struct attachment *attachment)
{
	int error = link_find(pod, request->ifname, &attachment->pod);
	json_t *route;
	size_t i;

	if (error)
		return error;
	memcpy(attachment->mac, attachment->pod.mac, sizeof(attachment->mac));
	link_quiet_ipv6(pod, attachment->pod.ifindex);
	error = link_set_up(pod, attachment->pod.ifindex);
	for (i = 0; i < FAMILIES && !error; i++) {
		const struct family_address *ip = &attachment->ip[i];

		if (!ip->address.address.family)
			continue;
		error = link_add_address(pod, attachment->pod.ifindex, &ip->address);
		if (!error && ip->address.address.family == 6)
			error = add_link_local(pod, attachment->pod.ifindex, attachment->mac);
		if (!error && request->config.routed)
			error = set_routed_gateway(pod, attachment, ip);
	}
	json_array_foreach (attachment->routes, i, route)
		error = error ? error : add_route(pod, attachment, route);
	if (!error && request->config.egress.rate)
		error = shape_set(pod, attachment->pod.ifindex, &request->config.egress);
	return error;
}

/* The runtime must not find the interface there before us. */
static int check_ifname(struct nl_sock *pod, const struct request *request)
{
	struct link_state state;
	int error = link_find(pod, request->ifname, &state);

	if (!error && state.ifindex)
		error = refuse(REFUSED_ENVIRONMENT, "CNI_IFNAME: container %s has an interface %s",
			       request->container, request->ifname);
	return error;
}

int wire_make(const struct request *request, struct attachment *attachment)
{
	struct nl_sock *links = NULL, *pod = NULL;
	int error = links_open(NULL, &links);

	if (!error)
		error = links_open(request->netns, &pod);
	if (!error)
		error = check_ifname(pod, request);
	if (!error && !request->config.routed)
		error = settle_bridge(links, request, attachment);
	if (!error)
		error = make_cable(links, request, attachment);
	if (!error)
		error = set_host_end(links, request, attachment);
	if (!error)
		error = netns_run(request->netns, set_pod_switches, (void *)request);
	if (!error)
		error = set_pod_end(pod, request, attachment);
	if (!error)
		set_forwarding(attachment);
	links_close(pod);
	links_close(links);
	return error;
}

static int route_to_pod(struct nl_sock *links, const struct attachment *attachment,
			const struct family_address *ip)
{
	struct prefix to = {ip->address.address, ip->address.length};
	int host = attachment->host.ifindex;
	int error = link_add_route(links, host, &to, NULL);

	return error ? error : link_add_neighbour(links, host, &to.address, attachment->mac);
}

int wire_raise(const struct request *request, const struct attachment *attachment)
{
	struct nl_sock *links;
	int error = links_open(NULL, &links);

	if (error)
		return error;
	error = link_set_up(links, attachment->host.ifindex);
	for (size_t i = 0; i < FAMILIES && !error && request->config.routed; i++)
		if (attachment->ip[i].address.address.family)
			error = route_to_pod(links, attachment, &attachment->ip[i]);
	if (!error && request->config.ingress.rate)
		error = shape_set(links, attachment->host.ifindex, &request->config.ingress);
	links_close(links);
	return error;
}
