/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Named network namespaces under /run/netns, as ip-netns(8) keeps them; to open,
 * enter or run in one, a path will do for a name.
 */
#ifndef NPCTL_NET_NETNS_H
#define NPCTL_NET_NETNS_H

#include <stdbool.h>

#define NETNS_FOLDER "/run/netns"

/* Runs `work` in the namespace on a thread of its own; its return value, or FAILED. */
int netns_run(const char *netns, int (*work)(void *data), void *data);
/*
 * Makes a namespace; `prepare` runs in it before it has its name, so that a
 * crash leaves either nothing or a namespace that is prepared.
 */
int netns_make(const char *netns, int (*prepare)(void *data), void *data);
/* Takes the name away; the namespace ends with its last process. 0 when there was none. */
int netns_remove(const char *netns);
/* A descriptor of the namespace, or FAILED. */
int netns_open(const char *netns);
/* As the kernel's programs see it; 0 when there is none of that name. */
unsigned int netns_number(const char *netns);
/* Moves the calling thread, for good. */
int netns_enter(const char *netns);
/* Something has the name. */
bool netns_exists(const char *netns);
/* What has the name is no namespace: a crash came between the file and the mount. */
bool netns_is_hollow(const char *netns);

#endif
