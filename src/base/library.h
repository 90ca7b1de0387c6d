/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Libraries that few commands use and that take longer to load than most
 * commands do: opened when they are needed.
 */
#ifndef NPCTL_BASE_LIBRARY_H
#define NPCTL_BASE_LIBRARY_H

#include <stddef.h>

struct library {
	const char *purpose;	  /* "masquerading" */
	const char *package;	  /* of Debian, that brings it */
	const char *names[2];	  /* the first that is there */
	const char *const *calls; /* ends with NULL */
};

/*
 * The functions in the order of their names into `table`, which stays as it is,
 * with fail(), unless all of them are there.
 */
int library_open(const struct library *library, void *table);

#endif
