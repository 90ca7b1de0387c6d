/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the datapath has to know to tell the local time. */
#ifndef NPCTL_KERNEL_CLOCK_H
#define NPCTL_KERNEL_CLOCK_H

#include "abi.h"
#include "base/base.h"

/* The kernel has CLOCK_TAI for programs (6.1). */
bool clock_has_tai(void);
/* As of now, for some years to come: by `tai`, or by the time since boot. */
void clock_fill(struct clock *clock, bool tai);

#endif
