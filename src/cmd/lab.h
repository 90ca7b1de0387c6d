/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A topology and the documents that go with it. The record is stored before
 * anything is made and holds the one that it replaces as "previous", and what
 * was attached as "attached", until all is in place again: whatever a crash
 * leaves is known to the next command.
 */
#ifndef NPCTL_CMD_LAB_H
#define NPCTL_CMD_LAB_H

#include "store/instance.h"
#include "net/topo.h"

struct lab {
	json_t *record;
	json_t *pods, *namespaces; /* objects for the documents */
};

/* `path` NULL: the default lab. `wishes` without annotations. */
int lab_read(const char *path, const struct topo_wishes *wishes, struct lab *lab);
void lab_release(struct lab *lab);

/* `lab->record` is the one in force afterwards; *already: nothing had to be made. */
int lab_up(struct instance *instance, struct lab *lab, bool *already);
/* Removes what is up, also when only marks tell of it. */
int lab_down(struct instance *instance, bool *was_up);

#endif
