/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "compile/classes.h"

#include <stdio.h>
#include <stdlib.h>
#include "manifest/schema.h"
#include "model/users.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

struct model *model_new(void)
{
	struct model *model = xalloc(sizeof(*model));

	model->this_node = model_text(model, "");
	model->sides = SIDES_BOTH;
	return model;
}

void model_sides(struct model *model, unsigned int sides)
{
	model->sides = sides;
	model->shadowed |= sides != SIDES_BOTH;
}

void model_length_add(struct model *model, uint8_t family, uint8_t length)
{
	const struct prefix prefix = {.address.family = family, .length = length};

	if (!model->lengths)
		model->lengths = model_array(model, SPECIFICITY_WHOLE + 1, sizeof(bool));
	model->lengths[prefix_specificity(&prefix)] = true;
}

bool model_has_lists(const struct model *model)
{
	for (size_t i = 0; i < model->peers.count; i++)
		if (model->peers.item[i]->kind == PEER_LIST)
			return true;
	return false;
}

bool model_has_services(const struct model *model)
{
	return model->services.count;
}

static int compare_addresses(const void *a, const void *b)
{
	return address_compare(a, b);
}

/* Who is meant by "user:IF:WHO", each such subject once. */
static void sign_users(const struct model *model, struct signature *signature)
{
	struct lookup known = {0};
	struct signature sum = {0};

	for (size_t i = 0; i < model->lines.count; i++) {
		const struct line *line = model->lines.item[i];
		struct signature subject = {0}, key = {0};

		if (!line->interface)
			continue;
		sign_text(&key, line->subject);
		if (lookup_put(&known, &key, (uint32_t)i) != i)
			continue;
		sign_text(&subject, line->subject);
		sign_bytes(&subject, line->users.uids,
			   line->users.count * sizeof(*line->users.uids));
		sign_number(&subject, line->users.unknown != NULL);
		sum.high += subject.high;
		sum.low += subject.low;
	}
	lookup_release(&known);
	sign_signature(signature, &sum);
}

struct signature model_surroundings(const struct model *model)
{
	size_t size = model->host_address_count * sizeof(*model->host_addresses);
	struct address *sorted = xalloc(size + 1);
	struct signature signature = {0};

	if (size)
		memcpy(sorted, model->host_addresses, size);
	qsort(sorted, model->host_address_count, sizeof(*sorted), compare_addresses);
	sign_bytes(&signature, sorted, size);
	sign_users(model, &signature);
	free(sorted);
	return signature;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	free(model->pods.item);
	free(model->namespaces.item);
	free(model->nodes.item);
	free(model->services.item);
	free(model->policies.item);
	free(model->peers.item);
	free(model->lines.item);
	free(model->defaults.item);
	free(model->lists.item);
	free(model->devices.item);
	lookup_release(&model->names);
	lookup_release(&model->owners);
	texts_release(&model->texts);
	pool_release(&model->pool);
	free(model);
}

static struct signature name_signature(enum name_kind kind, const char *a, const char *b)
{
	struct signature signature = {.high = (uint64_t)kind + 1};

	sign_text(&signature, a);
	sign_text(&signature, b);
	return signature;
}

uint32_t model_name(struct model *model, enum name_kind kind, const char *a, const char *b,
		    uint32_t fresh)
{
	struct signature signature = name_signature(kind, a, b);

	return lookup_put(&model->names, &signature, fresh);
}

uint32_t model_name_find(const struct model *model, enum name_kind kind, const char *a,
			 const char *b)
{
	struct signature signature = name_signature(kind, a, b);

	return lookup_get(&model->names, &signature);
}

const char *model_text(struct model *model, const char *text)
{
	return texts_get(&model->texts, text);
}

const char *model_format(struct model *model, const char *format, ...)
{
	va_list list;
	const char *text;
	char *made;

	va_start(list, format);
	if (vasprintf(&made, format, list) < 0)
		abort();
	va_end(list);
	text = model_text(model, made);
	free(made);
	return text;
}

const char *model_title(struct model *model, const char *a, const char *b)
{
	size_t first = strlen(a), second = strlen(b);
	char text[512];

	if (first + second + 2 > sizeof(text))
		return model_format(model, "%s/%s", a, b);
	memcpy(text, a, first);
	text[first] = '/';
	memcpy(text + first + 1, b, second);
	return texts_get_part(&model->texts, text, first + 1 + second);
}

void *model_array(struct model *model, size_t count, size_t size)
{
	return pool_get(&model->pool, count * size);
}

