// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>
#include "cni/refuse.h"
#include "cni/request.h"
#include "manifest/schema.h"

#define MTU_LEAST 68
#define MTU_MOST 65535

enum kind { TEXT, FLAG, NUMBER, OBJECT, PREFIXES, STANDARD };

#define AT(member) offsetof(struct config, member)

/* Every field that is known; STANDARD ones belong to the specification and are read elsewhere. */
static const struct field {
	const char *name;
	enum kind kind;
	size_t at;
} fields[] = {
    {"bridge", TEXT, AT(bridge)},
    {"mode", TEXT, AT(mode)},
    {"namespace", TEXT, AT(namespace)},
    {"root", TEXT, AT(root)},
    {"defaultPolicy", TEXT, AT(default_policy)},
    {"mtu", NUMBER, AT(mtu)},
    {"strict", FLAG, AT(strict)},
    {"isGateway", FLAG, AT(is_gateway)},
    {"isDefaultGateway", FLAG, AT(is_default_gateway)},
    {"ipMasq", FLAG, AT(masquerade)},
    {"masquerade", FLAG, AT(masquerade)},
    {"hairpinMode", FLAG, AT(hairpin)},
    {"podcidr", PREFIXES, AT(podcidr)},
    {"masqueradeExcept", PREFIXES, AT(masquerade_except)},
    {"labels", OBJECT, AT(labels)},
    {"dns", OBJECT, AT(dns)},
    {"cniVersion", STANDARD, 0},
    {"cniVersions", STANDARD, 0},
    {"name", STANDARD, 0},
    {"type", STANDARD, 0},
    {"ipam", STANDARD, 0},
    {"args", STANDARD, 0},
    {"capabilities", STANDARD, 0},
    {"runtimeConfig", STANDARD, 0},
    {"prevResult", STANDARD, 0},
    {"disableCheck", STANDARD, 0},
    {"disableGC", STANDARD, 0},
    {"loadOnlyInlinedPlugins", STANDARD, 0},
};

static int take_prefix(const char *name, const json_t *value, struct prefix *prefix)
{
	const char *text = json_string_value(value);

	if (text && strchr(text, '/') && !prefix_parse(text, prefix))
		return 0;
	return refuse(REFUSED_CONFIG, "%s: \"%s\" is no prefix such as 10.0.0.0/24", name,
		      text ? text : "");
}

/* One, or an array of them. */
static int take_prefixes(struct config *config, const struct field *field, const json_t *value)
{
	size_t count = json_is_array(value) ? json_array_size(value) : 1;
	struct prefix *prefixes = xalloc((count + 1) * sizeof(*prefixes));
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = take_prefix(field->name,
				    json_is_array(value) ? json_array_get(value, i) : value,
				    &prefixes[i]);
	if (field->at == AT(podcidr)) {
		config->podcidr = prefixes;
		config->podcidr_count = count;
	} else {
		config->masquerade_except = prefixes;
		config->except_count = count;
	}
	return error;
}

static int take_field(struct config *config, const struct field *field, json_t *value)
{
	void *place = (char *)config + field->at;
	bool good = true;

	switch (field->kind) {
	case TEXT:
		good = json_is_string(value);
		*(const char **)place = json_string_value(value);
		break;
	case FLAG:
		good = json_is_boolean(value);
		*(bool *)place =
		    json_is_true(value) || (*(bool *)place && field->at == AT(masquerade));
		break;
	case NUMBER:
		good = json_is_integer(value);
		*(json_int_t *)place = json_integer_value(value);
		break;
	case OBJECT:
		good = json_is_object(value);
		*(json_t **)place = value;
		break;
	case PREFIXES:
		return take_prefixes(config, field, value);
	case STANDARD:
		break;
	}
	return good ? 0 : refuse(REFUSED_CONFIG, "%s is of the wrong type", field->name);
}

static int refuse_field(const char *name, const json_t *value)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	int error = refuse(REFUSED_FIELD,
			   "the configuration has a field that is not supported: "
			   "\"%s\": %s",
			   name, text ? text : "");

	free(text);
	return error;
}

static int take_fields(struct config *config, json_t *json)
{
	const char *name;
	json_t *value;

	json_object_foreach (json, name, value) {
		const struct field *field = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			if (!strcmp(fields[i].name, name))
				field = &fields[i];
		if (!field && !strncmp(name, "cni.dev/", 8))
			continue;
		/* a word that is not understood might have been meant to deny */
		if (!field)
			return refuse_field(name, value);
		if (!json_is_null(value) && take_field(config, field, value))
			return FAILED;
	}
	return 0;
}

