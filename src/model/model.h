/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the user said: namespaces, pods, policies, one-line rules. One reader
 * fills it from YAML and JSON, from files and from the stored documents alike.
 */
#ifndef NPCTL_MODEL_MODEL_H
#define NPCTL_MODEL_MODEL_H

#include <jansson.h>
#include <stddef.h>
#include "base/cidr.h"
#include "compile/plan.h"

struct label {
	const char *key, *value;
};

struct labels {
	struct label *label; /* sorted by key */
	size_t count;
};

struct container_port {
	const char *name; /* "" when it has none */
	uint8_t protocol; /* IPPROTO_TCP, _UDP, _SCTP */
	uint16_t port;
};

/* What a pod's network does with packets that no rule speaks of. */
enum fallback_verdict { FALLBACK_NONE, FALLBACK_ALLOW, FALLBACK_DENY };

struct pod {
	const char *namespace, *name;
	struct labels labels;
	struct address *addresses;
	struct container_port *ports;
	size_t address_count, port_count;
	const char *node;		 /* "" when unknown: this host */
	struct address *local_addresses; /* those that a record before this one gave it */
	size_t local_address_count;
	struct address *node_addresses; /* of its node, as its status tells */
	size_t node_address_count;
	bool host_network;
	bool ended; /* completed or failed: it has no network any more */
	bool wired; /* by the CNI plugin, which knows its addresses */
	enum fallback_verdict fallback;
	bool subject; /* to be compiled as a subject */
};

struct model; /* the rest is policy/'s own: model/model_private.h */

/* What is in force, and what the candidate says that `policy shadow` tries out. */
enum which_side { SIDE_FORCE, SIDE_SHADOW, SIDES };
#define SIDES_BOTH ((1u << SIDE_FORCE) | (1u << SIDE_SHADOW))

struct model *model_new(void);
void model_free(struct model *model);

/*
 * Adds one Kubernetes object, or a one-line rule or default as the documents
 * hold it. `where` ("file.yml:12", "documents") begins the error sentence.
 * An object of the same kind and name replaces the earlier one.
 */
int model_add(struct model *model, const json_t *object, const char *where);

/* Policies, rules and defaults that are added from here on are for these sides alone. */
void model_sides(struct model *model, unsigned int sides);

/*
 * Marks "ns/pod", "dev:IF", "cgroup:PATH" or "user:IF" as a subject; the last becomes
 * "user:IF:any" and "user:IF:UID" for each user whom a rule names, so it comes after
 * the rules. A pod that is no more is passed over.
 */
int model_subject_add(struct model *model, const char *name);
/* These and nobody else; either may be NULL. */
void model_subjects_only(struct model *model, const struct pod *from, const struct pod *to);
/* No pod, but what else is marked, and every interface where a rule names users. */
void model_subjects_users(struct model *model);
/* Every pod that is not on its node's network, every interface where a rule names users. */
void model_subjects_add_all(struct model *model);

/*
 * The same for a stored document, an object or an array of them, whose objects
 * were checked when they were stored. `text` is worked in, and of no use after.
 */
int model_add_document(struct model *model, char *text, size_t size, const char *where);

/* The same for an array that is JSON already. */
int model_add_array(struct model *model, const json_t *array, const char *where);

/* Reads a file, a directory (its *.yaml, *.yml and *.json, sorted), or "-". */
int model_read(struct model *model, const char *path);

/* There are rules of that "action" and "direction" for "subject", whatever they say. */
int model_scope_add(struct model *model, const json_t *scope);
/* Some one-line rule has a prefix of that length. */
void model_length_add(struct model *model, uint8_t family, uint8_t length);
bool model_has_lists(const struct model *model);
bool model_has_services(const struct model *model);
/* What a model takes from this host without being told: its addresses, and who users are. */
struct signature model_surroundings(const struct model *model);

/* For those who look at rules, not at addresses: large lists are left out of the plan. */
void model_forget_lists(struct model *model);

size_t model_pod_count(const struct model *model);
struct pod *model_pod(const struct model *model, size_t index);
/* "ns/pod", or a bare pod name when only one namespace has it. NULL, silently. */
struct pod *model_pod_find(const struct model *model, const char *name);
/* The full title of a policy or one-line rule, by title or by a name that is unique; NULL. */
const char *policy_title_find(const struct model *model, const char *word);
const struct labels *model_namespace_labels(const struct model *model, const char *name);

#endif
