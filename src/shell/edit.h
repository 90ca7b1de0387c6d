/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lines that a person types: by readline with history and completion, or plain
 * where that was not built in.
 */
#ifndef NPCTL_SHELL_EDIT_H
#define NPCTL_SHELL_EDIT_H

#include "words/words.h"
#include "shell/line.h"

/* `context` is whose instance names are completed from; `private`: no history is kept. */
void edit_begin(struct context *context, bool private);
void edit_end(void);
/*
 * As input.next does. SIGINT gives INPUT_CANCELLED, SIGTERM and SIGHUP INPUT_END,
 * and `interrupted` says which. `first`: not in the middle of something.
 */
int edit_line(const char *prompt, bool first, char **text);

#endif
