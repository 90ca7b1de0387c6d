/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Loading the datapath, upgrading it in place, taking it away. */
#ifndef NPCTL_LOAD_PROGRAMS_H
#define NPCTL_LOAD_PROGRAMS_H

#include "store/instance.h"

struct load_sizes { /* entries; 0: the default, or what is loaded already */
	uint32_t flows, rules, fragments;
	uint32_t lifetime_seconds[LIFETIMES]; /* 0: default */
};

/*
 * Loads the programs over new or existing maps, pins them, and switches every
 * attachment of ours to them without a gap. Idempotent.
 * `report`: array of {"kind": "program"|"map", "name", "id", "pin", "state":
 * "new"|"kept"|"upgraded"}.
 */
int programs_load(struct instance *instance, const struct load_sizes *sizes, json_t **report);

/*
 * Detaches, unpins and forgets everything but a topology that is still up and
 * the containers of CNI networks.
 */
int programs_unload(struct instance *instance);

/* A user's own object: programs to progs/, maps to maps/ under their names. */
int programs_load_file(struct instance *instance, const char *file, json_t **report);

/* Takes away what programs_load_file() of the same file brought. */
int programs_unload_file(struct instance *instance, const char *file);

/* npctl itself has a map of that name. */
bool maps_are_own(const char *name);

/* Shared by programs.c and programs_file.c: a row of a report; why a load failed. */
json_t *report_row(const struct instance *instance, const char *kind, const char *name, uint32_t id,
		   const char *state);
int load_failed(const struct instance *instance, const char *what, int error);

#endif
