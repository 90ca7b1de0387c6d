/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inside of a model, for src/model and src/compile alone. All texts are interned, so
 * equal texts are equal pointers; all memory lives as long as the model.
 */
#ifndef NPCTL_MODEL_MODEL_PRIVATE_H
#define NPCTL_MODEL_MODEL_PRIVATE_H

#include "base/content.h"
#include "base/port.h"
#include "manifest/item.h"
#include "model/model.h"
#include "manifest/schema.h"
#include "base/window.h"

enum op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_ABSENT };

struct requirement {
	const char *key;
	enum op op;
	const char **values;
	size_t count;
};

/* Without requirements it selects everything. */
struct selector {
	struct requirement *requirements;
	size_t count;
};

/* Whom a rule is about. PEER_PODS also says whom a policy is about. */
enum peer_kind {
	PEER_ANY,
	PEER_PODS,  /* by selectors; `namespace` or `namespaces` */
	PEER_BLOCK, /* prefixes without exceptions' addresses */
	PEER_NODES, /* by the labels in `pods` */
	PEER_POD,   /* exactly the pod `name` */
	PEER_LIST,  /* the prefixes of the list `name`; of a domain name: see domain.h */
	PEER_WORLD, /* neither a pod nor a node */
	PEER_HOST,  /* this node */
	PEER_NAMES, /* domain names: matches nothing yet known */
};

struct peer {
	enum peer_kind kind;
	const char *namespace; /* NULL: those that `namespaces` selects */
	struct selector namespaces, pods;
	struct prefix *prefixes, *excepts;
	size_t prefix_count, except_count;
	const char *name;
	const char *text; /* peer_text() makes it */
	struct signature signature;
};

enum action { ACTION_DENY, ACTION_ALLOW, ACTION_PASS };

struct policy_rule {
	enum action action;
	const char *name; /* "" when it has none */
	uint32_t *peers;  /* into model->peers; any of them */
	struct port_item *ports;
	size_t peer_count, port_count; /* no ports: every packet */
	bool named_ports;
	int index; /* in its policy's direction; the id of a one-line rule */
	uint32_t rate_per_second, rate_burst; /* 0: as often as it likes */
	struct window window;		      /* of the day; else it is as if it were not there */
	struct signature signature;
};

struct policy {
	const char *kind, *namespace; /* NULL for a cluster's */
	const char *name;
	const char *title; /* "ns/name" or "name" */
	const char *where;
	const char *origin; /* "agent…": the agent's; "" a user's */
	unsigned int sides;
	enum tier tier;
	int priority;
	uint32_t subject; /* a PEER_PODS */
	bool applies[DIRECTIONS];
	struct policy_rule *rules[DIRECTIONS];
	size_t rule_count[DIRECTIONS];
};

/* A one-line rule. */
struct line {
	struct policy_rule rule;
	unsigned int sides;
	enum direction direction;
	const char *subject;   /* "ns/pod", "dev:IF", a selector; NULL: every subject */
	uint32_t selected;     /* the peer that such a selector is, or LOOKUP_NONE */
	bool endpoint;	       /* of a file of endpoints */
	const char *title;     /* "rule 3", or the endpoint's name */
	const char *origin;    /* as a policy's */
	const char *interface; /* "user:IF" of a rule about users; else NULL */
	struct line_users {
		const uint32_t *uids; /* sorted */
		size_t count;
		bool any;
		const char *unknown; /* why it is not known whom the rule means; NULL */
	} users;
	const char *preset; /* that it comes from; "": none */
};

struct default_line {
	unsigned int sides;
	enum direction direction;
	bool allow;
	bool closed;	     /* by an allow rule that is no more; yields to what is said outright */
	const char *subject; /* NULL: all pods and interfaces */
	uint32_t selected;   /* the peer that a selector is, or LOOKUP_NONE */
};

struct namespace
{
	const char *name;
	struct labels labels;
	bool declared;
};

struct node {
	const char *name;
	struct labels labels;
	struct address *addresses;
	size_t address_count;
	bool declared;
};

struct service_port {
	const char *target_name; /* NULL: a number */
	uint8_t protocol;
	uint16_t port, target;
};

struct service {
	const char *namespace, *title;
	struct labels selector;
	struct address *addresses; /* its ClusterIPs */
	struct service_port *ports;
	size_t address_count, port_count;
};

struct cidr_list {
	const char *name, *text;
};

#define POINTERS(type)                  \
	struct {                        \
		type **item;            \
		size_t count, capacity; \
	}

struct model {
	struct pool pool;
	struct texts texts;
	POINTERS(struct pod) pods;
	POINTERS(struct namespace) namespaces;
	POINTERS(struct node) nodes;
	POINTERS(struct service) services;
	POINTERS(struct policy) policies;
	POINTERS(struct peer) peers;
	POINTERS(struct line) lines;
	POINTERS(struct default_line) defaults;
	POINTERS(struct cidr_list) lists;
	POINTERS(const char) devices; /* "dev:eth0" */
	bool *lengths; /* that prefixes of rules not in the model have, by specificity; NULL */
	struct address *host_addresses;
	size_t host_address_count;
	const char *this_node; /* "" when unknown */
	unsigned int sides;    /* of what is added now */
	bool shadowed;	       /* something is for one side alone */
	struct lookup names;   /* (kind, name) -> index */
	struct lookup owners;  /* address -> pod, once all have theirs */
};

