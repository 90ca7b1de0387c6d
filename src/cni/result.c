// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Results: those of other plugins read, npctl's own made, each in its version's shape. */
#include <stdlib.h>
#include <string.h>
#include "cni/attachment.h"
#include "cni/refuse.h"
#include "manifest/schema.h"

void attachment_release(struct attachment *attachment)
{
	json_decref(attachment->routes);
	json_decref(attachment->dns);
}

json_t *link_address_text(const struct link_address *address)
{
	char text[ADDRESS_TEXT];

	return json_sprintf("%s/%u", address_text(&address->address, text), address->length);
}

int link_address_read(const char *text, struct link_address *address)
{
	char alone[ADDRESS_TEXT];
	struct prefix prefix;
	size_t length = text ? strcspn(text, "/") : 0;

	if (!length || length >= sizeof(alone) || !text[length] || prefix_parse(text, &prefix))
		return -1;
	memcpy(alone, text, length);
	alone[length] = '\0';
	if (address_parse(alone, &address->address))
		return -1;
	address->length = prefix.length;
	return 0;
}

/* The container's interface, or without a list of interfaces every address, is ours. */
static bool is_ours(const struct request *request, const json_t *result, const json_t *ip)
{
	const json_t *index = json_object_get(ip, "interface");
	const json_t *interface;

	if (!json_is_integer(index))
		return true;
	interface = json_array_get(json_object_get(result, "interfaces"),
				   (size_t)json_integer_value(index));
	return !strcmp(field_text(interface, "name", ""), request->ifname) &&
	       *field_text(interface, "sandbox", "");
}

static int take_ip(const json_t *ip, struct attachment *attachment)
{
	const char *text = field_text(ip, "address", ""), *gateway = field_text(ip, "gateway", "");
	struct link_address address = {};
	struct family_address *place;

	if (link_address_read(text, &address))
		return refuse(REFUSED_JSON, "the address \"%s\" is none with a length", text);
	place = &attachment->ip[address.address.family == 6];
	if (place->address.address.family)
		return refuse(REFUSED_CONFIG, "%s: a pod has one address of each family, not two",
			      text);
	place->address = address;
	prefix_parse(text, &place->subnet);
	if (*gateway && address_parse(gateway, &place->gateway))
		return refuse(REFUSED_JSON, "the gateway \"%s\" is no address", gateway);
	return 0;
}

static int take_routes(const json_t *routes, struct attachment *attachment)
{
	struct address gateway;
	struct prefix prefix;
	json_t *each;
	size_t i;

	json_array_foreach (routes, i, each) {
		const char *to = field_text(each, "dst", ""), *via = field_text(each, "gw", "");

		if (prefix_parse(to, &prefix) || (*via && address_parse(via, &gateway)))
			return refuse(REFUSED_JSON, "the route to \"%s\" is none", to);
	}
	if (json_array_size(routes))
		attachment->routes = json_deep_copy(routes);
	return 0;
}

int result_read(const struct request *request, const json_t *result, struct attachment *attachment)
{
	const json_t *dns = json_object_get(result, "dns");
	json_t *each;
	size_t i;

	json_array_foreach (json_object_get(result, "ips"), i, each)
		if (is_ours(request, result, each) && take_ip(each, attachment))
			return FAILED;
	if (take_routes(json_object_get(result, "routes"), attachment))
		return FAILED;
	if (json_object_size(dns))
		attachment->dns = json_deep_copy(dns);
	if (!attachment->ip[0].address.address.family && !attachment->ip[1].address.address.family)
		return refuse(REFUSED_CONFIG, "no address was given to %s", request->ifname);
	return 0;
}

static bool has_default(const json_t *routes, int family)
{
	struct prefix prefix;
	json_t *each;
	size_t i;

	json_array_foreach (routes, i, each)
		if (!prefix_parse(field_text(each, "dst", ""), &prefix) && !prefix.length &&
		    prefix.address.family == family)
			return true;
	return false;
}

