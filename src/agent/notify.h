/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_AGENT_NOTIFY_H
#define NPCTL_AGENT_NOTIFY_H

/* Tells the service manager that started this process, if one wants to know. */
void notify(const char *state);

#endif
