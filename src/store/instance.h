/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One npctl instance: a directory on a bpffs with maps/, progs/ and links/.
 * The pinned maps are the database; this opens them, locks them, and reads
 * and writes the documents.
 */
#ifndef NPCTL_STORE_INSTANCE_H
#define NPCTL_STORE_INSTANCE_H

#include "base/base.h"
#include "abi.h"
#include "store/root.h"
#include "store/rule_store.h"

enum access {
	ACCESS_READ,   /* shared lock, or a snapshot while a writer is at work;
			* fails when there is no instance */
	ACCESS_TRY,    /* the same, but no instance gives *instance = NULL and 0 */
	ACCESS_WRITE,  /* exclusive lock; fails when there is no instance */
	ACCESS_CREATE, /* exclusive lock; mounts a bpffs at /sys/fs/bpf if that has
			* none, makes the directory, settings and documents */
	ACCESS_DECIDE, /* as ACCESS_WRITE, but while a change waits to be confirmed, too: to
			* others that is a failure */
	ACCESS_REMOVE, /* as ACCESS_TRY, but exclusive; `settings` is NULL when
			* what is there is another version's */
};

struct instance {
	char *root;
	int lock;    /* descriptor of the root directory */
	bool locked; /* else the documents are a snapshot */
	bool writable;
	bool held, waiting;	   /* see instance_hold(); there is something to commit */
	uint64_t confirm;	   /* seconds for which what is committed waits; 0: it stays */
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
void instance_close(struct instance *instance);
/* What is done to each that is opened for writing, unless NULL; its failure is the opening's. */
extern int (*instance_opened)(struct instance *instance); /* NULL is fine */
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
bool instance_holds(void); /* commands are part of a larger change */

/* The datapath's maps exist (npctl load ran). */
bool instance_loaded(const struct instance *instance);
/* Descriptor of a pinned map of ours, or fail(): "run `npctl load`". */
int instance_map(const struct instance *instance, const char *name);

/* Removes the empty folders, and all the rest when neither programs nor documents are left. */
void instance_remove_if_empty(struct instance *instance);

#endif
