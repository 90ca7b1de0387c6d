// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names and addresses for the pods of a model; nothing is made here. */
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "net/links.h"
#include "base/port.h"
#include "net/subnets.h"
#include "net/topo.h"

#define DEFAULT_BRIDGE "br-sim"
#define MANY_PODS 250 /* more than a /24 holds */

struct draft {
	const struct topo_wishes *wishes;
	struct addressing addressing;
	json_t *names; /* of links on the host and of namespaces ("/NAME") -> pod */
	json_t *rows;
};

static const char *wish_of(const struct draft *draft, const char *pod, const char *annotation)
{
	const json_t *own = json_object_get(draft->wishes->annotations, pod);

	return json_string_value(json_object_get(own, annotation));
}

static bool has_own_cable(const struct draft *draft, const char *pod)
{
	return wish_of(draft, pod, ANNOTATION_HOST_ADDRESSES) != NULL;
}

static bool is_planned(const struct draft *draft, const struct address *address)
{
	return address->family == 4 || !draft->wishes->only_ipv4;
}

static char *full_name(const struct pod *pod)
{
	return xprintf("%s/%s", pod->namespace, pod->name);
}

static bool is_wanted(const struct pod *pod)
{
	return !pod->host_network && !pod->ended;
}

static int take_given(struct draft *draft, const struct pod *pod)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < pod->address_count; i++) {
		if (address_is_taken(&draft->addressing, &pod->addresses[i]))
			return fail("pod \"%s/%s\": another pod has the address %s, too",
				    pod->namespace, pod->name,
				    address_text(&pod->addresses[i], text));
		address_take(&draft->addressing, &pod->addresses[i]);
	}
	return 0;
}

static int cover_given(struct draft *draft, const struct pod *pod)
{
	char *name = full_name(pod);
	int error = 0;

	for (size_t i = 0; i < pod->address_count && !error; i++)
		if (!has_own_cable(draft, name) && is_planned(draft, &pod->addresses[i]))
			error = bridge_cover(&draft->addressing, &pod->addresses[i]);
	free(name);
	return error;
}

static void choose(struct draft *draft, size_t pods)
{
	const struct topo_wishes *wishes = draft->wishes;
	const char *defaults[] = {pods > MANY_PODS ? "10.0.0.0/16" : "10.0.0.0/24",
				  "fd00:6e70::/64"};

	for (size_t i = 0; i < wishes->subnet_count && i < ARRAY_SIZE(draft->addressing.choices);
	     i++)
		draft->addressing.choices[draft->addressing.choice_count++] = wishes->subnets[i];
	for (size_t i = 0; i < ARRAY_SIZE(defaults) && !wishes->subnet_count; i++)
		prefix_parse(defaults[i],
			     &draft->addressing.choices[draft->addressing.choice_count++]);
}

/* "10.99.0.1/24, fd00::1/64" on the host side of a pod's own cable. */
static int cable_of(struct draft *draft, const char *pod, struct segment *cable)
{
	char *list = xstrdup(wish_of(draft, pod, ANNOTATION_HOST_ADDRESSES)), *rest = list, *word;
	int error = 0;

	while (!error && (word = strsep(&rest, ", "))) {
		struct subnet *subnet;
		struct address gateway;
		struct prefix prefix;
		char *slash;

		if (!*word)
			continue;
		error = prefix_parse(word, &prefix);
		slash = strchr(word, '/');
		if (slash)
			*slash = '\0';
		if (error || !slash || address_parse(word, &gateway)) {
			error = fail("pod \"%s\": annotation %s: \"%s\" is no address with the "
				     "length of its subnet",
				     pod, ANNOTATION_HOST_ADDRESSES, word);
		} else if (is_planned(draft, &gateway)) {
			subnet = subnet_add(cable, &prefix);
			subnet->gateway = gateway;
			address_take(&draft->addressing, &gateway);
		}
	}
	free(list);
	return error;
}