/* The name of a namespace is always one of its labels. */
static void label_with_name(struct model *model, struct namespace *namespace)
{
	struct labels *labels = &namespace->labels;
	const char *key = model_text(model, NAME_LABEL);
	struct label *label = model_array(model, labels->count + 1, sizeof(*label));
	size_t count = 0;
	bool placed = false;

	for (size_t i = 0; i < labels->count; i++) {
		if (labels->label[i].key == key)
			continue;
		if (!placed && strcmp(labels->label[i].key, key) > 0) {
			label[count++] = (struct label){key, namespace->name};
			placed = true;
		}
		label[count++] = labels->label[i];
	}
	if (!placed)
		label[count++] = (struct label){key, namespace->name};
	labels->label = label;
	labels->count = count;
}

struct namespace *model_namespace(struct model *model, const char *name)
{
	uint32_t fresh = (uint32_t)model->namespaces.count;
	uint32_t index = model_name(model, NAME_NAMESPACE, name, "", fresh);
	struct namespace *namespace;

	if (index != fresh)
		return model->namespaces.item[index];
	namespace = model_array(model, 1, sizeof(*namespace));
	namespace->name = model_text(model, name);
	label_with_name(model, namespace);
	ADD(model->namespaces, namespace);
	return namespace;
}

int read_namespace(struct model *model, const struct item *object, const char *where)
{
	const struct item *metadata = item_get(object, "metadata");
	struct namespace *namespace = model_namespace(model, item_text(metadata, "name", ""));

	(void)where;
	namespace->declared = true;
	read_labels(model, item_get(metadata, "labels"), &namespace->labels);
	label_with_name(model, namespace);
	return 0;
}

struct node *model_node(struct model *model, const char *name)
{
	uint32_t fresh = (uint32_t)model->nodes.count;
	uint32_t index = model_name(model, NAME_NODE, name, "", fresh);
	struct node *node;

	if (index != fresh)
		return model->nodes.item[index];
	node = model_array(model, 1, sizeof(*node));
	node->name = model_text(model, name);
	ADD(model->nodes, node);
	return node;
}

int read_node(struct model *model, const struct item *object, const char *where)
{
	const struct item *metadata = item_get(object, "metadata");
	const struct item *addresses = item_get(item_get(object, "status"), "addresses");
	struct node *node = model_node(model, item_text(metadata, "name", ""));

	(void)where;
	node->declared = true;
	read_labels(model, item_get(metadata, "labels"), &node->labels);
	node->addresses = model_array(model, item_count(addresses), sizeof(*node->addresses));
	node->address_count = 0;
	ITEM_EACH (addresses, value) {
		/* Host names stand among them, too. */
		if (address_parse(item_text(value, "address", ""),
				  &node->addresses[node->address_count]) == 0)
			node->address_count++;
	}
	return 0;
}

static void peer_sign(struct peer *peer)
{
	struct signature *signature = &peer->signature;

	sign_number(signature, peer->kind);
	sign_text(signature, peer->namespace ? peer->namespace : "");
	sign_text(signature, peer->name ? peer->name : "");
	selector_sign(signature, &peer->namespaces);
	selector_sign(signature, &peer->pods);
	sign_bytes(signature, peer->prefixes, peer->prefix_count * sizeof(*peer->prefixes));
	sign_bytes(signature, peer->excepts, peer->except_count * sizeof(*peer->excepts));
}

uint32_t model_peer(struct model *model, const struct peer *peer)
{
	struct peer *copy = model_array(model, 1, sizeof(*copy));
	uint32_t fresh = (uint32_t)model->peers.count, index;

	*copy = *peer;
	copy->signature = (struct signature){0};
	peer_sign(copy);
	/* `names` holds signatures of other shapes; this one begins with its kind, too. */
	sign_number(&copy->signature, NAME_PEER);
	index = lookup_put(&model->names, &copy->signature, fresh);
	if (index == fresh)
		ADD(model->peers, copy);
	return index;
}

bool peer_selects_pod(const struct model *model, const struct peer *peer, const struct pod *pod)
{
	if (pod->host_network)
		return false;
	if (peer->kind == PEER_ANY)
		return true;
	if (peer->kind == PEER_POD)
		return model_pod_find(model, peer->name) == pod;
	if (peer->kind != PEER_PODS)
		return false;
	if (peer->namespace ? peer->namespace != pod->namespace
			    : !selector_matches(&peer->namespaces,
						model_namespace_labels(model, pod->namespace)))
		return false;
	return selector_matches(&peer->pods, &pod->labels);
}

