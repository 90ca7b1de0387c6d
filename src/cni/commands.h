/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The commands of the specification: 0 and what to print (NULL: nothing), or refused. */
#ifndef NPCTL_CNI_COMMANDS_H
#define NPCTL_CNI_COMMANDS_H

#include "cni/attachment.h"

int cni_add(const struct request *request, json_t **result);
int cni_del(const struct request *request, json_t **result);
int cni_gc(const struct request *request, json_t **result);
int cni_check(const struct request *request, json_t **result);
int cni_status(const struct request *request, json_t **result);
int cni_version(const struct request *request, json_t **result);

/* del.c: takes everything away that there is of an attachment; goes on when something fails. */
int attachment_remove(const struct request *request, const char *container, const char *ifname);

/* The instance, locked; later it may work when somebody else holds the lock for too long. */
int cni_open(const struct request *request, enum access access, struct instance **instance);

#endif
