/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kinds of statistics: what is read, shown, compared and exported of each. */
#ifndef NPCTL_CMD_WATCH_STAT_H
#define NPCTL_CMD_WATCH_STAT_H

#include <stdio.h>
#include "words/command.h"
#include "store/instance.h"

#define STAT_NAMES 8

struct metric {
	const char *name, *type, *help;
	const char *key; /* of a row, summed over those with the same labels; NULL: their number */
	double scale;	 /* from the row's unit to the metric's base unit */
};

struct stat_kind {
	const char *name;
	int (*read)(struct instance *instance, json_t **rows); /* NULL: flows, through a filter */
	const char *id[STAT_NAMES];			       /* the keys that rows are known by */
	const char *counters[STAT_NAMES];	     /* keys that only grow, and so have a rate */
	void (*refine)(json_t *row, double seconds); /* from what a row grew by; or NULL */
	void (*prepare)(json_t *row);		     /* texts for people; or NULL */
	const struct column *columns;
	size_t column_count;
	const char *nothing;
	bool counts_runs;	      /* the kernel has to be asked to count */
	bool totals;		      /* shown at the end of a watch */
	const struct metric *metrics; /* ends with a NULL name */
	const char *labels[STAT_NAMES];
};

/* The row's values of these keys, {key="value",…}, fit for a label; freed by the caller. */
char *stat_labels(const json_t *row, const char *const keys[static STAT_NAMES]);

extern const struct stat_kind stat_kinds[]; /* ends with a NULL name */

/* Prometheus' text format of one kind's rows. */
void stat_metrics(FILE *to, const struct stat_kind *kind, const json_t *rows);
/* The same of all kinds. */
int stat_metrics_all(const struct context *context, FILE *to);

#endif
