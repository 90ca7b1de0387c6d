/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Instead of what speaks to an API server, where the program is linked statically:
 * what TLS needs is not to be had as static libraries.
 */
#include <poll.h>
#include "agent/source.h"

_Static_assert(CURL_WAIT_POLLIN == POLLIN && CURL_WAIT_POLLOUT == POLLOUT, "the same bits");

void transfers_start(struct source *source)
{
	source->multi = NULL;
}

void transfers_wait(struct waits *waits)
{
	struct pollfd fds[WAITS];

	for (unsigned int i = 0; i < waits->count; i++)
		fds[i] = (struct pollfd){.fd = waits->fd[i].fd, .events = waits->fd[i].events};
	poll(fds, waits->count, waits->timeout_ms);
}

void transfers_end(struct source *source)
{
	source->multi = NULL;
}

int source_of_cluster(struct source *source, const char *kubeconfig, const char *context)
{
	(void)source;
	(void)kubeconfig;
	(void)context;
	fail("this npctl is linked statically, without TLS, and speaks to no API server");
	return fail_mend("npctl agent --manifests DIR");
}