#define ADD(array, element)                                          \
	do {                                                         \
		GROW((array).item, (array).count, (array).capacity); \
		(array).item[(array).count++] = (element);           \
	} while (0)

enum name_kind {
	NAME_POD,
	NAME_NAMESPACE,
	NAME_NODE,
	NAME_POLICY,
	NAME_PEER,
	NAME_LIST,
	NAME_SERVICE,
	NAME_SHADOW_POLICY
};

/* The index under which (kind, a, b) is known; `fresh` is put there when new. */
uint32_t model_name(struct model *model, enum name_kind kind, const char *a, const char *b,
		    uint32_t fresh);
uint32_t model_name_find(const struct model *model, enum name_kind kind, const char *a,
			 const char *b); /* or LOOKUP_NONE */

const char *model_text(struct model *model, const char *text);
const char *model_format(struct model *model, const char *format, ...) PRINTF(2, 3);
/* "a/b" */
const char *model_title(struct model *model, const char *a, const char *b);
void *model_array(struct model *model, size_t count, size_t size);

struct namespace *model_namespace(struct model *model, const char *name);
struct node *model_node(struct model *model, const char *name);
/* Whose ClusterIP it is, or NULL. */
const struct service *service_at(const struct model *model, const struct address *address);
/* The lines of a list, "" when there is none; "private" and "loopback" are always there. */
/* NULL: no such list. */
const char *model_list_text(const struct model *model, const char *name);
/* Takes copies. */
void model_list_set(struct model *model, const char *name, const char *text);
/* Takes a copy; equal peers share an index. */
uint32_t model_peer(struct model *model, const struct peer *peer);

const char *peer_text(const struct model *model, uint32_t index);

/*
 * How closely a one-line rule's peer describes an address, so that the longest
 * prefix wins: any, world, /1 … /31, label selectors, then whole addresses.
 */
#define SPECIFICITY_ANY 0
#define SPECIFICITY_WORLD 1
#define SPECIFICITY_SELECTOR 255
#define SPECIFICITY_WHOLE 256
uint16_t prefix_specificity(const struct prefix *prefix);

bool selector_matches(const struct selector *selector, const struct labels *labels);
const char *labels_get(const struct labels *labels, const char *key); /* NULL */
const char *selector_text(struct model *model, const struct selector *selector);
void selector_sign(struct signature *signature, const struct selector *selector);

/* The peer selects the pod, or the node, by name and labels (not by address). */
bool peer_selects_pod(const struct model *model, const struct peer *peer, const struct pod *pod);

int rate_parse(const char *text, uint32_t *per_second, uint32_t *burst);

/* The object has passed schema_check(). */
int model_add_checked(struct model *model, const json_t *object, const char *where);

/* The rule is for that subject: the pod `pod` (NULL: a device) of that name. */
bool line_is_for(const struct model *model, const struct line *line, const struct pod *pod,
		 const char *name);

/* What was closed by an allow rule for those whom it was for. */
bool default_closes(const struct model *model, const struct default_line *line,
		    const struct pod *pod, const char *name);
/* Readers of one kind each; the object has passed schema_check. */
int read_namespace(struct model *model, const struct item *object, const char *where);
int read_node(struct model *model, const struct item *object, const char *where);
int read_service(struct model *model, const struct item *object, const char *where);
int read_pod(struct model *model, const struct item *object, const char *where);
int read_workload(struct model *model, const struct item *object, const char *where);
int read_network_policy(struct model *model, const struct item *object, const char *where);
int read_cluster_policy(struct model *model, const struct item *object, const char *where);
int read_rule(struct model *model, const struct item *object, const char *where);
int read_endpoint(struct model *model, const struct item *object, const char *where);
int read_default(struct model *model, const struct item *object, const char *where);
int read_list(struct model *model, const struct item *object, const char *where);
int read_domain(struct model *model, const struct item *object, const char *where);
int read_host(struct model *model, const struct item *object, const char *where);
int read_network(struct model *model, const struct item *object, const char *where);

/* The pod of that name, made when there is none. */
struct pod *pod_of_name(struct model *model, const char *namespace, const char *name);

void read_labels(struct model *model, const struct item *object, struct labels *labels);
void read_selector(struct model *model, const struct item *object, struct selector *selector);
void policy_add(struct model *model, struct policy *policy);
void policy_rule_sign(const struct model *model, const struct policy *policy,
		      enum direction direction, struct policy_rule *rule);

/* The parts that a rule and an endpoint have in common: "ports" and "between"; then it is added. */
int read_rule_ports(struct model *model, const struct item *array, const char *where,
		    struct policy_rule *rule);
int read_rule_window(const struct item *object, const char *where, struct policy_rule *rule);
void line_add(struct model *model, struct line *line);

/*
 * What a one-line rule calls a peer: address, prefix, ns/pod, pod, selector,
 * ns/selector, any, world, host, a domain name. fail() when it is none of them.
 */
int peer_from_text(struct model *model, const char *text, uint32_t *peer);

#endif
