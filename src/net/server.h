/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A pod's server: one process in the pod's namespace that listens on all of
 * its ports, greets with the pod's name, and lives as long as the pod's
 * interface. TCP then echoes; a UDP datagram is answered by the name.
 */
#ifndef NPCTL_NET_SERVER_H
#define NPCTL_NET_SERVER_H

#include <jansson.h>
#include <stdint.h>
#include "base/base.h"

struct server {
	const char *pod, *netns, *interface;
	const json_t *ports; /* ["tcp/8080", …] */
	/* results */
	int pid;
	uint64_t started; /* of the process, in ticks since boot: tells it from a later one */
	int answer;	  /* says whether it serves, until server_wait */
};

/* Returns while the server gets ready. */
int server_start(struct server *server);
/* 0 as soon as it serves. */
int server_wait(struct server *server);

bool server_alive(int pid, uint64_t started);
/* Ends it and waits until it is gone; nothing when the process is another one. */
void server_stop(int pid, uint64_t started);

#endif
