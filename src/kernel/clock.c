// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/clock.h"
#include <bpf/libbpf.h>
#include <time.h>

#define WEEK (7 * 86400)
#define YEARS (4 * 52) /* weeks in which changes are looked for */

#ifndef CLOCK_TAI
#define CLOCK_TAI 11
#endif

bool clock_has_tai(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_ktime_get_tai_ns, NULL) ==
	       1;
}

static uint64_t nanoseconds(clockid_t id)
{
	struct timespec now = {};

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static long offset_at(time_t when)
{
	struct tm local;

	return localtime_r(&when, &local) ? local.tm_gmtoff : 0;
}

/* The first second with another offset than at `from`, which is before `to`. */
static time_t change_between(time_t from, time_t to)
{
	long offset = offset_at(from);

	while (to - from > 1) {
		time_t middle = from + (to - from) / 2;

		if (offset_at(middle) == offset)
			from = middle;
		else
			to = middle;
	}
	return to;
}

void clock_fill(struct clock *clock, bool tai)
{
	time_t at;
	size_t zone = 0;
	int week;

	tzset();
	*clock = (struct clock){};
	clock->offset = nanoseconds(CLOCK_REALTIME) - nanoseconds(tai ? CLOCK_TAI : CLOCK_BOOTTIME);
	/* a clock that is set back finds yesterday's offset */
	at = time(NULL);
	clock->zone[0].offset = offset_at(at);
	for (week = 0; week < YEARS && zone < CLOCK_ZONES - 1; week++, at += WEEK) {
		if (offset_at(at + WEEK) == clock->zone[zone].offset)
			continue;
		clock->zone[zone].until = change_between(at, at + WEEK);
		clock->zone[++zone].offset = offset_at(at + WEEK);
	}
	clock->zone[zone].until = ~0ull;
}
