/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pinned programs and maps of an instance. */
#ifndef NPCTL_STORE_PINS_H
#define NPCTL_STORE_PINS_H

#include "store/instance.h"

bool pin_exists(const struct instance *instance, const char *folder, const char *name);
/* The object's id, 0 when nothing is pinned there. Programs and maps have theirs at one place. */
uint32_t program_pin_id(const struct instance *instance, const char *name);
uint32_t map_pin_id(const struct instance *instance, const char *name);
/* Pins, in one step in the place of what was pinned there. */
int pin_replace(const struct instance *instance, const char *folder, const char *name, int fd);
int pin_remove(const struct instance *instance, const char *folder, const char *name);
/* Detaches what is pinned there: without its pin alone a link would end only when the kernel comes
 * round to it. */
int link_pin_remove(const char *path);
/* Removes the pins in a folder that `chosen` (NULL: all of them) takes. */
int pins_remove(const struct instance *instance, const char *folder,
		bool (*chosen)(const char *name));
/* Calls back for every pin in a folder; stops at a non-zero return. */
int pins_each(const struct instance *instance, const char *folder,
	      int (*callback)(const char *name, void *data), void *data);

#endif
