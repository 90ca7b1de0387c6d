/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* endpoint: the pods that policies know, where they are and who they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "commit/enforce.h"
#include "questions/explain.h"
#include "compile/identity.h"
#include "questions/listing.h"
#include "questions/matrix.h"
#include "manifest/schema.h"
#include "manifest/kept.h"
#include "store/documents.h"
#include "base/port.h"

static const struct option none[] = {{0}};

static const struct option add_options[] = {
    {"address", VALUE_TEXT, "ADDRESS", "IPv4 or IPv6, one of each", 'a', true},
    {"label", VALUE_TEXT, "KEY=VALUE", "what selectors ask for", 'l', true},
    {"identity", VALUE_NUMBER, "N", "a number of your own for --from-identity and --to-identity", 0,
     false},
    {"node", VALUE_TEXT, "NAME", "the node it is on (default: this one)", 0, false},
    {0},
};

static json_t *addresses_row(const struct pod *pod)
{
	json_t *array = json_array();
	char text[ADDRESS_TEXT];

	for (size_t i = 0; i < pod->address_count; i++)
		json_array_append_new(array, json_string(address_text(&pod->addresses[i], text)));
	return array;
}

static json_t *labels_row(const struct pod *pod)
{
	json_t *object = json_object();

	for (size_t i = 0; i < pod->labels.count; i++)
		json_object_set_new(object, pod->labels.label[i].key,
				    json_string(pod->labels.label[i].value));
	return object;
}

static json_t *identity_row(const struct loaded *loaded, const struct pod *pod)
{
	uint32_t identity;

	if (pod->address_count &&
	    identity_of(loaded->plan, loaded->hits.numbers, &pod->addresses[0], &identity))
		return json_integer(identity);
	return json_null();
}

/* What a packet meets that no rule speaks of: the three states of a pod. */
static const char *state_of(const struct loaded *loaded, const struct pod *pod, const char *name,
			    enum direction direction, bool attached)
{
	int index = plan_subject_find(loaded->plan, name);
	const struct plan_table *table;
	const struct plan_set *set;

	if (pod->host_network)
		return "host";
	if (index < 0 || !attached)
		return "not attached";
	if (!loaded->plan->subjects[index].enforced[direction])
		return "no policy";
	set = &loaded->plan->sets[loaded->plan->subjects[index].set[direction]];
	table = &loaded->plan->tables[set->fallback];
	if (set->count || table->count > 1)
		return "policies";
	return loaded->plan->rules[plan_table_rule(loaded->plan, table, 0)].allow ? "default allow"
										  : "default deny";
}

static bool is_attached(const json_t *attachments, const char *name)
{
	json_t *attachment;
	size_t index;

	json_array_foreach (attachments, index, attachment) {
		if (strcmp(field_text(attachment, "subject", ""), name) == 0)
			return true;
	}
	return false;
}

static json_t *pod_row(const struct loaded *loaded, const json_t *attachments,
		       const struct pod *pod)
{
	char *name = xprintf("%s/%s", pod->namespace, pod->name);
	bool attached = is_attached(attachments, name);
	json_t *row =
	    json_pack("{s:s, s:o, s:o, s:o, s:s, s:s}", "name", name, "identity",
		      identity_row(loaded, pod), "addresses", addresses_row(pod), "labels",
		      labels_row(pod), "ingress", state_of(loaded, pod, name, INGRESS, attached),
		      "egress", state_of(loaded, pod, name, EGRESS, attached));

	free(name);
	return row;
}

/* Lists and mappings as one cell each. */
static void flatten(json_t *row)
{
	const char *keys[] = {"addresses", "labels"}, *key;
	json_t *value;
	size_t index;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *from = json_object_get(row, keys[i]);
		char *text = NULL;
		size_t size;
		FILE *to = open_memstream(&text, &size);

		if (!to)
			return;
		json_array_foreach (from, index, value)
			fprintf(to, "%s%s", index ? ", " : "", json_string_value(value));
		index = 0;
		json_object_foreach (from, key, value)
			fprintf(to, "%s%s=%s", index++ ? "," : "", key, json_string_value(value));
		fclose(to);
		json_object_set_new(row, keys[i], json_string(text));
		free(text);
	}
}

