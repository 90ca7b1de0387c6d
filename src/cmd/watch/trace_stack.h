/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* trace --stack: where in the kernel packets die. */
#ifndef NPCTL_CMD_WATCH_TRACE_STACK_H
#define NPCTL_CMD_WATCH_TRACE_STACK_H

#include "words/command.h"

int trace_stack(struct context *context, const struct words *words);

#endif
