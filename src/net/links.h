/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Interfaces, addresses and routes: libnl behind a few sentences. A socket
 * belongs to the namespace in which it was opened, whichever thread uses it.
 */
#ifndef NPCTL_NET_LINKS_H
#define NPCTL_NET_LINKS_H

#include <stddef.h>
#include "base/cidr.h"

struct nl_sock;

#define MAC_TEXT 18
#define ALIAS_TEXT 256

struct link_state {
	int ifindex, master;
	int peer; /* of a veth: the other end's ifindex, in its namespace */
	unsigned int mtu;
	bool up, veth, bridge;
	uint8_t mac[6];
	char alias[ALIAS_TEXT]; /* "" when it has none */
};

/* An address of an interface: as written, with the length of its subnet. */
struct link_address {
	struct address address;
	uint8_t length;
	int ifindex;
};

/* In the namespace, or in this one when `netns` is NULL. */
int links_open(const char *netns, struct nl_sock **links);
void links_close(struct nl_sock *links); /* NULL is fine */

/* 0 and ifindex 0 when there is none. */
int link_find(struct nl_sock *links, const char *name, struct link_state *state);
/* How many interfaces are on the bridge; -1 and fail(). */
int links_on_bridge(struct nl_sock *links, int bridge);
int link_make_bridge(struct nl_sock *links, const char *name, const uint8_t mac[6]);

struct veth {
	const char *host, *peer, *netns; /* the peer comes to life in `netns` */
	uint8_t host_mac[6], peer_mac[6];
	unsigned int mtu; /* 0: the kernel's choice */
};

int link_make_veth(struct nl_sock *links, const struct veth *veth);
int link_set_alias(struct nl_sock *links, int ifindex, const char *alias);
int link_set_master(struct nl_sock *links, int ifindex, int master);
int link_set_mtu(struct nl_sock *links, int ifindex, unsigned int mtu);
/* A bridge sends a port's own packets back to it. */
int link_set_hairpin(struct nl_sock *links, int ifindex);
/* No link-local address of the kernel's choice; silent where there is no IPv6. */
void link_quiet_ipv6(struct nl_sock *links, int ifindex);
int link_set_up(struct nl_sock *links, int ifindex);
int link_remove(struct nl_sock *links, int ifindex); /* 0, too, when it is gone already */
/*
 * All at once: a link on its own costs the kernel a grace period of tens of
 * milliseconds. Those that are gone already are no failure.
 */
int links_remove(struct nl_sock *links, const int *ifindexes, size_t count);

/* Usable at once, without duplicate address detection; there already is fine. */
int link_add_address(struct nl_sock *links, int ifindex, const struct link_address *address);
/* Through `gateway` (NULL: on the link); `to` of length 0 is the default route. */
int link_add_route(struct nl_sock *links, int ifindex, const struct prefix *to,
		   const struct address *gateway);
/* In the main table, on the interface; `to` of length 0 is the default route. */
int link_has_route(struct nl_sock *links, int ifindex, const struct prefix *to, bool *has);
/* Known for good, so that nobody has to be asked. */
int link_add_neighbour(struct nl_sock *links, int ifindex, const struct address *address,
		       const uint8_t mac[6]);
/* Of all interfaces in the namespace; freed by the caller. */
int links_addresses(struct nl_sock *links, struct link_address **addresses, size_t *count);

/* New interfaces here can have IPv6 addresses. */
bool links_have_ipv6(void);

/* The link-local address that goes with a MAC. */
struct address link_local_of(const uint8_t mac[6]);
const char *mac_text(const uint8_t mac[6], char text[static MAC_TEXT]);
int mac_parse(const char *text, uint8_t mac[6]);

#endif
