/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whose change it is: the words of the command that is at work. */
#ifndef NPCTL_BASE_AUTHOR_H
#define NPCTL_BASE_AUTHOR_H

#include "base/base.h"

const char *author(void); /* "" when nobody said */
/* Says it, borrowed until somebody else does; returns who it was before. */
const char *author_say(const char *command);

#endif
