/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pods out of namespaces: a bridge, a veth pair and a network namespace for
 * each pod, servers on its ports. What is to be made is a JSON record that the
 * caller stores before anything is made, so that a crash can be cleaned up.
 *
 *   {"bridge": {"name", "address4": "10.0.0.1/24", "address6": …},
 *    "pods": [{"pod": "ns/pod", "netns": "ns-backend", "host": "veth-be-h",
 *              "peer": "veth-be-p", "mac", "addresses": ["10.0.0.10/24", …],
 *              "ports": ["tcp/8080"], "server": {"pid", "started"}}]}
 */
#ifndef NPCTL_NET_TOPO_H
#define NPCTL_NET_TOPO_H

#include <jansson.h>
#include "policy/model.h"

/* The default lab of three pods, as a record and as Pod manifests. */
json_t *topo_default(json_t **pods);
/* A record for the pods of a model; gives addresses to those without. */
int topo_plan(struct model *model, json_t **record);

/* Makes what the record says; on failure nothing of it is left. */
int topo_make(json_t *record);
/* True when all of the record is there and as it says, its servers alive. */
bool topo_is_made(const json_t *record);
/* Removes what bears npctl's mark among what the record names; 0 when there was nothing. */
int topo_remove(const json_t *record);
/* Rows for `topo show`: pod, netns, host interface, ifindex, addresses, ports, state. */
json_t *topo_rows(const json_t *record);

/* Runs a command in a pod's namespace; its exit status, or FAILED. */
int topo_exec(const char *netns, char *const argv[]);

#endif
