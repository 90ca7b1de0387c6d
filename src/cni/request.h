/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a runtime asks for: its environment and the configuration, checked. */
#ifndef NPCTL_CNI_REQUEST_H
#define NPCTL_CNI_REQUEST_H

#include <jansson.h>
#include "base/base.h"
#include "net/links.h"
#include "net/shape.h"

enum command {
	COMMAND_ADD,
	COMMAND_DEL,
	COMMAND_CHECK,
	COMMAND_GC,
	COMMAND_STATUS,
	COMMAND_VERSION
};

/* The configuration, as its fields say; npctl-cni(8) lists them. */
struct config {
	const char *bridge, *mode, *namespace, *root, *default_policy;
	json_int_t mtu;
	bool strict, is_gateway, is_default_gateway, masquerade, hairpin;
	bool routed;
	struct prefix *podcidr, *masquerade_except;
	size_t podcidr_count, except_count;
	const char *ipam; /* the plugin to delegate to; NULL: podcidr */
	json_t *labels;	  /* {key: value} for pods that nobody else tells of */
	json_t *dns;
	struct address *wished; /* addresses that the runtime wants */
	size_t wished_count;
	uint8_t mac[6];
	bool has_mac;
	struct shape ingress, egress; /* as the pod sees it */
};

/* What the two ends of an attachment's cable are called. */
struct ends {
	char host[16];
	uint8_t host_mac[6], mac[6]; /* locally administered */
};

struct request {
	enum command command;
	const char *command_name, *container, *netns, *ifname, *path;
	char *pod_namespace, *pod_name;
	char *arguments;		   /* a copy of CNI_ARGS, which the next point into */
	const char *pod_address, *pod_mac; /* IP, MAC of them */
	const char *version, *network;
	json_t *json;		/* the whole configuration */
	const json_t *previous; /* prevResult; NULL: none */
	struct config config;
	struct ends ends;
};

/* `version` is "" until it is known. */
int request_read(struct request *request, const char *root);
void request_release(struct request *request);

/* The same for the same attachment, whatever else is forgotten. */
void ends_name(const char *network, const char *container, const char *ifname, struct ends *ends);

extern const char *const cni_versions[]; /* ends with NULL; the newest last */
/* -1, 0, 1: how a version compares with another one of the list. */
int version_compare(const char *a, const char *b);

/* environment.c */
int environment_read(struct request *request);
/* ID, eth0, K8S names and other words that stand in names of files. */
bool is_plain_name(const char *text);
/* config.c: of all but VERSION; DEL and GC take what they do not understand as not said. */
int config_read(struct request *request);
void config_release(struct config *config);
/* capabilities.c: runtimeConfig, args, CNI_ARGS */
int capabilities_read(struct request *request);

#endif
