/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Domain names of one-line rules, kept up to date by a process of its own:
 * name servers may take their time, and changes must not wait for them.
 */
#ifndef NPCTL_AGENT_REFRESH_H
#define NPCTL_AGENT_REFRESH_H

#include <sys/types.h>

/* -1 when there can be no process; it ends with this one. */
pid_t refresh_start(const char *root);
void refresh_stop(pid_t process); /* 0 is fine */

#endif
