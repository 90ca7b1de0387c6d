/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Named network namespaces under /run/netns, as ip-netns(8) keeps them. */
#ifndef NPCTL_NET_NETNS_H
#define NPCTL_NET_NETNS_H

/* Runs `work` in the namespace on a thread of its own; its return value, or FAILED. */
int netns_run(const char *netns, int (*work)(void *data), void *data);
int netns_make(const char *netns);
int netns_remove(const char *netns);

#endif
