/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words that narrow down what is shown; trace and stat share them. */
#ifndef NPCTL_CMD_WATCH_FILTER_H
#define NPCTL_CMD_WATCH_FILTER_H

#include "watch/labels.h"

#define FILTER_PREFIXES 8 /* addresses of one pod that are told apart */

/* tcp, udp …, a number */
int filter_protocol(const char *text, uint8_t *protocol);
/* tcp/80 or 80; leaves the protocol as it is when there is none */
int filter_port(const char *text, uint8_t *protocol, uint16_t *port);
/* An attached pod or device. */
int filter_pod(const char *pod, const struct names *names, uint32_t *ifindex);
/* A name, a number, or "none": what no socket sent. */
int filter_user(const char *text, uint32_t *uid);
/* Its path, its number, or the container that it is of. */
int filter_cgroup(const char *text, uint64_t *cgroup);
/* Of a pod its addresses, all of them; else an address or prefix. */
int filter_peer(const char *text, const struct names *names,
		struct prefix prefixes[static FILTER_PREFIXES], size_t *count);
/* Nothing to compare with is everything. */
bool filter_matches(const struct prefix *prefixes, size_t count, const struct address *address);

#endif
