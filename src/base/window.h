/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A part of the day, by the minute; it may go on past midnight. */
#ifndef NPCTL_BASE_WINDOW_H
#define NPCTL_BASE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define DAY_MINUTES 1440

struct window {
	uint16_t from, to; /* minutes; equal: no window, always */
};

#define WINDOW_TEXT 16

/* "08:00-18:00", "22:00-06:00", "18:00-24:00"; 0 or -1, silently. */
int window_parse(const char *text, struct window *window);
const char *window_text(const struct window *window, char text[static WINDOW_TEXT]);
bool window_has(const struct window *window, uint32_t minute);

static inline bool window_is_set(const struct window *window)
{
	return window->from != window->to;
}

/* The minute of the local day. */
uint32_t minute_now(void);

#endif
