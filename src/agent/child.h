/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_AGENT_CHILD_H
#define NPCTL_AGENT_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * In a child of the agent's: it ends with its parent, and of what that has open it
 * keeps `keep` alone (NULL: nothing), which may get another number. An agent that is
 * killed has then left its mark and its address when its end is known; false: the
 * parent is gone already.
 */
bool child_apart(pid_t parent, int *keep);

#endif
