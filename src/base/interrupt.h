/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Signals that end, tidily, what would go on for long: a trace, a watch, a wait. */
#ifndef NPCTL_BASE_INTERRUPT_H
#define NPCTL_BASE_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/* The number of the signal that came since one of these was called; 0: none. */
extern volatile sig_atomic_t interrupted;

/* From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT only set that, and end system calls. */
void interrupt_catch(void);
/* The same, but system calls go on: what must not be left half done is not disturbed. */
void interrupt_defer(void);
/* Within that: for a wait after which nothing is half done. */
void interrupt_allow(bool allowed);

#endif