static int run_list(struct context *context, const struct words *words)
{
	static const struct column columns[] = {
	    {.key = "name"},	  {.key = "identity", .right = true},
	    {.key = "addresses"}, {.key = "ingress"},
	    {.key = "egress"},	  {.key = "labels"},
	};
	json_t *rows, *attachments;
	struct loaded loaded;
	int error = loaded_open(&loaded, context, LOADED_ALL);

	(void)words;
	if (error)
		return error;
	rows = json_array();
	attachments = document_get(loaded.instance, "attachments");
	for (size_t i = 0; i < model_pod_count(loaded.model); i++) {
		json_t *row = pod_row(&loaded, attachments, model_pod(loaded.model, i));

		if (!context->out.json)
			flatten(row);
		json_array_append_new(rows, row);
	}
	out_table(&context->out, rows, columns, ARRAY_SIZE(columns), "no endpoints");
	json_decref(attachments);
	loaded_close(&loaded);
	return 0;
}

static json_t *ports_row(const struct pod *pod)
{
	json_t *array = json_array();

	for (size_t i = 0; i < pod->port_count; i++) {
		const struct container_port *port = &pod->ports[i];
		char word[8];

		json_array_append_new(array, json_sprintf(*port->name ? "%s/%u (%s)" : "%s/%u",
							  protocol_text(port->protocol, word),
							  port->port, port->name));
	}
	return array;
}

static int run_get(struct context *context, const struct words *words)
{
	struct loaded loaded;
	const struct pod *pod;
	json_t *row, *attachments;
	int error = loaded_open(&loaded, context, LOADED_MODEL);

	if (error)
		return error;
	pod = model_pod_find(loaded.model, words->word[0]);
	model_subjects_only(loaded.model, pod, NULL);
	if (pod)
		error = loaded_compile(&loaded);
	if (pod && !error) {
		attachments = document_get(loaded.instance, "attachments");
		row = pod_row(&loaded, attachments, pod);
		if (*pod->node)
			json_object_set_new(row, "node", json_string(pod->node));
		json_object_set_new(row, "ports", ports_row(pod));
		json_object_set_new(row, "policies", policies_of_pod(loaded.model, pod));
		json_object_set_new(
		    row, "rules",
		    listing_pod(loaded.model, loaded.plan, pod, hits_count, &loaded.hits));
		out_object(&context->out, row);
		json_decref(attachments);
	} else if (!pod) {
		error = fail("endpoint \"%s\" does not exist", words->word[0]);
	}
	loaded_close(&loaded);
	return error;
}

/* "ns/name" or "name" in two parts, both as Kubernetes would take them. */
static int split_name(const char *word, char **namespace, char **name)
{
	const char *slash = strchr(word, '/');

	*namespace = slash ? xstrdup(word) : xstrdup("default");
	if (slash)
		(*namespace)[slash - word] = '\0';
	*name = xstrdup(slash ? slash + 1 : word);
	if (schema_is_dns_label(*namespace) && schema_is_dns_subdomain(*name))
		return 0;
	free(*namespace);
	free(*name);
	return misuse("\"%s\" is no name such as web or default/web", word);
}

static int addresses_of(const struct words *words, const struct model *model, const char *namespace,
			const char *name, json_t *addresses)
{
	const char *word;

	for (size_t i = 0; (word = word_nth(words, "address", i)); i++) {
		struct address address;
		char text[ADDRESS_TEXT];
		const struct pod *owner;

		if (address_parse(word, &address))
			return misuse("\"%s\" is no IP address", word);
		owner = model_pod_at(model, &address);
		if (owner && (strcmp(namespace, owner->namespace) || strcmp(name, owner->name)))
			return fail("%s belongs to %s/%s", word, owner->namespace, owner->name);
		json_array_append_new(addresses,
				      json_pack("{s:s}", "ip", address_text(&address, text)));
	}
	return 0;
}

