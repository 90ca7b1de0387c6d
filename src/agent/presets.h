/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pods that pick a preset by an annotation. */
#ifndef NPCTL_AGENT_PRESETS_H
#define NPCTL_AGENT_PRESETS_H

#include "agent/mirror.h"

#define PRESETS_INCOMPLETE 1 /* some preset cannot be had now: try again later */

/*
 * "npctl.io/preset: NAME" and "npctl.io/preset-SETTING: VALUE" of the mirror's
 * pods become rules in the agent's document of rules. `*before` remembers what
 * they were, and frees nothing. A preset that cannot be had denies all egress,
 * unless the pod has rules of an earlier one.
 */
int presets_write(const struct mirror *mirror, struct instance *instance, char **before);

#endif
