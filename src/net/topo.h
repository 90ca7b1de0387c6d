/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pods out of namespaces: a bridge, a veth pair and a network namespace for
 * each pod, servers on its ports. What is to be made is a JSON record that the
 * caller stores before anything is made, so that a crash can be cleaned up.
 *
 *   {"mark": "npctl /sys/fs/bpf/npctl",
 *    "bridge": {"name", "mac", "addresses": ["10.0.0.1/24", …]},
 *    "pods": [{"pod": "ns/pod", "netns": "ns-backend", "host": "veth-be-h", "host_mac",
 *              "peer": "veth-be-p", "mac", "addresses": ["10.0.0.10/24", …],
 *              "gateways": ["10.0.0.1", …], "links": ["10.1.2.0/24", …],
 *              "ports": ["tcp/8080"], "server": {"pid", "started"}}]}
 *
 * A pod with "host_addresses" has a cable of its own: these stand on its host
 * side, which is on no bridge. "links" are reached without a gateway.
 *
 * Links bear the mark as their alias and a MAC that goes with their name (that
 * one from their first moment on), namespaces bear it on their loopback.
 */
#ifndef NPCTL_NET_TOPO_H
#define NPCTL_NET_TOPO_H

#include <jansson.h>
#include "model/model.h"

#define ANNOTATION "npctl.io/"
#define ANNOTATION_NETNS ANNOTATION "netns"
#define ANNOTATION_HOST ANNOTATION "host-interface"
#define ANNOTATION_PEER ANNOTATION "pod-interface"
#define ANNOTATION_HOST_ADDRESSES ANNOTATION "host-addresses"

struct topo_wishes {
	const char *bridge; /* NULL: br-sim */
	/* for pods without addresses; none: 10.0.0.0/24 and fd00:6e70::/64 */
	const struct prefix *subnets;
	size_t subnet_count;
	bool only_ipv4;
	const json_t *annotations; /* by "ns/pod"; NULL: none */
};

/* The default lab of three pods, as an array of Pod manifests. */
json_t *topo_default(void);
/* A record, as yet without "mark", for the pods of a model; gives addresses to those without. */
int topo_plan(const struct model *model, const struct topo_wishes *wishes, json_t **record);

/* Fails when something of the record's names or addresses is there and not npctl's. */
int topo_check(const json_t *record);
/* Makes the network that the record says; on failure nothing of it is left. */
int topo_make(const json_t *record);
/* Starts the servers and writes them into the record; on failure nothing is left. */
int topo_serve(json_t *record);
/* True when all of the record is there and as it says, its servers alive. */
bool topo_is_made(const json_t *record);
/* Removes what bears npctl's mark among what the record names; 0 when there was nothing. */
int topo_remove(const json_t *record);
/* Removes all that bears the mark, whoever knows of it; *found (may be NULL): there was some. */
int topo_sweep(const char *mark, bool *found);
/* The same but for the servers that run. */
bool topo_same(const json_t *a, const json_t *b);
/* Rows for `topo show`: pod, netns, host interface, ifindex, addresses, ports, state. */
json_t *topo_rows(const json_t *record);
/* "ns/pod", or a bare name that only one namespace has; NULL and fail() else. */
const json_t *topo_pod(const json_t *record, const char *name);

/* Becomes a command in a pod's namespace; comes back only when it cannot: FAILED. */
int topo_exec(const char *netns, char *const argv[]);

#endif
