/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* flows4 and flows6, mapped: read and written beside the programs, as they do it. */
#ifndef NPCTL_DATAPATH_FLOW_TABLES_H
#define NPCTL_DATAPATH_FLOW_TABLES_H

#include "store/instance.h"
#include "lib/flow_table.h"

struct flow_table {
	void *memory; /* NULL: closed */
	uint32_t buckets;
	size_t slot_size, words; /* of a key */
	struct flow_secret secret;
};

struct flow_tables {
	struct flow_table ipv4, ipv6;
};

/* Descriptors of the two maps; they may be closed afterwards. */
int flow_tables_map(struct flow_tables *tables, int flows4, int flows6,
		    const struct flow_secret *secret);
/* One of them, `slot_size` and `words` of which are set. */
int flow_table_map(struct flow_table *table, int fd, const char *name);
void flow_table_close(struct flow_table *table);
int flow_tables_open(struct flow_tables *tables, const struct instance *instance);
void flow_tables_close(struct flow_tables *tables);

/*
 * Every flow that is there, dead ones included, as it was at one moment; stops at
 * a non-zero return. The callback may delete what it is shown.
 */
typedef int flow_callback(struct flow_table *table, const void *key, const struct flow *flow,
			  void *data);
int flow_table_each(struct flow_table *table, flow_callback *callback, void *data);
int flow_tables_each(struct flow_tables *tables, flow_callback *callback4, flow_callback *callback6,
		     void *data);
/* False when it was not to be had, or `only_new` and it is there already. */
bool flow_table_put(struct flow_table *table, const void *key, const struct flow *flow,
		    uint32_t now, bool only_new);
/* False when there was none. */
bool flow_table_delete(struct flow_table *table, const void *key);
void flow_tables_clear(struct flow_tables *tables);

/* For --flows N; at least one. IPv6 has half as many. */
uint32_t flow_buckets(uint32_t flows, int family);
/* Fresh ones. */
void flow_secret_draw(struct flow_secret *secret);

#endif
