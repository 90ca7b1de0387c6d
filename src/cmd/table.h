/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_CMD_TABLE_H
#define NPCTL_CMD_TABLE_H

#include "words/command.h"

extern const struct command command_topo, command_load, command_attach, command_map, command_policy,
    command_confirm, command_endpoint, command_trace, command_stat, command_top, command_test,
    command_version, command_agent, command_batch, command_repl, command_completion, command_detach;

/* Ends with NULL. */
extern const struct command *const command_table[];

#endif
