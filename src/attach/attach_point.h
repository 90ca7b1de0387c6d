/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One program on one side of one interface, by a tcx link or a clsact filter. */
#ifndef NPCTL_ATTACH_ATTACH_POINT_H
#define NPCTL_ATTACH_ATTACH_POINT_H

#include "attach/attach_tc.h"
#include "store/instance.h"

/* BPF_TCX_INGRESS and _EGRESS, which Debian 12's headers lack */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

struct point {
	const char *interface;
	int ifindex;
	bool egress; /* of the interface: what the host sends through it */
	bool clsact;
	const char *program; /* "progs/NAME" */
	bool policy;	     /* npctl's own, which goes first; else one of the user's own */
	bool users;	     /* npctl's own for users, not for a pod or device */
};

int point_attach(const struct instance *instance, const struct point *point);
int point_detach(const struct instance *instance, const struct point *point);
/* Puts another program in the place of the one that runs; 0 also when none does. */
int point_update(const struct instance *instance, const struct point *point, int program);
/* The id of the program that the link or filter runs, 0 when that is gone. */
uint32_t point_program(const struct instance *instance, const struct point *point);

/* What a row of "attachments" puts on its interface; how many. The row lends the text. */
size_t attach_points(const json_t *row, struct point points[static DIRECTIONS]);

int filter_remove(int ifindex, bool egress, const struct filter *filter);
int clsact_make(const char *interface, int ifindex);
int clsact_remove(const char *interface, int ifindex);

/* fail() unless it is one that can stand on an interface. */
int program_check_type(int program, const char *name);

#endif