static json_t *address_string(const struct address *address, int length)
{
	char text[ADDRESS_TEXT];

	address_text(address, text);
	return length < 0 ? json_string(text) : json_sprintf("%s/%d", text, length);
}

static json_t *array_of(json_t *row, const char *key)
{
	json_t *array = json_object_get(row, key);

	if (!array) {
		array = json_array();
		json_object_set_new(row, key, array);
	}
	return array;
}

static void row_add_address(json_t *row, const struct address *address, struct subnet *subnet)
{
	json_t *gateways = array_of(row, "gateways"),
	       *gateway = address_string(&subnet->gateway, -1);
	bool known = false;
	json_t *each;
	size_t i;

	json_array_append_new(array_of(row, "addresses"),
			      address_string(address, subnet->prefix.length));
	/* one default route for each family */
	json_array_foreach (gateways, i, each) {
		struct address other;

		address_parse(json_string_value(each), &other);
		known = known || other.family == address->family;
	}
	if (known)
		json_decref(gateway);
	else
		json_array_append_new(gateways, gateway);
}

static int row_add_given(const struct draft *draft, json_t *row, const struct pod *pod,
			 const struct segment *segment)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < pod->address_count; i++) {
		const struct address *address = &pod->addresses[i];
		struct subnet *subnet = subnet_of(segment, address);

		if (!is_planned(draft, address))
			continue;
		if (!subnet)
			return fail("pod \"%s/%s\": %s is in no subnet of its host side",
				    pod->namespace, pod->name, address_text(address, text));
		if (!address_compare(address, &subnet->gateway))
			return fail("pod \"%s/%s\" and its host side both have the address %s",
				    pod->namespace, pod->name, address_text(address, text));
		row_add_address(row, address, subnet);
	}
	return 0;
}

/* One of each family is enough. */
static int row_add_from(struct draft *draft, json_t *row, struct subnet *subnet, bool done[7])
{
	uint8_t family = subnet->prefix.address.family;
	struct address address;

	if (done[family])
		return 0;
	done[family] = true;
	if (subnet_allocate(&draft->addressing, subnet, &address))
		return FAILED;
	row_add_address(row, &address, subnet);
	return 0;
}

static int row_add_chosen(struct draft *draft, json_t *row)
{
	struct addressing *addressing = &draft->addressing;
	bool done[7] = {};
	int error = 0;

	for (size_t i = 0; i < addressing->choice_count && !error; i++) {
		const struct prefix *choice = &addressing->choices[i];

		if (!is_planned(draft, &choice->address))
			continue;
		if (!subnet_of(&addressing->bridge, &choice->address))
			error = bridge_add(addressing, choice);
		if (!error)
			error = row_add_from(
			    draft, row, subnet_of(&addressing->bridge, &choice->address), done);
	}
	return error;
}

static int row_add_free(struct draft *draft, json_t *row, struct segment *segment)
{
	bool done[7] = {};
	int error = 0;

	if (segment == &draft->addressing.bridge)
		return row_add_chosen(draft, row);
	for (size_t i = 0; i < segment->count && !error; i++)
		error = row_add_from(draft, row, &segment->subnets[i], done);
	return error;
}

static uint32_t hash_of(const char *text)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash;
}

/* Locally administered; the first two bytes spell "np". */
static json_t *mac_for(const char *name)
{
	uint32_t hash = hash_of(name);
	const uint8_t mac[6] = {'n', 'p', hash >> 24, hash >> 16, hash >> 8, hash};
	char text[MAC_TEXT];

	return json_string(mac_text(mac, text));
}

static bool is_link_name(const char *name)
{
	size_t length = strlen(name);

	return length && length < IFNAMSIZ && !strpbrk(name, "/: \t\n") && strcmp(name, ".") &&
	       strcmp(name, "..");
}

static bool is_netns_name(const char *name)
{
	return *name && strlen(name) < 256 && !strchr(name, '/') && strcmp(name, ".") &&
	       strcmp(name, "..");
}

