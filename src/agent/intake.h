/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects as they come, checked and reduced to what the mirror keeps of them. */
#ifndef NPCTL_AGENT_INTAKE_H
#define NPCTL_AGENT_INTAKE_H

#include <jansson.h>
#include <stddef.h>

struct intake {
	char *key, *text;
};

/*
 * 0, 1 when npctl keeps nothing of the kind, or FAILED. `origin` is kept with it:
 * "agent", or "agent:FILE" of a directory.
 */
int intake_object(const json_t *object, const char *where, const char *origin,
		  struct intake *intake);
/* The key alone, "" for what npctl does not keep; freed by the caller. */
char *intake_key(const json_t *object);
void intake_release(struct intake *intake);

#endif
