/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What waits for descriptors and moves transfers on; src/static/ has the other one. */
#include "agent/source.h"

void transfers_start(struct source *source)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	source->multi = curl_multi_init();
}

void transfers_wait(struct waits *waits)
{
	curl_multi_poll(waits->multi, waits->fd, waits->count, waits->timeout_ms, NULL);
}

void transfers_end(struct source *source)
{
	curl_multi_cleanup(source->multi);
	curl_global_cleanup();
}