/* "/NAME" stands for a namespace, which may share its name with a link. */
static int name_take(struct draft *draft, const char *pod, const char *key, const char *name)
{
	const char *other = json_string_value(json_object_get(draft->names, key));

	if (other)
		return fail("pod \"%s\": %s already uses the name %s", pod, other, name);
	json_object_set_new(draft->names, key, json_string(pod));
	return 0;
}

/* "web-h" where that is short and free, else a few letters and a hash. */
static char *host_name(const struct draft *draft, const struct pod *pod, const char *full)
{
	bool plain = !strcmp(pod->namespace, "default");
	char *name =
	    plain ? xprintf("%s-h", pod->name) : xprintf("%s-%s-h", pod->namespace, pod->name);

	if (is_link_name(name) && !strchr(name, '.') && !json_object_get(draft->names, name))
		return name;
	free(name);
	return xprintf("%.4s-%08x-h", pod->name, hash_of(full));
}

static int row_name(struct draft *draft, json_t *row, const struct pod *pod, const char *full)
{
	const char *wished_host = wish_of(draft, full, ANNOTATION_HOST);
	const char *wished_netns = wish_of(draft, full, ANNOTATION_NETNS);
	const char *peer = wish_of(draft, full, ANNOTATION_PEER);
	char *host = wished_host ? xstrdup(wished_host) : host_name(draft, pod, full);
	char *netns =
	    wished_netns ? xstrdup(wished_netns) : xprintf("%s.%s", pod->namespace, pod->name);
	char *netns_key = xprintf("/%s", netns), *peer_key = xprintf("%s peer", host);
	int error = 0;

	if (!peer)
		peer = "eth0";
	if (!is_link_name(host) || !is_link_name(peer) || !strcmp(peer, "lo"))
		error = fail("pod \"%s\": \"%s\" is no name for an interface", full,
			     is_link_name(host) ? peer : host);
	else if (!is_netns_name(netns))
		error = fail("pod \"%s\": \"%s\" is no name for a network namespace", full, netns);
	if (!error)
		error = name_take(draft, full, host, host);
	if (!error)
		error = name_take(draft, full, netns_key, netns);
	json_object_set_new(row, "netns", json_string(netns));
	json_object_set_new(row, "host", json_string(host));
	json_object_set_new(row, "host_mac", mac_for(host));
	json_object_set_new(row, "peer", json_string(peer));
	json_object_set_new(row, "mac", mac_for(peer_key));
	free(netns_key);
	free(peer_key);
	free(netns);
	free(host);
	return error;
}

static void row_add_ports(json_t *row, const struct pod *pod)
{
	json_t *ports = array_of(row, "ports"), *each;
	char text[PORT_TEXT];

	for (size_t i = 0; i < pod->port_count; i++) {
		struct port port = {pod->ports[i].protocol, pod->ports[i].port};
		bool known = false;
		size_t j;

		port_text(&port, text);
		json_array_foreach (ports, j, each)
			known = known || !strcmp(json_string_value(each), text);
		if (!known)
			json_array_append_new(ports, json_string(text));
	}
}

/* Allocated last, when all that manifests give is taken. */
static int row_address(struct draft *draft, json_t *row, const struct pod *pod, const char *full)
{
	struct segment cable = {}, *segment = &draft->addressing.bridge;
	int error = 0;

	if (has_own_cable(draft, full)) {
		segment = &cable;
		error = cable_of(draft, full, &cable);
		for (size_t i = 0; i < cable.count; i++)
			json_array_append_new(array_of(row, "host_addresses"),
					      address_string(&cable.subnets[i].gateway,
							     cable.subnets[i].prefix.length));
	}
	if (!error)
		error = pod->address_count ? row_add_given(draft, row, pod, segment)
					   : row_add_free(draft, row, segment);
	free(cable.subnets);
	if (!error && !json_array_size(array_of(row, "addresses")))
		error =
		    fail("pod \"%s\" has only IPv6 addresses, and this machine has no IPv6", full);
	return error;
}

