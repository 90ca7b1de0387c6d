/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * npctl's programs on cgroups. They judge by every level on the way to the
 * root, and children inherit them, so only the topmost attached cgroup of a
 * branch has links: a connection is then judged, counted and limited once.
 */
#ifndef NPCTL_ATTACH_ATTACH_CGROUP_H
#define NPCTL_ATTACH_ATTACH_CGROUP_H

#include "store/instance.h"

#define CGROUP_HOOKS 5

/* A row of "attachments": {"subject": "cgroup:PATH", "cgroup_id", "container", "by": "cgroup"}. */
bool cgroup_row(const json_t *row);
const char *cgroup_row_path(const json_t *row);
/* The cgroup that was attached still has its path. */
bool cgroup_row_exists(const json_t *row);
/* How many of the programs judge there, by links of its own or of the cgroup above it. */
size_t cgroup_row_alive(const struct instance *instance, const json_t *rows, const json_t *row);
/* The id of the program in its own link, 0 without one. `hook` is its word, "connect4". */
uint32_t cgroup_row_program(const struct instance *instance, const json_t *row, size_t index,
			    const char **program, const char **hook);
/* The attached cgroup whose links judge for this one, too; NULL when those are its own. */
const json_t *cgroup_row_cover(const struct instance *instance, const json_t *rows,
			       const json_t *row, const json_t *except);
/* Puts links where they are missing, then takes away what is one too many; `except` is going. */
int cgroups_settle(const struct instance *instance, const json_t *rows, const json_t *except);
/* The row's own links. */
int cgroup_row_detach(const struct instance *instance, const json_t *row);
int cgroup_row_update(const struct instance *instance, const json_t *row, const char *name,
		      int program);

#endif
