/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs on interfaces: tcx links where the kernel has them, else clsact. */
#ifndef NPCTL_ATTACH_ATTACH_H
#define NPCTL_ATTACH_ATTACH_H

#include "store/instance.h"

/*
 * Puts pod_ingress and pod_egress, or for users user_ingress and user_egress,
 * on a host-side interface, bound to `subject`, and commits: entry first, then
 * programs, so that no packet is judged by a missing entry. Again on the same:
 * nothing changes but strictness.
 * `program` NULL: both of npctl's; else one pinned program of the user's own
 * ("progs/NAME") in `hook` "ingress" or "egress" (of the interface).
 */
struct attach_request {
	const char *subject; /* "ns/pod", "dev:IF" or "user:IF" */
	const char *interface;
	bool clsact;
	bool strict;	    /* users: answers to what others began are judged, too */
	bool for_endpoints; /* users: by a file of endpoints, and off again with it */
	const char *program, *hook;
	json_t *pod_end; /* NULL, or what enforce.h says of the pod's end */
};

int attach_interface(struct instance *instance, const struct attach_request *request);
/* An interface on which programs could stand is there, else fail(). */
int interface_check(const char *interface);
/* The same for the sockets of a cgroup, "/a/b"; `container`: what people call it, or NULL. */
int attach_cgroup(struct instance *instance, const char *path, const char *container);
/*
 * Takes all of npctl's off an interface, or just one program of the user's
 * own; 0 also when there was nothing.
 */
int detach_interface(struct instance *instance, const char *interface);
int detach_program(struct instance *instance, const char *interface, const char *program);
int detach_subject(struct instance *instance, const char *subject);
/* The interface that has something of npctl's, named as itself or by its pod; NULL, silently. */
char *attach_find(struct instance *instance, const char *word);
/* The number of the attached interface whose "interface" or "subject" is `value`; 0: none. */
uint32_t attach_ifindex(struct instance *instance, const char *key, const char *value);
/* The subject with an attachment of its own: itself, a cgroup's path, a container's name. */
char *attach_find_subject(struct instance *instance, const char *word);
/*
 * Where a pod of the topology, or of the CNI plugin, has its host-side
 * interface. "ns/pod", or a bare name that only one namespace has; what it
 * fills in is freed by attach_request_release().
 */
int attach_find_pod(struct instance *instance, const char *pod, struct attach_request *request);
void attach_request_release(struct attach_request *request);
/* Puts a program in the place of its namesake wherever that is attached. */
int attach_upgrade(struct instance *instance, const char *name, int program);
/* Detaches all of ours; used by unload. */
int detach_all(struct instance *instance);
/* The same without documents that could be read: by what is pinned. */
int detach_unknown(struct instance *instance);

/*
 * Every tc and tcx program on the machine's interfaces, ours and others':
 * {"interface", "ifindex", "hook", "by", "program", "id", "subject", "npctl": bool,
 *  "warnings": [sentence…]}; among the warnings the mistakes of SYSTEMS C9.
 */
int attach_list(struct instance *instance, json_t **rows);

/* tcx works on this kernel (tried, not guessed from a version). */
bool attach_has_tcx(void);

#endif
