/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How an instance is, cheap enough to be asked before every prompt. */
#ifndef NPCTL_WATCH_PROMPT_STATE_H
#define NPCTL_WATCH_PROMPT_STATE_H

#include "base/base.h"

struct glance {
	bool present, loaded;
	size_t pods;
	uint64_t drops; /* since the last look; 0 at the first */
	/* what is read anew only when the policy has changed */
	struct glance_rule {
		uint32_t number;
		uint64_t packets;
	} * denies; /* the rules that deny, by number */
	size_t deny_count;
	bool looked;
	uint32_t version;
};

/* Begin with zeroes. What cannot be read is taken for not there. */
void glance_look(struct glance *glance, const char *root);
void glance_release(struct glance *glance);

#endif
