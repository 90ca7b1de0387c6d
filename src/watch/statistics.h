/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What has happened so far, as arrays of rows. */
#ifndef NPCTL_WATCH_STATISTICS_H
#define NPCTL_WATCH_STATISTICS_H

#include "store/instance.h"
#include "base/cidr.h"

/*
 * The kernel counts runs of programs only while somebody asks for it: until the
 * descriptor is closed. FAILED when it may not be asked.
 */
int statistics_enable(void);

/* {"program", "id", "runs", "run_ns"}: what was counted since the program was loaded. */
int statistics_programs(struct instance *instance, json_t **rows);
/* {"rule", "rule_number", "tier", "verdict", "direction", "packets", "bytes"} */
int statistics_rules(struct instance *instance, json_t **rows);
/* Flows that are meant; zero is any. */
struct flow_filter {
	uint32_t ifindex;
	uint8_t protocol;
	uint16_t port; /* of either end */
	const struct prefix *peers;
	size_t peer_count;
};

/*
 * Connections that are alive: {"subject", "protocol", "state", "direction" of the first packet,
 * "local", "local_port", "remote", "remote_port", "remote_pod", "age_seconds", "idle_seconds",
 * "packets_in", "packets_out", "verdict", "rule"}
 */
int statistics_flows(struct instance *instance, const struct flow_filter *filter, json_t **rows);
/* Forgets them: their next packet is judged as a first one. */
int flows_delete(struct instance *instance, const struct flow_filter *filter, size_t *count);
/* Listeners: {"slot", "wants", "sent", "lost"} */
int statistics_events(struct instance *instance, json_t **rows);
/* As map_rows(), with "used_percent" and perhaps a "warning" where a map can be full. */
int statistics_maps(struct instance *instance, json_t **rows);

#endif
