/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The agent: what a directory or an API server says becomes documents of its
 * own and is enforced as `policy apply` does it, again and again.
 */
#ifndef NPCTL_AGENT_AGENT_H
#define NPCTL_AGENT_AGENT_H

#include <stdbool.h>
#include <stdio.h>

struct agent_options {
	const char *root;
	const char *manifests;	/* a directory, or NULL for an API server: */
	const char *kubeconfig; /* NULL: that of the cluster this runs in */
	const char *context;	/* of the kubeconfig; NULL: its current one */
	const char *node;	/* what the cluster calls this host; NULL: find out */
	const char *listen;	/* ADDR:PORT for probes and metrics, or NULL */
	bool once;		/* in step once, then end */
	/* The instance's counters in Prometheus' format, beside the agent's own. */
	void (*metrics)(FILE *to, void *data);
	void *data;
};

int agent_run(const struct agent_options *options);
/* Removes what the agent put there. */
int agent_forget(const char *root);

#endif
