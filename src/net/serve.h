/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a pod's server does all day. */
#ifndef NPCTL_NET_SERVE_H
#define NPCTL_NET_SERVE_H

#include <jansson.h>

struct service;

/* Listens in this namespace on all of `ports`; `interface` gone ends the service. */
int service_open(const char *pod, const char *interface, const json_t *ports,
		 struct service **service);
/* Returns when the interface is gone. */
void service_run(struct service *service);

#endif