/* The first address of the subnet is the bridge's. */
static struct address first_of(const struct prefix *subnet)
{
	struct address first = subnet->address;

	first.bytes[first.family == 4 ? 3 : 15] |= 1;
	return first;
}

static void complete_gateway(const struct request *request, struct family_address *ip)
{
	static const struct address routed[FAMILIES] = {
	    {4, {169, 254, 1, 1}},
	    {6, {0xfe, 0x80, [15] = 1}},
	};
	int family = ip->address.address.family;

	if (request->config.routed) {
		ip->gateway = routed[family == 6];
		ip->address.length = family == 4 ? 32 : 128;
	} else if (!ip->gateway.family && request->config.is_gateway) {
		ip->gateway = first_of(&ip->subnet);
	}
}

void routes_complete(const struct request *request, struct attachment *attachment)
{
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < FAMILIES; i++) {
		struct family_address *ip = &attachment->ip[i];
		int family = ip->address.address.family;

		if (!family)
			continue;
		complete_gateway(request, ip);
		if (!ip->gateway.family || !request->config.is_default_gateway ||
		    has_default(attachment->routes, family))
			continue;
		if (!attachment->routes)
			attachment->routes = json_array();
		json_array_append_new(attachment->routes,
				      json_pack("{s:s, s:s}", "dst",
						family == 4 ? "0.0.0.0/0" : "::/0", "gw",
						address_text(&ip->gateway, text)));
	}
}

static json_t *interface_row(const struct request *request, const char *name,
			     const struct link_state *state, const char *sandbox)
{
	char text[MAC_TEXT];
	json_t *row = json_pack("{s:s, s:s, s:s*}", "name", name, "mac", mac_text(state->mac, text),
				"sandbox", sandbox);

	if (version_compare(request->version, "1.1.0") >= 0)
		json_object_set_new(row, "mtu", json_integer(state->mtu));
	return row;
}

static json_t *ip_row(const struct request *request, const struct family_address *ip, int interface)
{
	char text[ADDRESS_TEXT];
	json_t *row = json_pack("{s:o, s:i}", "address", link_address_text(&ip->address),
				"interface", interface);

	if (ip->gateway.family)
		json_object_set_new(row, "gateway", json_string(address_text(&ip->gateway, text)));
	if (version_compare(request->version, "1.0.0") < 0)
		json_object_set_new(row, "version",
				    json_string(ip->address.address.family == 4 ? "4" : "6"));
	return row;
}

json_t *result_make(const struct request *request, const struct attachment *attachment)
{
	json_t *interfaces = json_array(), *ips = json_array(), *result;

	if (request->previous) {
		result = json_deep_copy(request->previous);
		json_object_set_new(result, "cniVersion", json_string(request->version));
		json_decref(interfaces);
		json_decref(ips);
		return result;
	}
	if (attachment->bridge.ifindex)
		json_array_append_new(interfaces, interface_row(request, request->config.bridge,
								&attachment->bridge, NULL));
	json_array_append_new(
	    interfaces, interface_row(request, attachment->host_name, &attachment->host, NULL));
	json_array_append_new(
	    interfaces, interface_row(request, request->ifname, &attachment->pod, request->netns));
	for (size_t i = 0; i < FAMILIES; i++)
		if (attachment->ip[i].address.address.family)
			json_array_append_new(ips, ip_row(request, &attachment->ip[i],
							  (int)json_array_size(interfaces) - 1));
	result = json_pack("{s:s, s:o, s:o, s:O*}", "cniVersion", request->version, "interfaces",
			   interfaces, "ips", ips, "routes", attachment->routes);
	json_object_set_new(result, "dns",
			    request->config.dns ? json_deep_copy(request->config.dns)
			    : attachment->dns	? json_incref(attachment->dns)
						: json_object());
	return result;
}
