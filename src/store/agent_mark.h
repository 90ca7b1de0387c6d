/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who says that an agent is at work. */
#ifndef NPCTL_STORE_AGENT_MARK_H
#define NPCTL_STORE_AGENT_MARK_H

#include <stdbool.h>

struct instance;

/* The agent is at work for this instance: what it does not know yet, it will. */
bool instance_agent_runs(const struct instance *instance);
/* Says so from now on, until the process ends; *mark is -1 at first. One agent alone can. */
int instance_agent_enter(const struct instance *instance, int *mark);
void instance_agent_leave(int *mark);

#endif
