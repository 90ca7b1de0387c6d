/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The specification's error codes. */
#ifndef NPCTL_CNI_REFUSE_H
#define NPCTL_CNI_REFUSE_H

#include "base/base.h"

enum refusal {
	REFUSED_VERSION = 1,	 /* a version of the specification that is not supported */
	REFUSED_FIELD = 2,	 /* a field of the configuration that is not supported */
	REFUSED_CONTAINER = 3,	 /* no such container; there is nothing to clean up */
	REFUSED_ENVIRONMENT = 4, /* a variable is missing or wrong */
	REFUSED_INPUT = 5,	 /* the configuration cannot be read */
	REFUSED_JSON = 6,	 /* it can be read, but is not what it should be */
	REFUSED_CONFIG = 7,	 /* it makes no sense */
	REFUSED_FOR_NOW = 11,	 /* later it may work */
	REFUSED_STATUS = 50,	 /* ADD would fail */
	REFUSED_LIMITED = 51,	 /* ADD would fail, and containers suffer already */
	REFUSED_FAILED = 100,	 /* npctl's own: something could not be done */
	REFUSED_CHECK = 101,	 /* CHECK found something that is not as ADD left it */
};

/* fail(), with its code; returns FAILED. */
int refuse(int code, const char *format, ...) PRINTF(2, 3);
/* The remembered sentence under another code; returns FAILED. */
int refuse_as(int code);
/* The code of the remembered sentence: REFUSED_FAILED when fail() said it. */
int refusal_code(void);
/* What was refused stays refused while things are undone that may fail, too. */
struct refusal_kept {
	int code;
	char *sentence, *mend;
};
struct refusal_kept refusal_keep(void);
int refusal_again(struct refusal_kept *kept);

#endif
