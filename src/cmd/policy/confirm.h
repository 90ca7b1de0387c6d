/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_CMD_POLICY_CONFIRM_H
#define NPCTL_CMD_POLICY_CONFIRM_H

#include "words/command.h"

/* Takes back at once what waits to be confirmed; `waited`: something did. */
int confirm_take_back(struct context *context, bool *waited);

#endif