static int row_add(struct draft *draft, const struct pod *pod)
{
	char *full = full_name(pod);
	json_t *row = json_pack("{s:s}", "pod", full);
	int error;

	json_array_append_new(draft->rows, row);
	error = row_name(draft, row, pod, full);
	if (!error)
		error = row_address(draft, row, pod, full);
	if (!error)
		row_add_ports(row, pod);
	free(full);
	return error;
}

/* Whoever is on the bridge reaches its other subnets without a gateway, too. */
static void add_links(const struct draft *draft)
{
	char text[ADDRESS_TEXT];
	json_t *row;
	size_t i;

	json_array_foreach (draft->rows, i, row) {
		json_t *addresses = json_object_get(row, "addresses"), *each;

		for (size_t j = 0; j < draft->addressing.bridge.count; j++) {
			const struct prefix *prefix = &draft->addressing.bridge.subnets[j].prefix;
			bool family = false, own = false;
			struct address address;
			size_t k;

			json_array_foreach (addresses, k, each) {
				snprintf(text, sizeof(text), "%s", json_string_value(each));
				*strchr(text, '/') = '\0';
				address_parse(text, &address);
				family = family || address.family == prefix->address.family;
				own = own || prefix_contains(prefix, &address);
			}
			if (family && !own && !json_object_get(row, "host_addresses"))
				json_array_append_new(array_of(row, "links"),
						      json_string(prefix_text(prefix, text)));
		}
	}
}

static json_t *bridge_row(const struct draft *draft, const char *name)
{
	json_t *addresses = json_array();

	for (size_t i = 0; i < draft->addressing.bridge.count; i++)
		json_array_append_new(
		    addresses, address_string(&draft->addressing.bridge.subnets[i].gateway,
					      draft->addressing.bridge.subnets[i].prefix.length));
	return json_pack("{s:s, s:o, s:o}", "name", name, "mac", mac_for(name), "addresses",
			 addresses);
}

static int each_pod(struct draft *draft, const struct model *model,
		    int (*work)(struct draft *draft, const struct pod *pod))
{
	int error = 0;

	for (size_t i = 0; i < model_pod_count(model) && !error; i++)
		if (is_wanted(model_pod(model, i)))
			error = work(draft, model_pod(model, i));
	return error;
}

/* First those that name their interface: a made-up name must not be in their way. */
static int row_add_named(struct draft *draft, const struct pod *pod)
{
	char *full = full_name(pod);
	bool named = wish_of(draft, full, ANNOTATION_HOST);

	free(full);
	return named ? row_add(draft, pod) : 0;
}

static int row_add_unnamed(struct draft *draft, const struct pod *pod)
{
	char *full = full_name(pod);
	bool named = wish_of(draft, full, ANNOTATION_HOST);

	free(full);
	return named ? 0 : row_add(draft, pod);
}

int topo_plan(const struct model *model, const struct topo_wishes *wishes, json_t **record)
{
	const char *bridge = wishes->bridge ? wishes->bridge : DEFAULT_BRIDGE;
	struct draft draft = {.wishes = wishes, .names = json_object(), .rows = json_array()};
	int error = 0;

	*record = NULL;
	choose(&draft, model_pod_count(model));
	if (!is_link_name(bridge))
		error = fail("\"%s\" is no name for a bridge", bridge);
	json_object_set_new(draft.names, bridge, json_string("the bridge"));
	if (!error)
		error = each_pod(&draft, model, take_given);
	if (!error)
		error = each_pod(&draft, model, cover_given);
	if (!error)
		error = each_pod(&draft, model, row_add_named);
	if (!error)
		error = each_pod(&draft, model, row_add_unnamed);
	if (!error && !json_array_size(draft.rows))
		error = fail("there are no pods to make");
	if (!error) {
		add_links(&draft);
		*record = json_pack("{s:O}", "pods", draft.rows);
		if (draft.addressing.bridge.count)
			json_object_set_new(*record, "bridge", bridge_row(&draft, bridge));
	}
	json_decref(draft.rows);
	json_decref(draft.names);
	free(draft.addressing.bridge.subnets);
	free(draft.addressing.taken);
	return error;
}