const char *model_list_text(const struct model *model, const char *name)
{
	uint32_t index = model_name_find(model, NAME_LIST, name, "");

	if (index != LOOKUP_NONE)
		return model->lists.item[index]->text;
	if (strcmp(name, "private") == 0)
		return "10.0.0.0/8\n172.16.0.0/12\n192.168.0.0/16\nfc00::/7\n";
	return strcmp(name, "loopback") == 0 ? "127.0.0.0/8\n::1\n" : NULL;
}

void model_list_set(struct model *model, const char *name, const char *text)
{
	uint32_t fresh = (uint32_t)model->lists.count;
	uint32_t index = model_name(model, NAME_LIST, name, "", fresh);
	size_t size = strlen(text) + 1;
	struct cidr_list *list;
	char *copy;

	if (index == fresh) {
		list = model_array(model, 1, sizeof(*list));
		list->name = model_text(model, name);
		ADD(model->lists, list);
	}
	list = model->lists.item[index];
	copy = model_array(model, size, 1);
	memcpy(copy, text, size);
	list->text = copy;
}

int read_list(struct model *model, const struct item *object, const char *where)
{
	const char *name = item_text(object, "name", "");
	const struct item *text = item_get(object, "cidrs");

	if (!text || text->kind != ITEM_TEXT)
		return fail("%s: list \"%s\" holds no text", where, name);
	model_list_set(model, name, text->text);
	return 0;
}

int read_host(struct model *model, const struct item *object, const char *where)
{
	const struct item *addresses = item_get(object, "addresses");

	model->this_node = model_text(model, item_text(object, "node", ""));
	model->host_addresses =
	    model_array(model, item_count(addresses), sizeof(*model->host_addresses));
	model->host_address_count = 0;
	ITEM_EACH (addresses, value) {
		const char *text = item_string(value);

		if (!text || address_parse(text, &model->host_addresses[model->host_address_count]))
			return fail("%s: \"%s\" is no address of this host", where,
				    text ? text : "");
		model->host_address_count++;
	}
	return 0;
}

typedef int (*reader)(struct model *model, const struct item *object, const char *where);

static int read_nothing(struct model *model, const struct item *object, const char *where)
{
	(void)model;
	(void)object;
	(void)where;
	return 0;
}

static reader reader_of_kind(const char *kind)
{
	static const struct {
		const char *kind;
		reader read;
	} readers[] = {
	    {"Pod", read_pod},
	    {"NetworkPolicy", read_network_policy},
	    {"Namespace", read_namespace},
	    {"Node", read_node},
	    {"ClusterNetworkPolicy", read_cluster_policy},
	    {"AdminNetworkPolicy", read_cluster_policy},
	    {"BaselineAdminNetworkPolicy", read_cluster_policy},
	    {"Rule", read_rule},
	    {"Default", read_default},
	    {"CidrList", read_list},
	    {"DomainName", read_domain},
	    {"Endpoint", read_endpoint},
	    {"NpctlHost", read_host},
	    {"NpctlNetwork", read_network},
	    {"Service", read_service},
	    {"RuleSequence", read_nothing},
	};

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (strcmp(readers[i].kind, kind) == 0)
			return readers[i].read;
	return read_workload;
}

static int add_item(struct model *model, const struct item *object, const char *where)
{
	return reader_of_kind(item_text(object, "kind", ""))(model, object, where);
}

int model_add_checked(struct model *model, const json_t *object, const char *where)
{
	struct pool pool = {0};
	struct item item;
	int result;

	item_from_json(&pool, object, &item);
	result = add_item(model, &item, where);
	pool_release(&pool);
	return result;
}

int model_add_document(struct model *model, char *text, size_t size, const char *where)
{
	struct pool pool = {0};
	struct item item;
	int result = 0;

	if (item_parse(&pool, text, size, &item))
		result = fail("%s: the document is damaged", where);
	else if (item.kind == ITEM_OBJECT)
		result = add_item(model, &item, where);
	ITEM_EACH (&item, object)
		if (!result && item.kind == ITEM_ARRAY)
			result = add_item(model, object, where);
	pool_release(&pool);
	return result;
}

int model_add_array(struct model *model, const json_t *array, const char *where)
{
	char *text = json_dumps(array, JSON_COMPACT);
	int result = model_add_document(model, text, strlen(text), where);

	free(text);
	return result;
}

