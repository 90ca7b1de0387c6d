/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What people call the addresses, interfaces and rules that events carry as numbers. */
#ifndef NPCTL_WATCH_LABELS_H
#define NPCTL_WATCH_LABELS_H

#include "store/instance.h"
#include "base/cidr.h"

struct names;

/* Lives on after the instance is closed. */
int names_read(struct instance *instance, struct names **names);
void names_free(struct names *names);
/* The policy or the pods have changed since they were read. */
bool names_are_stale(const struct names *names);

/* NULL when no pod has the address. */
const char *names_pod(const struct names *names, const struct address *address);
/* "ns/pod" or "dev:IF"; NULL when nothing is attached there. */
const char *names_subject(const struct names *names, uint32_t ifindex);
/* The same for whom an event is about: "user:IF", "cgroup:PATH". */
const char *names_event_subject(const struct names *names, const struct event *event);
/*
 * The pod as "ns/pod", or by its bare name when only one namespace has it; its
 * addresses, at most `room`; returns how many it has, -1 when there is no such pod.
 */
int names_pod_addresses(const struct names *names, const char *pod, struct address *addresses,
			size_t room);
/* Of an attached pod, "dev:IF" or interface; 0 when nothing of that name is attached. */
uint32_t names_ifindex(const struct names *names, const char *subject);

/* The rule as it is now; NULL when there is none of that number. */
const struct rule_info *names_rule(const struct names *names, uint32_t rule);
/* Whether `text` is the rule's name, or that of the policy which it is a part of. */
bool names_rule_is(const struct names *names, uint32_t rule, const char *text);
/* How many rules are called so; the numbers of the first ones, at most `room`. */
size_t names_rules_find(const struct names *names, const char *text, uint32_t *rules, size_t room);

#endif
