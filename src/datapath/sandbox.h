/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs the datapath's own programs over maps of their own, on packets that
 * never leave the kernel's test hook. Nothing is pinned, nothing is attached.
 */
#ifndef NPCTL_DATAPATH_SANDBOX_H
#define NPCTL_DATAPATH_SANDBOX_H

#include "base/base.h"
#include "datapath/datapath.h"
#include "datapath/flow_tables.h"
#include "compile/numbers.h"
#include "compile/plan.h"

struct sandbox {
	struct bench_bpf *programs;
	struct silent_bpf *silent; /* the pod programs without code for events */
	struct settings *settings;
	struct datapath datapath;
	struct flow_tables flows;
	struct numbers *numbers; /* in force */
};

/* Loads the programs, with room for so many flows (0: the default), and puts `plan` in force. */
int sandbox_open(struct sandbox **sandbox, const struct plan *plan, uint32_t flows);
void sandbox_close(struct sandbox *sandbox);

/* Another plan instead, its first subject on the loopback interface that test runs use. */
int sandbox_force(struct sandbox *sandbox, const struct plan *plan);

/* One `program`, "silent pod_ingress" for one without events, over one Ethernet frame: its return
 * value, and ns for each of `runs`. */
int sandbox_run(struct sandbox *sandbox, const char *program, const void *frame, size_t length,
		uint32_t runs, uint32_t *verdict, uint32_t *ns);

/* Addresses that the peer lookups take in turn, and the kernel's trie beside the runs. */
int sandbox_samples(struct sandbox *sandbox, const uint32_t *addresses, size_t count);
int sandbox_prefixes(struct sandbox *sandbox, const struct prefix *prefixes, size_t count);

#endif