int model_add(struct model *model, const json_t *object, const char *where)
{
	struct schema_place place = {.where = where};

	if (schema_check(object, &place))
		return FAILED;
	return model_add_checked(model, object, where);
}

static void add_device(struct model *model, const char *name)
{
	for (size_t i = 0; i < model->devices.count; i++)
		if (strcmp(model->devices.item[i], name) == 0)
			return;
	ADD(model->devices, model_text(model, name));
}

/* Of an interface: everybody, and each user whom some rule names there. */
static void add_users(struct model *model, const char *interface)
{
	char uid[16];

	add_device(model, model_format(model, "%s:any", interface));
	for (size_t i = 0; i < model->lines.count; i++) {
		const struct line *line = model->lines.item[i];

		for (size_t j = 0; line->interface && j < line->users.count; j++)
			if (strcmp(line->interface, interface) == 0)
				add_device(model, model_format(model, "%s:%s", interface,
							       uid_text(line->users.uids[j], uid)));
	}
}

int model_subject_add(struct model *model, const char *name)
{
	struct pod *pod;

	if (strncmp(name, "user:", 5) == 0) {
		add_users(model, name);
		return 0;
	}
	if (strncmp(name, "dev:", 4) == 0 || strncmp(name, "cgroup:", 7) == 0) {
		add_device(model, name);
		return 0;
	}
	pod = model_pod_find(model, name);
	if (!pod) /* an attachment may outlive its pod */
		return 0;
	pod->subject = true;
	if (pod->local_address_count && !pod->ended) {
		pod->addresses = pod->local_addresses;
		pod->address_count = pod->local_address_count;
	}
	return 0;
}

static void mark_pods(struct model *model, const struct pod *from, const struct pod *to)
{
	for (size_t i = 0; i < model->pods.count; i++) {
		struct pod *pod = model->pods.item[i];

		pod->subject = (pod == from || pod == to) && !pod->host_network;
	}
}

void model_subjects_only(struct model *model, const struct pod *from, const struct pod *to)
{
	mark_pods(model, from, to);
	model->devices.count = 0;
}

static void add_all_users(struct model *model)
{
	for (size_t i = 0; i < model->lines.count; i++)
		if (model->lines.item[i]->interface)
			add_users(model, model->lines.item[i]->interface);
}

void model_subjects_users(struct model *model)
{
	mark_pods(model, NULL, NULL);
	add_all_users(model);
}

void model_subjects_add_all(struct model *model)
{
	for (size_t i = 0; i < model->pods.count; i++)
		model->pods.item[i]->subject = !model->pods.item[i]->host_network;
	add_all_users(model);
}

void model_forget_lists(struct model *model)
{
	for (size_t i = 0; i < model->lists.count; i++)
		model->lists.item[i]->text = "";
}

size_t model_pod_count(const struct model *model)
{
	return model->pods.count;
}

struct pod *model_pod(const struct model *model, size_t index)
{
	return model->pods.item[index];
}

struct pod *model_pod_find(const struct model *model, const char *name)
{
	const char *slash = strchr(name, '/');
	struct pod *found = NULL;
	char namespace[256];
	uint32_t index;

	if (slash) {
		if ((size_t)(slash - name) >= sizeof(namespace))
			return NULL;
		memcpy(namespace, name, (size_t)(slash - name));
		namespace[slash - name] = '\0';
		index = model_name_find(model, NAME_POD, namespace, slash + 1);
		return index == LOOKUP_NONE ? NULL : model->pods.item[index];
	}
	for (size_t i = 0; i < model->pods.count; i++) {
		if (strcmp(model->pods.item[i]->name, name))
			continue;
		if (found)
			return NULL;
		found = model->pods.item[i];
	}
	return found;
}

const struct labels *model_namespace_labels(const struct model *model, const char *name)
{
	static const struct labels none;
	uint32_t index = model_name_find(model, NAME_NAMESPACE, name, "");

	return index == LOOKUP_NONE ? &none : &model->namespaces.item[index]->labels;
}

const char *policy_title_find(const struct model *model, const char *word)
{
	const char *found = NULL;

	for (size_t i = 0; i < model->lines.count; i++)
		if (strcmp(model->lines.item[i]->title, word) == 0)
			return model->lines.item[i]->title;
	for (size_t i = 0; i < model->policies.count; i++) {
		const struct policy *policy = model->policies.item[i];

		if (strcmp(policy->title, word) == 0)
			return policy->title;
		if (strcmp(policy->name, word) == 0) {
			if (found)
				return NULL;
			found = policy->title;
		}
	}
	return found;
}
