/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A web server for probes and metrics: GET, one answer for each connection. */
#ifndef NPCTL_AGENT_WEB_H
#define NPCTL_AGENT_WEB_H

#include <stdio.h>
#include "agent/source.h"

struct web;
/* Prints the answer for the path; returns the HTTP status. */
typedef int (*web_answer)(const char *path, FILE *to, void *data);

/* "127.0.0.1:9100", "[::1]:9100", ":9100" for all addresses. */
int web_open(struct web **web, const char *where, web_answer answer, void *data);
void web_wait(struct web *web, struct waits *waits);
void web_step(struct web *web);
void web_close(struct web *web); /* NULL is fine */

#endif
