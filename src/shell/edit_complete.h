/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Readline's keys that know npctl's words: Tab completes, F1 and Alt-h help in place. */
#ifndef NPCTL_SHELL_EDIT_COMPLETE_H
#define NPCTL_SHELL_EDIT_COMPLETE_H

#include "words/words.h"

void edit_complete_begin(struct context *context);
void edit_complete_end(void);
/* Not in a here-document, where a tab is a tab. */
void edit_complete_allow(bool allowed);

#endif
