/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One interface of one container: what is known of it while it is made or looked at. */
#ifndef NPCTL_CNI_ATTACHMENT_H
#define NPCTL_CNI_ATTACHMENT_H

#include "cni/request.h"
#include "store/instance.h"

#define FAMILIES 2 /* IPv4, IPv6 */

struct family_address {
	struct link_address address; /* family 0: none */
	struct address gateway;	     /* likewise */
	struct prefix subnet;	     /* that the address was taken from */
};

struct attachment {
	struct family_address ip[FAMILIES];
	json_t *routes;			     /* [{"dst", "gw"}], NULL: none */
	json_t *dns;			     /* NULL: none */
	struct link_state bridge, host, pod; /* ifindex 0: not there */
	char host_name[16];
	uint8_t mac[6]; /* of the pod's end */
};

void attachment_release(struct attachment *attachment);

/* addresses.c: out of podcidr, under the lock; notes in `network` where to go on. */
int addresses_choose(struct instance *instance, const struct request *request, json_t *network,
		     struct attachment *attachment);
/* Another attachment has one of the addresses already: refused. */
int addresses_check(struct instance *instance, const struct attachment *attachment);
/* Refused when there is none left. */
int addresses_left(struct instance *instance, const struct request *request);

/* result.c: what a plugin said, into `attachment`, as far as it is about this interface. */
int result_read(const struct request *request, const json_t *result, struct attachment *attachment);
/* Gateways and default routes as the configuration wants them. */
void routes_complete(const struct request *request, struct attachment *attachment);
json_t *result_make(const struct request *request, const struct attachment *attachment);
/* "10.0.0.5/24" */
json_t *link_address_text(const struct link_address *address);
int link_address_read(const char *text, struct link_address *address);

/*
 * delegate.c: runs the IPAM plugin as the specification says, with this
 * command; what it refuses is refused. `result` may be NULL.
 */
int delegate_run(const struct request *request, const char *command, json_t **result);
/* The same for another attachment of the network, for GC. */
int delegate_delete(const struct request *request, const char *container, const char *ifname);

/* wire.c: links, addresses, routes. */
int wire_check_netns(const struct request *request);
/* Everything but the last step, so that policy comes before packets. */
int wire_make(const struct request *request, struct attachment *attachment);
int wire_raise(const struct request *request, const struct attachment *attachment);

/* unwire.c: takes away what bears npctl's mark, and nothing else. */
char *wire_mark(const struct request *request, const char *container, const char *ifname);
char *wire_bridge_mark(const struct request *request);
bool wire_is_ours(const struct link_state *state, const char *mark, const struct ends *ends);
/* *ifindex is 0 when it was gone. */
int wire_remove(const struct request *request, const char *container, const char *ifname,
		uint32_t *ifindex);
/* The bridge when it is npctl's and nobody is on it any more. */
int wire_remove_bridge(const struct request *request, const char *bridge);
/* Links of the network that no record of `document` stands for, as a crash leaves them. */
int wire_sweep(const struct request *request, const json_t *document);

/* look.c */
/* Behind another plugin: finds both ends of what that one made. */
int wire_find(const struct request *request, struct attachment *attachment);
/* All is as wire_make() left it, or it is refused. */
int wire_check(const struct request *request, const json_t *record);

/* record.c: the document "cni/NETWORK" (store/networks.h), under the lock. */
json_t *network_read(struct instance *instance, const char *network);
/* `document` NULL removes. */
void network_write(struct instance *instance, const char *network, json_t *document);
json_t *record_find(const json_t *document, const char *container, const char *ifname);
json_t *record_make(const struct request *request, const struct attachment *attachment, bool own);
/* Detaches, forgets, and commits when anything was there: *record, else NULL. */
int record_remove(struct instance *instance, const char *network, const char *container,
		  const char *ifname, json_t **record);

/* hide.c: the masquerade that all records together want; `before`: there was some. */
int hide_update(struct instance *instance, bool before);
bool hide_is_wanted(const json_t *record);
char *hide_table(const char *root);

#endif
