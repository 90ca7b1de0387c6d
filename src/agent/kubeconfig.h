/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an API server is, and how to prove who we are. */
#ifndef NPCTL_AGENT_KUBECONFIG_H
#define NPCTL_AGENT_KUBECONFIG_H

#include <stdbool.h>

struct cluster {
	char *server; /* "https://10.0.0.1:6443" */
	/* PEM, or the path of a file with it; NULL: none */
	char *ca, *ca_file;
	char *cert, *cert_file, *key, *key_file;
	char *token, *token_file; /* the file is read for each request */
	char *user, *password;
	char *proxy;
	bool insecure;
};

/* A context of the file; NULL: its current one. */
int kubeconfig_read(const char *path, const char *context, struct cluster *cluster);
/* The cluster whose pod this process is in. */
int kubeconfig_inside(struct cluster *cluster);
void cluster_release(struct cluster *cluster);

#endif
