/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps that a plan is written to, open and mapped. */
#ifndef NPCTL_DATAPATH_DATAPATH_H
#define NPCTL_DATAPATH_DATAPATH_H

#include "datapath/arena.h"
#include "store/instance.h"

/* Descriptors of maps by name; -1 in the last four: not there. */
struct datapath_maps {
	int subjects, subjects_more, peers4, rules, counters, runs, runs6;
	int rates, users, containers, shadows;
};

struct datapath {
	struct settings *settings; /* borrowed */
	struct subject *subjects;
	struct span *peers4;
	uint32_t rule_limit;
	struct arena runs, runs6;
	struct datapath_maps maps;
	bool owns_maps; /* closes them */
};

/* `pins`: the folder of the chunks, NULL to keep them by descriptor. */
int datapath_open_maps(struct datapath *datapath, struct settings *settings,
		       const struct datapath_maps *maps, const char *pins);
int datapath_open(struct datapath *datapath, struct instance *instance);
void datapath_close(struct datapath *datapath);

#endif
