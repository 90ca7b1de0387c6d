/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files behind topo.h share: how a record is read, what is npctl's. */
#ifndef NPCTL_NET_TOPO_PARTS_H
#define NPCTL_NET_TOPO_PARTS_H

#include <jansson.h>
#include "net/links.h"

#define ADDRESSES_MOST 32 /* of one interface in a record */

const char *part_text(const json_t *part, const char *key); /* "" when there is none */
/* The addresses under `key`; how many. */
int part_addresses(const json_t *part, const char *key, struct link_address *addresses);

/*
 * By the mark; without one, as after a crash between the making of a link and
 * its marking, by the MAC that goes with its name.
 */
bool link_is_ours(const struct link_state *state, const char *mark, const char *mac);

/* Removes what is there of the record; the sentence that says why stays. */
void topo_undo(const json_t *record);

#endif
