/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One GET at a time from an API server, by libcurl. */
#ifndef NPCTL_AGENT_REQUEST_H
#define NPCTL_AGENT_REQUEST_H

#include "agent/libcurl.h"
#include "agent/kubeconfig.h"

struct request {
	CURL *easy; /* NULL: none runs */
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
};

/*
 * `path` with its query goes to the multi handle; what comes goes to `take`, lines
 * of its head to `header`, which end it by another return than `size * count`. `seconds`: after so
 * long it is over; 0: after a silence.
 */
int request_start(struct request *request, CURLM *multi, const struct cluster *cluster,
		  const char *path, long seconds, curl_write_callback take,
		  curl_write_callback header, void *data);
void request_end(struct request *request, CURLM *multi);
long request_status(const struct request *request); /* 0: none yet */
char *query_escape(const char *text);		    /* freed by the caller */

#endif