static int labels_of(const struct words *words, json_t *labels)
{
	const char *word, *equals;
	uint64_t identity = 0;

	for (size_t i = 0; (word = word_nth(words, "label", i)); i++) {
		char *key = xstrdup(word);
		bool good;

		equals = strchr(word, '=');
		if (equals)
			key[equals - word] = '\0';
		good = equals && schema_is_label_key(key) && schema_is_label_value(equals + 1);
		if (good)
			json_object_set_new(labels, key, json_string(equals + 1));
		free(key);
		if (!good)
			return misuse("\"%s\" is no label such as app=web", word);
	}
	if (word_number(words, "identity", 1, UINT32_MAX, &identity))
		return MISUSED;
	if (identity)
		json_object_set_new(labels, IDENTITY_LABEL,
				    json_sprintf("%llu", (unsigned long long)identity));
	return 0;
}

static int put_endpoint(struct instance *instance, const struct words *words, const char *namespace,
			const char *name)
{
	char *document = xprintf("pods/%s", namespace);
	json_t *labels = json_object(), *addresses = json_array(), *pods, *pod;
	struct model *model = NULL;
	int error = enforce_model(instance, &model);

	if (!error)
		error = addresses_of(words, model, namespace, name, addresses);
	if (!error)
		error = labels_of(words, labels);
	if (!error) {
		pod = json_pack("{s:s, s:s, s:{s:s, s:s, s:O}, s:{s:s, s:[]}, s:{s:O}}",
				"apiVersion", "v1", "kind", "Pod", "metadata", "name", name,
				"namespace", namespace, "labels", labels, "spec", "nodeName",
				word_value(words, "node") ? word_value(words, "node") : "",
				"containers", "status", "podIPs", addresses);
		pods = document_array(instance, document);
		objects_put(pods, pod);
		document_put(instance, document, pods);
		error = enforce_commit(instance);
	}
	model_free(model);
	json_decref(labels);
	json_decref(addresses);
	free(document);
	return error;
}

static int run_add(struct context *context, const struct words *words)
{
	struct instance *instance;
	char *namespace, *name;
	int error;

	if (!word_value(words, "address"))
		return misuse("where is it? --address ADDRESS");
	if (split_name(words->word[0], &namespace, &name))
		return MISUSED;
	error = instance_open(&instance, context->root, ACCESS_CREATE);
	if (!error) {
		error = put_endpoint(instance, words, namespace, name);
		instance_close(instance);
	}
	free(namespace);
	free(name);
	return error;
}

static int delete_endpoint(struct instance *instance, const char *word)
{
	json_t *attachments = document_get(instance, "attachments"), *pods, *like;
	struct model *model = NULL;
	const struct pod *pod = NULL;
	char *name = NULL, *document = NULL;
	int error = enforce_model(instance, &model);

	if (!error)
		pod = model_pod_find(model, word);
	if (!error && !pod)
		error = fail("endpoint \"%s\" does not exist", word);
	if (error)
		goto out;
	name = xprintf("%s/%s", pod->namespace, pod->name);
	document = xprintf("pods/%s", pod->namespace);
	if (is_attached(attachments, name)) {
		fail("endpoint \"%s\" is attached", name);
		error = fail_mend("npctl detach %s", name);
		goto out;
	}
	pods = document_array(instance, document);
	like = json_pack("{s:s, s:{s:s}}", "kind", "Pod", "metadata", "name", pod->name);
	objects_remove(pods, like);
	json_decref(like);
	if (!json_array_size(pods)) {
		json_decref(pods);
		pods = NULL;
	}
	document_put(instance, document, pods);
	error = enforce_commit(instance);
out:
	free(name);
	free(document);
	model_free(model);
	json_decref(attachments);
	return error;
}

static int run_delete(struct context *context, const struct words *words)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_WRITE);

	if (error)
		return error;
	for (int i = 0; !error && i < words->count; i++)
		error = delete_endpoint(instance, words->word[i]);
	instance_close(instance);
	return error;
}

static const struct verb verbs[] = {
    {"list", "", "every endpoint: addresses, identity, labels, state", 0, 0, none, run_list, NULL},
    {"get", "ENDPOINT", "one endpoint, the policies that select it and its rules", 1, 1, none,
     run_get, "POD"},
    {"add", "NAME", "an endpoint by hand", 1, 1, add_options, run_add, NULL},
    {"delete", "ENDPOINT…", "forget endpoints", 1, -1, none, run_delete, "POD"},
    {0},
};

const struct command command_endpoint = {"endpoint", "who is where, and under which identity",
					 verbs};
