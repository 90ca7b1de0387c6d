/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The three embedded objects, whose maps are shared by their pins. */
#ifndef NPCTL_DATAPATH_OBJECTS_H
#define NPCTL_DATAPATH_OBJECTS_H

#include <bpf/libbpf.h>
#include "store/instance.h"

enum part { PART_POD, PART_USER, PART_CONTAINER, PARTS };

struct objects {
	struct bpf_object *part[PARTS]; /* NULL: left out */
	struct flow_secret secret;	/* of the flow tables; all 0: to be drawn */
};

#define objects_each(objects, i)    \
	for (i = 0; i < PARTS; i++) \
		if ((objects)->part[i])

/* Nothing is loaded yet; 0 or -errno. `pins`: where the maps are, or will be, pinned. */
int objects_open(struct objects *objects, const char *pins);
void objects_close(struct objects *objects);
/*
 * Maps first, then programs; 0 or -errno. Where the kernel takes all but the
 * programs for cgroups, those are left out with a warning.
 */
int objects_load(const struct instance *instance, struct objects *objects);
/* Whether the kernel takes a part's programs, all of them; 0 or -errno. Nothing stays. */
int objects_try(enum part part);
/* The secret that a descriptor of the map has; false when there is none. */
bool objects_read_secret(int map, struct flow_secret *secret);
/* Names the embedded build. */
uint32_t objects_checksum(void);
bool objects_have_program(const char *name);
bool objects_have_map(const char *name);
/* Descriptor of a pinned program, ours or not; fail() names `npctl load`. */
int program_open(const struct instance *instance, const char *name);

#endif
