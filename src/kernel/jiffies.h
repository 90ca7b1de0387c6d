/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The clock by which the datapath dates what it keeps. */
#ifndef NPCTL_KERNEL_JIFFIES_H
#define NPCTL_KERNEL_JIFFIES_H

#include <stdint.h>

struct jiffies {
	uint64_t now;
	uint64_t hz;
};

void jiffies_read(struct jiffies *jiffies);
/* 0 for what happened after the clock was read. */
uint64_t jiffies_since(const struct jiffies *jiffies, uint64_t then);
uint64_t jiffies_seconds_since(const struct jiffies *jiffies, uint64_t then);
/* The last moment whose low half is this; at most a second ahead of when the clock was read. */
uint64_t jiffies_whole(const struct jiffies *jiffies, uint32_t low);

#endif
