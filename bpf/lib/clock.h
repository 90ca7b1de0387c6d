/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The time of the day, for rules that hold only then. */
#ifndef NPCTL_LIB_CLOCK_H
#define NPCTL_LIB_CLOCK_H

#include "lib/version.h"

#define NANOSECONDS 1000000000ull

/* Since 6.1 there is a clock that follows when the system's is set; before, one that only runs. */
const volatile bool tai_known = true;

/* The minute of the local day, by what user space knew of offsets at the last commit. */
__noinline __u32 clock_minute(void)
{
	struct settings *settings = settings_get();
	struct clock *clock;
	__u64 seconds;
	int i;

	if (!settings)
		return 0;
	clock = &settings->clock[version_in_force(settings) & 1];
	seconds = ((tai_known ? bpf_ktime_get_tai_ns() : bpf_ktime_get_boot_ns()) + clock->offset) /
		  NANOSECONDS;
	for (i = 0; i < CLOCK_ZONES - 1; i++)
		if (seconds < clock->zone[i].until)
			break;
	return (seconds + clock->zone[i].offset) / 60 % 1440;
}

#endif
