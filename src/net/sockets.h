/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A namespace's open connections, by sock_diag. */
#ifndef NPCTL_NET_SOCKETS_H
#define NPCTL_NET_SOCKETS_H

#include <stddef.h>
#include "base/cidr.h"

struct connection {
	struct address local, remote;
	uint16_t local_port, remote_port;
	uint8_t protocol; /* IPPROTO_TCP, _UDP */
	bool accepted;	  /* the other side began: a socket listens on local_port */
};

/* Established TCP and connected UDP of both families; freed by the caller. */
int sockets_list(const char *netns, struct connection **connections, size_t *count);

#endif
