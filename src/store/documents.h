/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was said, by name: JSON beside the records. */
#ifndef NPCTL_STORE_DOCUMENTS_H
#define NPCTL_STORE_DOCUMENTS_H

#include <jansson.h>
#include "store/instance.h"

#define AGENT_DOCUMENTS "agent/" /* what begins so is the agent's */
#define AGENT_RULES AGENT_DOCUMENTS "rules"

/*
 * Documents by name: "topology", "namespaces", "pods/NS", "policies/NS",
 * "cluster-policies", "rules", "lists/NAME", "defaults", "attachments", and the
 * agent's own: "agent/NN" with objects, "agent" about itself; "cni/NETWORK" is
 * the CNI plugin's (networks.h). A new reference or NULL; changes are seen at once by this
 * instance, and by others from the commit on.
 */
json_t *document_get(struct instance *instance, const char *name);
/* Takes over `value`; NULL removes. */
void document_put(struct instance *instance, const char *name, json_t *value);
/* The same for bytes that are no JSON. NULL when absent; freed by the caller. */
void *document_get_bytes(struct instance *instance, const char *name, size_t *size);
void document_put_bytes(struct instance *instance, const char *name, const void *data, size_t size);
/*
 * For those who change a few of the rules: they cost nothing but themselves. NULL, having
 * said why, when what an earlier version left as a document cannot be taken over.
 */
struct rule_store *instance_rules(struct instance *instance);
/* Those over something else than a prefix, in an array; a new reference. */
json_t *rules_beside_prefixes(struct instance *instance);
/* Something was put that differs from what is in force. */
bool documents_changed(const struct instance *instance);
/* The same, beside records. */
bool documents_proper_changed(const struct instance *instance);
/* Calls back for every document, in order of name; stops at a non-zero return. */
int document_each(struct instance *instance, int (*callback)(const char *name, void *data),
		  void *data);

/* For each document that differs from what is in force: whether it was there, and will be. */
typedef void document_changed(const char *name, bool was, bool is, void *data);
void documents_each_change(struct instance *instance, document_changed *callback, void *data);
/* As it is in force; a new reference, NULL. */
json_t *document_before(struct instance *instance, const char *name);

/* Used by instance.c: reads the directory in force, and frees it. */
int documents_open(struct instance *instance);
/* Without a lock: all documents of one version; false when there is none to be had. */
bool documents_snapshot(struct instance *instance);
void documents_release(struct instance *instance);
size_t document_count(struct instance *instance);

/*
 * Used by enforce.c alone. Write what changed beside what is in force, under
 * the idle half's directory; after the flip, forget what the other half had.
 */
int documents_stage(struct instance *instance);
void documents_clean(struct instance *instance);

#endif
