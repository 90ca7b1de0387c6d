// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a runtime wants for one container: runtimeConfig, args.cni, IP and MAC of CNI_ARGS. */
#include <string.h>
#include "cni/refuse.h"
#include "cni/request.h"
#include "manifest/schema.h"

/* "10.0.0.5" or "10.0.0.5/24": the length is the network's to say. */
static int take_address(struct config *config, const char *where, const char *text)
{
	char alone[ADDRESS_TEXT] = "";
	struct address address;
	struct prefix prefix;

	if (text && strcspn(text, "/") < sizeof(alone))
		memcpy(alone, text, strcspn(text, "/"));
	if (address_parse(alone, &address) || prefix_parse(text, &prefix))
		return refuse(REFUSED_CONFIG, "%s: \"%s\" is no IP address", where,
			      text ? text : "");
	for (size_t i = 0; i < config->wished_count; i++)
		if (config->wished[i].family == address.family)
			return refuse(REFUSED_CONFIG,
				      "%s: a pod has one address of each family, not two of IPv%u",
				      where, address.family);
	config->wished =
	    xrealloc(config->wished, (config->wished_count + 1) * sizeof(*config->wished));
	config->wished[config->wished_count++] = address;
	return 0;
}

static int take_addresses(struct config *config, const char *where, const json_t *addresses)
{
	json_t *each;
	size_t i;

	if (addresses && !json_is_array(addresses))
		return refuse(REFUSED_CONFIG, "%s is no array", where);
	json_array_foreach (addresses, i, each)
		if (take_address(config, where, json_string_value(each)))
			return FAILED;
	return 0;
}

static int take_mac(struct config *config, const char *where, const char *text)
{
	static const uint8_t none[6];

	if (!text || !*text || config->has_mac)
		return 0;
	if (mac_parse(text, config->mac) || config->mac[0] & 1 ||
	    !memcmp(config->mac, none, sizeof(none)))
		return refuse(REFUSED_CONFIG, "%s: \"%s\" is no MAC of one interface", where, text);
	config->has_mac = true;
	return 0;
}

static int take_shape(const json_t *bandwidth, const char *direction, struct shape *shape)
{
	char *rate_name = xprintf("%sRate", direction), *burst_name = xprintf("%sBurst", direction);
	json_int_t rate = json_integer_value(json_object_get(bandwidth, rate_name));
	json_int_t burst = json_integer_value(json_object_get(bandwidth, burst_name));
	int error = 0;

	/* less than a packet in the bucket, and none would ever pass */
	if (rate < 0 || burst < 0 || (rate > 0 && (rate < 8 || burst < 2048 * 8)))
		error = refuse(REFUSED_CONFIG,
			       "bandwidth: %s of 8 bit/s or more needs a %s of 16384 bits or more",
			       rate_name, burst_name);
	else if (rate)
		*shape = (struct shape){(uint64_t)rate, (uint64_t)burst};
	free(rate_name);
	free(burst_name);
	return error;
}

/* {"servers", "searches", "options"} under the names that a result has for them. */
static int take_dns(struct request *request, json_t *wanted)
{
	json_t *dns = json_pack(
	    "{s:O*, s:O*, s:O*}", "nameservers", json_object_get(wanted, "servers"), "search",
	    json_object_get(wanted, "searches"), "options", json_object_get(wanted, "options"));

	json_object_set_new(request->json, "dns", dns);
	request->config.dns = dns;
	return 0;
}

static int take_capability(struct request *request, const char *name, json_t *value)
{
	struct config *config = &request->config;

	if (!strcmp(name, "ips"))
		return take_addresses(config, "runtimeConfig.ips", value);
	if (!strcmp(name, "mac"))
		return take_mac(config, "runtimeConfig.mac", json_string_value(value));
	if (!strcmp(name, "bandwidth"))
		return take_shape(value, "ingress", &config->ingress) ||
			       take_shape(value, "egress", &config->egress)
			   ? FAILED
			   : 0;
	if (!strcmp(name, "dns"))
		return take_dns(request, value);
	/* what an IPAM plugin may want, and names for a resolver, are not for us to judge */
	if ((config->ipam && (!strcmp(name, "ipRanges") || !strcmp(name, "cgroupPath"))) ||
	    !strcmp(name, "aliases") || json_is_null(value) ||
	    (json_is_array(value) && !json_array_size(value)))
		return 0;
	return refuse(REFUSED_FIELD, "the capability \"%s\" is not supported (\"runtimeConfig\")",
		      name);
}

/* [{"key", "value"}] beside those of the configuration. */
static int take_labels(struct request *request, const json_t *labels)
{
	json_t *each;
	size_t i;

	if (!json_array_size(labels))
		return 0;
	if (!request->config.labels) {
		request->config.labels = json_object();
		json_object_set_new(request->json, "labels", request->config.labels);
	}
	json_array_foreach (labels, i, each) {
		const char *key = json_string_value(json_object_get(each, "key"));
		const char *value = json_string_value(json_object_get(each, "value"));

		if (!key || !value || !schema_is_label_key(key) || !schema_is_label_value(value))
			return refuse(REFUSED_CONFIG, "args.cni.labels: \"%s\" is no label",
				      key ? key : "");
		json_object_set_new(request->config.labels, key, json_string(value));
	}
	return 0;
}

int capabilities_read(struct request *request)
{
	struct config *config = &request->config;
	json_t *runtime = json_object_get(request->json, "runtimeConfig"), *value;
	const json_t *args = json_object_get(json_object_get(request->json, "args"), "cni");
	const char *name;

	json_object_foreach (runtime, name, value)
		if (take_capability(request, name, value))
			return FAILED;
	if (!config->wished_count &&
	    take_addresses(config, "args.cni.ips", json_object_get(args, "ips")))
		return FAILED;
	if (take_mac(config, "args.cni.mac", field_text(args, "mac", NULL)) ||
	    take_mac(config, "CNI_ARGS: MAC", request->pod_mac))
		return FAILED;
	if (!config->wished_count && request->pod_address &&
	    take_address(config, "CNI_ARGS: IP", request->pod_address))
		return FAILED;
	return take_labels(request, json_object_get(args, "labels"));
}
