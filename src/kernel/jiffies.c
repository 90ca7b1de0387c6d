// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/jiffies.h"
#include <time.h>

/* The kernel's count starts five minutes before its low half overflows. */
void jiffies_read(struct jiffies *jiffies)
{
	struct timespec tick, now;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	jiffies->hz = (uint64_t)(1000000000 / tick.tv_nsec);
	jiffies->now = (uint64_t)now.tv_sec * jiffies->hz + now.tv_nsec / tick.tv_nsec +
		       (uint32_t)(-300 * (int64_t)jiffies->hz);
}

uint64_t jiffies_since(const struct jiffies *jiffies, uint64_t then)
{
	return jiffies->now > then ? jiffies->now - then : 0;
}

uint64_t jiffies_seconds_since(const struct jiffies *jiffies, uint64_t then)
{
	return jiffies_since(jiffies, then) / jiffies->hz;
}

uint64_t jiffies_whole(const struct jiffies *jiffies, uint32_t low)
{
	uint32_t ahead = low - (uint32_t)jiffies->now;

	return jiffies->now + ahead - (ahead < jiffies->hz ? 0 : 1ull << 32);
}
