/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/window.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

/* "8:00", "08:00", up to "24:00". */
static const char *parse_minute(const char *text, uint16_t *minute)
{
	unsigned int hours, minutes;
	int length = 0;

	if (!isdigit((unsigned char)*text) ||
	    sscanf(text, "%2u:%n%2u", &hours, &length, &minutes) != 2 || !length ||
	    !isdigit((unsigned char)text[length]) || !isdigit((unsigned char)text[length + 1]) ||
	    minutes > 59 || hours * 60 + minutes > DAY_MINUTES)
		return NULL;
	*minute = (uint16_t)(hours * 60 + minutes);
	return text + length + 2;
}

int window_parse(const char *text, struct window *window)
{
	const char *at = parse_minute(text, &window->from);

	if (!at || *at != '-')
		return -1;
	at = parse_minute(at + 1, &window->to);
	return at && !*at && window->from != window->to && window->from < DAY_MINUTES ? 0 : -1;
}

const char *window_text(const struct window *window, char text[static WINDOW_TEXT])
{
	snprintf(text, WINDOW_TEXT, "%02u:%02u-%02u:%02u", window->from / 60 % 100,
		 window->from % 60, window->to / 60 % 100, window->to % 60);
	return text;
}

bool window_has(const struct window *window, uint32_t minute)
{
	if (window->from <= window->to)
		return minute >= window->from && minute < window->to;
	return minute >= window->from || minute < window->to;
}

uint32_t minute_now(void)
{
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	return (uint32_t)(local.tm_hour * 60 + local.tm_min);
}
