/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who reaches whom in the topology: what the policy says against real connections. */
#ifndef NPCTL_CMD_TEST_REACH_H
#define NPCTL_CMD_TEST_REACH_H

#include "store/instance.h"

struct reach;

/* Reads pods and policy; NULL in *reach when there is nobody to be reached. */
int reach_plan(struct instance *instance, struct reach **reach);
/* Tries all at once and adds a row for each; the instance need not be open any more. */
void reach_try(struct reach *reach, json_t *rows);
void reach_free(struct reach *reach);

#endif
