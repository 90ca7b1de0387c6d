// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/waiting.h"

#include <time.h>

/* Whoever confirms so shortly before the end may be overtaken by it. */
#define SPARE_NS (2ull << CONFIRM_TICK_BITS)

static uint64_t since_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t confirm_of(const struct settings *settings)
{
	return __atomic_load_n(&settings->confirm, __ATOMIC_SEQ_CST);
}

static uint32_t version_of(const struct settings *settings)
{
	return __atomic_load_n(&settings->version, __ATOMIC_SEQ_CST);
}

/* Whether the word is about the version in force. */
static bool is_armed(const struct settings *settings)
{
	uint32_t confirm = confirm_of(settings);

	return confirm && !((confirm ^ version_of(settings)) & 1);
}

static bool is_over_at(const struct settings *settings, uint64_t time)
{
	uint32_t confirm = confirm_of(settings);

	return confirm && confirm_is_over(version_of(settings), confirm, time);
}

uint32_t version_in_force(const struct settings *settings)
{
	uint32_t version = version_of(settings);

	return waiting_is_over(settings) ? version_after(version) : version;
}

bool waiting_is(const struct settings *settings, double *seconds)
{
	int32_t ticks = (int32_t)((confirm_of(settings) & ~1u) - confirm_ticks(since_boot()));

	if (!is_armed(settings) || ticks <= 0)
		return false;
	if (seconds)
		*seconds = (double)(ticks / 2) * (1u << CONFIRM_TICK_BITS) / 1e9;
	return true;
}

bool waiting_is_over(const struct settings *settings)
{
	return is_over_at(settings, since_boot());
}

void waiting_begin(struct settings *settings, uint64_t seconds)
{
	const uint64_t up = (1ull << CONFIRM_TICK_BITS) - 1;
	uint32_t next = version_after(settings->version);
	uint32_t word = confirm_ticks(since_boot() + seconds * 1000000000 + up) | (next & 1);

	__atomic_store_n(&settings->confirm, word ? word : 2, __ATOMIC_SEQ_CST);
}

bool waiting_confirm(struct settings *settings)
{
	if (is_over_at(settings, since_boot() + SPARE_NS))
		return false;
	__atomic_store_n(&settings->confirm, 0, __ATOMIC_SEQ_CST);
	return true;
}

/* In this order: with the next version in force, the word is about none. */
void waiting_take_back(struct settings *settings)
{
	if (is_armed(settings))
		__atomic_store_n(&settings->version, version_after(settings->version),
				 __ATOMIC_SEQ_CST);
	__atomic_store_n(&settings->confirm, 0, __ATOMIC_SEQ_CST);
}
