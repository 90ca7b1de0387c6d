/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_SHELL_HISTORY_H
#define NPCTL_SHELL_HISTORY_H

/*
 * Where lines are kept: $XDG_STATE_HOME/npctl/history, else below ~/.local/state;
 * made if need be, and only in a home of this user's own. NULL: nowhere. Freed by
 * the caller.
 */
char *history_file(void);

#endif
