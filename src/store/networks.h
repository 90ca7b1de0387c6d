/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The documents "cni/NETWORK": what the CNI plugin attached to each network.
 *
 *   {"kind": "NpctlNetwork", "next": {"10.0.0.0/24": 7},
 *    "attachments": [{"container": ID, "ifname": "eth0", "host": "npc…", "netns": PATH,
 *                     "namespace", "name", "labels": {…}, "addresses": ["10.0.0.5/24", …],
 *                     "mac", …}]}
 *
 * "own": true when nobody else tells of the pod; "default": what is done with
 * packets that no rule speaks of. The policy model reads namespace, name,
 * labels, addresses, own and default; the rest is the plugin's (cni/).
 */
#ifndef NPCTL_STORE_NETWORKS_H
#define NPCTL_STORE_NETWORKS_H

#include "store/instance.h"

#define NETWORK_DOCUMENTS "cni/"
#define NETWORK_KIND "NpctlNetwork"

/* "cni/NETWORK"; freed by the caller. */
char *network_document(const char *network);
/* Calls back for every network until one returns other than 0, and returns that. */
typedef int network_callback(const char *network, json_t *document, void *data);
int networks_each(struct instance *instance, network_callback *callback, void *data);

/* What an attachment to an interface has to know of the pod's end; a new reference. */
json_t *network_pod_end(const json_t *attachment);
/* The attachment of a pod, "ns/pod" or its bare name, and how many have that name. */
json_t *network_pod_find(struct instance *instance, const char *pod, size_t *count);

/*
 * A topology's record, or NULL, with these pods beside its own: {"pod", "netns", "addresses"}.
 * Takes it over; NULL when there is nobody.
 */
json_t *networks_with_topology(struct instance *instance, json_t *record);

#endif
