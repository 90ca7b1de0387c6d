/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * npctl as a CNI plugin: a container runtime calls it without words, with
 * CNI_COMMAND in the environment and a network's configuration on standard
 * input (https://www.cni.dev/docs/spec/, npctl-cni(8)).
 */
#ifndef NPCTL_CNI_CNI_H
#define NPCTL_CNI_CNI_H

#include <stdbool.h>

/* A runtime called, not a person. */
bool cni_is_called(int argc);
/* Works on the instance that the configuration names, or else `root`; the exit status. */
int cni_run(const char *root);

#endif
