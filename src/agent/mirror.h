/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the agent's source says, object by object. It is kept in documents of
 * the agent's own, so that what the agent forgets is never what a user said.
 */
#ifndef NPCTL_AGENT_MIRROR_H
#define NPCTL_AGENT_MIRROR_H

#include "store/instance.h"

/* One document each: a change writes but one of them anew. */
#define MIRROR_PARTS 64

struct mirror_object {
	char *key;  /* "Pod ns/name" */
	char *text; /* JSON */
	uint32_t round;
};

struct mirror {
	struct mirror_part {
		struct mirror_object *item; /* sorted by key */
		size_t count, capacity;
		bool changed;
	} part[MIRROR_PARTS];
	uint32_t round;
};

/* Everything is to be written, so that what an earlier agent left goes. */
void mirror_start(struct mirror *mirror);
void mirror_touch(struct mirror *mirror); /* the same again */
void mirror_release(struct mirror *mirror);

/* Copies both; false when the object was put in this round already. */
bool mirror_put(struct mirror *mirror, const char *key, const char *text);
bool mirror_has(struct mirror *mirror, const char *key);
/* What it holds of the object counts for this round, too. */
void mirror_keep(struct mirror *mirror, const char *key);
void mirror_remove(struct mirror *mirror, const char *key);
/* The number of a new round, and the end of it: objects of `kind` not put since go. */
uint32_t mirror_round(struct mirror *mirror);
void mirror_sweep(struct mirror *mirror, const char *kind, uint32_t round); /* NULL: all */

bool mirror_changed(const struct mirror *mirror);
/* Into documents that the caller commits, and that they were. */
void mirror_write(const struct mirror *mirror, struct instance *instance);
void mirror_written(struct mirror *mirror);
/* Each object that the documents of an earlier agent hold; a borrowed one. */
void mirror_stored_each(struct instance *instance, void (*take)(const json_t *object, void *data),
			void *data);
/* {"Pod": 12, …}; a new reference. */
json_t *mirror_counts(const struct mirror *mirror);

#endif
