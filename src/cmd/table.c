// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/table.h"

/* In the order in which help shows them. */
const struct command *const command_table[] = {
    &command_topo,     &command_load,	 &command_attach,   &command_policy, &command_confirm,
    &command_test,     &command_trace,	 &command_stat,	    &command_top,    &command_map,
    &command_endpoint, &command_agent,	 &command_repl,	    &command_batch,  &command_completion,
    &command_help,     &command_version, &command_complete, &command_detach, NULL,
};
