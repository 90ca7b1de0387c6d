/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The directory of an instance on a bpffs: who owns it, what is where in it. */
#ifndef NPCTL_STORE_ROOT_H
#define NPCTL_STORE_ROOT_H

#include <stdbool.h>

#define DEFAULT_ROOT "/sys/fs/bpf/npctl"

struct instance;

/*
 * "ROOT/maps/NAME" and the like; freed by the caller. Dots in names, which a
 * bpffs reserves, become colons, which no interface has.
 */
char *instance_path(const struct instance *instance, const char *folder, const char *name);
/* Makes ROOT/FOLDER unless it is there. */
int instance_folder(const struct instance *instance, const char *folder);
/* Remembers "npctl WORDS", with --root where it is needed, as what would mend; FAILED. */
int instance_mend(const struct instance *instance, const char *words);
/* `made`: it was not there before. */
int root_make(const char *root, bool *made);
/* fail() unless it is on a bpffs and, where `owner` matters, nobody else's. */
int root_check(const char *root, bool owner);
/* fail() with errno, about a path of it. */
int root_fail(const char *path);

#endif
