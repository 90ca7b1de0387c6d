// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What there is, against what there should be. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "cni/attachment.h"
#include "cni/refuse.h"
#include "manifest/schema.h"

/* Both ends know each other, and the other one is here and not in a third namespace. */
static int find_other_end(struct nl_sock *links, const struct request *request,
			  struct attachment *attachment)
{
	const struct link_state *pod = &attachment->pod, *host = &attachment->host;

	if (!pod->veth || !if_indextoname((unsigned int)pod->peer, attachment->host_name))
		return refuse(REFUSED_CONFIG,
			      "interface %s of container %s has no end on this host, where npctl "
			      "could enforce policy (a veth pair has, as from bridge or ptp)",
			      request->ifname, request->container);
	if (link_find(links, attachment->host_name, &attachment->host))
		return FAILED;
	if (!host->veth || host->ifindex != pod->peer || host->peer != pod->ifindex)
		return refuse(REFUSED_CONFIG,
			      "interface %s is not the other end of %s of "
			      "container %s",
			      attachment->host_name, request->ifname, request->container);
	return 0;
}

int wire_find(const struct request *request, struct attachment *attachment)
{
	struct nl_sock *links = NULL, *pod = NULL;
	int error = links_open(NULL, &links);

	if (!error)
		error = links_open(request->netns, &pod);
	if (!error)
		error = link_find(pod, request->ifname, &attachment->pod);
	if (!error && !attachment->pod.ifindex)
		error = refuse(REFUSED_CONFIG, "container %s has no interface %s",
			       request->container, request->ifname);
	if (!error)
		error = find_other_end(links, request, attachment);
	memcpy(attachment->mac, attachment->pod.mac, sizeof(attachment->mac));
	links_close(pod);
	links_close(links);
	return error;
}

static int check_addresses(struct nl_sock *pod, const struct request *request, int ifindex,
			   const json_t *record)
{
	struct link_address *addresses = NULL, wanted;
	json_t *each;
	size_t i, k, count;
	int error = links_addresses(pod, &addresses, &count);

	json_array_foreach (json_object_get(record, "addresses"), i, each) {
		const char *text = json_string_value(each);

		if (error || link_address_read(text, &wanted))
			continue;
		for (k = 0; k < count; k++)
			if (addresses[k].ifindex == ifindex &&
			    !address_compare(&addresses[k].address, &wanted.address))
				break;
		if (k == count)
			error = refuse(REFUSED_CHECK, "%s of container %s has lost its address %s",
				       request->ifname, request->container, text);
	}
	free(addresses);
	return error;
}

/* Those that ADD reported; who comes later in a chain may have added others. */
static int check_routes(struct nl_sock *pod, const struct request *request, int ifindex)
{
	struct prefix to;
	json_t *each;
	bool has;
	size_t i;

	json_array_foreach (json_object_get(request->previous, "routes"), i, each) {
		const char *text = field_text(each, "dst", "");

		if (prefix_parse(text, &to))
			continue;
		if (link_has_route(pod, ifindex, &to, &has))
			return FAILED;
		if (!has)
			return refuse(REFUSED_CHECK, "%s of container %s has lost its route to %s",
				      request->ifname, request->container, text);
	}
	return 0;
}

static int check_shape(struct nl_sock *links, const char *name, int ifindex,
		       const struct shape *shape)
{
	bool set = true;

	if (shape->rate && shape_is_set(links, ifindex, shape, &set))
		return FAILED;
	return set ? 0 : refuse(REFUSED_CHECK, "%s has lost its limit of bandwidth", name);
}

static int check_pod(const struct request *request, const json_t *record)
{
	struct link_state state = {};
	struct nl_sock *pod;
	int error = links_open(request->netns, &pod);

	if (!error)
		error = link_find(pod, request->ifname, &state);
	if (!error && (!state.ifindex || !state.up))
		error = refuse(REFUSED_CHECK, "%s of container %s is %s", request->ifname,
			       request->container, state.ifindex ? "down" : "gone");
	if (!error)
		error = check_addresses(pod, request, state.ifindex, record);
	if (!error && !json_object_get(record, "chained"))
		error = check_routes(pod, request, state.ifindex);
	if (!error)
		error = check_shape(pod, request->ifname, state.ifindex, &request->config.egress);
	links_close(pod);
	return error;
}

static int check_bridge(struct nl_sock *links, const struct link_state *host, const json_t *record)
{
	const char *name = field_text(record, "bridge", "");
	struct link_state bridge = {};

	if (!*name)
		return 0;
	if (link_find(links, name, &bridge))
		return FAILED;
	if (!bridge.ifindex || !bridge.up)
		return refuse(REFUSED_CHECK, "bridge %s is %s", name,
			      bridge.ifindex ? "down" : "gone");
	if (host->master != bridge.ifindex)
		return refuse(REFUSED_CHECK, "%s is no longer on bridge %s",
			      field_text(record, "host", ""), name);
	return 0;
}

static int check_host(const struct request *request, const json_t *record)
{
	const char *name = field_text(record, "host", "");
	struct link_state state = {};
	struct nl_sock *links;
	int error = links_open(NULL, &links);

	if (!error)
		error = link_find(links, name, &state);
	if (!error && (!state.ifindex || !state.up))
		error = refuse(REFUSED_CHECK, "interface %s of container %s is %s", name,
			       request->container, state.ifindex ? "down" : "gone");
	if (!error)
		error = check_bridge(links, &state, record);
	if (!error)
		error = check_shape(links, name, state.ifindex, &request->config.ingress);
	links_close(links);
	return error;
}

int wire_check(const struct request *request, const json_t *record)
{
	int error = check_host(request, record);

	return error ? error : check_pod(request, record);
}
