/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One npctl instance: a directory on a bpffs with maps/, progs/ and links/.
 * The pinned maps are the database; this opens them, locks them, and reads
 * and writes the documents.
 */
#ifndef NPCTL_STORE_INSTANCE_H
#define NPCTL_STORE_INSTANCE_H

#include <jansson.h>
#include "base/base.h"
#include "abi.h"
#include "store/rule_store.h"

enum access {
	ACCESS_READ,   /* shared lock, or a snapshot while a writer is at work;
			* fails when there is no instance */
	ACCESS_TRY,    /* the same, but no instance gives *instance = NULL and 0 */
	ACCESS_WRITE,  /* exclusive lock; fails when there is no instance */
	ACCESS_CREATE, /* exclusive lock; mounts a bpffs at /sys/fs/bpf if that has
			* none, makes the directory, settings and documents */
	ACCESS_REMOVE, /* as ACCESS_TRY, but exclusive; `settings` is NULL when
			* what is there is another version's */
};

#define DEFAULT_ROOT "/sys/fs/bpf/npctl"
#define AGENT_DOCUMENTS "agent/" /* what begins so is the agent's */
#define AGENT_RULES AGENT_DOCUMENTS "rules"

struct instance {
	char *root;
	int lock;    /* descriptor of the root directory */
	bool locked; /* else the documents are a snapshot */
	bool writable;
	bool held, waiting;	   /* see instance_hold(); there is something to commit */
	bool full;		   /* what was put found no room: nothing of it comes into force */
	struct settings *settings; /* mapped; read-only unless writable */
	int documents;		   /* map */
	/* the documents' directory in force and what this run changed */
	struct directory *directory;
	struct rule_store rules; /* the document "rules", rule by rule */
};

/* Seconds to wait for the lock until instance_open() is BUSY; 0: as long as it takes. */
extern unsigned int instance_patience;

int instance_open(struct instance **instance, const char *root, enum access access);
void instance_close(struct instance *instance); /* NULL is fine */
/*
 * For those who stay for long, listeners above all: lets writers in. Maps can
 * be read on; for documents open the instance again.
 */
void instance_unlock(struct instance *instance);

/*
 * Many commands as one change: from the first that writes to `root`, which must
 * outlive this, all opens there give the same instance, and closing it does
 * nothing. instance_release() hands it out, NULL when nobody wrote.
 */
void instance_hold(const char *root);
struct instance *instance_release(void);

/* The datapath's maps exist (npctl load ran). */
bool instance_loaded(const struct instance *instance);
/* Descriptor of a pinned map of ours, or fail(): "run `npctl load`". */
int instance_map(const struct instance *instance, const char *name);
/*
 * "ROOT/maps/NAME" and the like; freed by the caller. Dots in names, which a
 * bpffs reserves, become colons, which no interface has.
 */
char *instance_path(const struct instance *instance, const char *folder, const char *name);
/* Remembers "npctl WORDS", with --root where it is needed, as what would mend; FAILED. */
int instance_mend(const struct instance *instance, const char *words);
/* fail() for a refusal of the kernel: names the privileges that npctl needs. */
int fail_privileges(const char *what);
/* libbpf is silent, but with -d, from now on; who opens an instance need not ask for it. */
void libbpf_listen(void);
/* Why the verifier refused the last program that it did refuse; "" when it has not. */
const char *instance_verifier_reason(void);
/* CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are in effect. */
bool privileges_suffice(void);
/* They are a user namespace's own, which the kernel does not take for BPF. */
bool privileges_are_borrowed(void);

/* The agent is at work for this instance: what it does not know yet, it will. */
bool instance_agent_runs(const struct instance *instance);
/* Says so from now on, until the process ends; *mark is -1 at first. One agent alone can. */
int instance_agent_enter(const struct instance *instance, int *mark);
void instance_agent_leave(int *mark);

/* Makes ROOT/FOLDER unless it is there. */
int instance_folder(const struct instance *instance, const char *folder);
/* Removes the empty folders, and all the rest when neither programs nor documents are left. */
void instance_remove_if_empty(struct instance *instance);

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
/* 0 is for flows that were never judged; the half goes by the last bit. */
static inline uint32_t version_after(uint32_t version)
{
	return version + 1 ? version + 1 : 2;
}

int documents_stage(struct instance *instance);
void documents_clean(struct instance *instance);

#endif