static int take_ipam(struct config *config, const json_t *json)
{
	const json_t *ipam = json_object_get(json, "ipam"), *type;

	if (!ipam || json_is_null(ipam) || (json_is_object(ipam) && !json_object_size(ipam)))
		return 0;
	type = json_object_get(ipam, "type");
	config->ipam = json_string_value(type);
	if (!config->ipam || !*config->ipam || strchr(config->ipam, '/'))
		return refuse(REFUSED_CONFIG, "ipam.type names no plugin");
	return 0;
}

static int check_labels(const json_t *labels)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)labels, key, value)
		if (!schema_is_label_key(key) || !json_is_string(value) ||
		    !schema_is_label_value(json_string_value(value)))
			return refuse(REFUSED_CONFIG, "labels: \"%s\" is no label", key);
	return 0;
}

static int check_words(struct config *config)
{
	const char *verdict = config->default_policy;

	if (config->mode && strcmp(config->mode, "bridge") != 0 &&
	    strcmp(config->mode, "routed") != 0)
		return refuse(REFUSED_CONFIG, "mode: \"%s\" is neither bridge nor routed",
			      config->mode);
	config->routed = config->mode && !strcmp(config->mode, "routed");
	if (verdict && strcmp(verdict, "allow") != 0 && strcmp(verdict, "deny") != 0)
		return refuse(REFUSED_CONFIG, "defaultPolicy: \"%s\" is neither allow nor deny",
			      verdict);
	if (!verdict && config->strict)
		config->default_policy = "deny";
	if (config->namespace && !is_plain_name(config->namespace))
		return refuse(REFUSED_CONFIG, "namespace: \"%s\" is no name of a namespace",
			      config->namespace);
	if (!is_plain_name(config->bridge) || strlen(config->bridge) > 15)
		return refuse(REFUSED_CONFIG, "bridge: \"%s\" is no name of an interface",
			      config->bridge);
	if (config->mtu && (config->mtu < MTU_LEAST || config->mtu > MTU_MOST))
		return refuse(REFUSED_CONFIG, "mtu: %lld is not %d to %d", (long long)config->mtu,
			      MTU_LEAST, MTU_MOST);
	if (config->root && *config->root != '/')
		return refuse(REFUSED_CONFIG, "root: \"%s\" is no path", config->root);
	return check_labels(config->labels);
}

static int check_podcidr(const struct config *config)
{
	unsigned int seen = 0;
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < config->podcidr_count; i++) {
		const struct prefix *prefix = &config->podcidr[i];
		unsigned int family = prefix->address.family;

		if (prefix->length > (family == 4 ? 30 : 126))
			return refuse(REFUSED_CONFIG, "podcidr %s is too small to allocate from",
				      prefix_text(prefix, text));
		if (seen & 1u << family)
			return refuse(REFUSED_CONFIG,
				      "podcidr: two prefixes of IPv%u; a pod has one "
				      "address of each family",
				      family);
		seen |= 1u << family;
	}
	return 0;
}

static int check_source(const struct request *request)
{
	const struct config *config = &request->config;
	int sources = (config->podcidr_count > 0) + (config->ipam != NULL);

	if (request->previous && sources)
		return refuse(REFUSED_CONFIG, "behind another plugin, which has given the address, "
					      "podcidr and ipam have no use");
	if (!request->previous && !sources)
		return refuse(REFUSED_CONFIG, "where do addresses come from? podcidr or ipam");
	if (sources > 1)
		return refuse(REFUSED_CONFIG, "podcidr and ipam exclude each other");
	return 0;
}

static int check(struct request *request)
{
	int error = check_words(&request->config);

	if (!error)
		error = check_podcidr(&request->config);
	if (!error)
		error = capabilities_read(request);
	/* behind another plugin, everything but ADD brings a prevResult, too */
	if (!error && request->command == COMMAND_ADD)
		error = check_source(request);
	return error;
}

int config_read(struct request *request)
{
	bool lenient = request->command == COMMAND_DEL || request->command == COMMAND_GC;
	struct config *config = &request->config;
	int error;

	*config = (struct config){.is_gateway = true, .is_default_gateway = true};
	request->previous = json_object_get(request->json, "prevResult");
	if (json_is_null(request->previous))
		request->previous = NULL;
	if (request->previous && !json_is_object(request->previous))
		return refuse(REFUSED_JSON, "prevResult is no JSON object");
	error = take_fields(config, request->json);
	if (!config->bridge)
		config->bridge = "npctl0";
	if (!error || lenient)
		error = take_ipam(config, request->json);
	if (!error)
		error = check(request);
	if (!error || !lenient)
		return error;
	failure_clear(); /* what is there is taken away, however it is spelled by now */
	return 0;
}

void config_release(struct config *config)
{
	free(config->podcidr);
	free(config->masquerade_except);
	free(config->wished);
}
