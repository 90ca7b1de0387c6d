// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out/cell.h"
#include "base/base.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* Names come from files and from other programs: none may steer the terminal. */
static char *harmless(char *text)
{
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	return text;
}

static char *joined(const json_t *array)
{
	char *all = xstrdup("");
	json_t *item;
	size_t i;

	json_array_foreach (array, i, item) {
		char *one = cell_text(item);
		char *longer = xprintf("%s%s%s", all, i ? ", " : "", one);

		free(one);
		free(all);
		all = longer;
	}
	return all;
}

static char *scalar(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return xstrdup(json_string_value(value));
	case JSON_INTEGER:
		return xprintf("%lld", (long long)json_integer_value(value));
	case JSON_REAL:
		return xprintf(json_real_value(value) < 1000 ? "%.3g" : "%.0f",
			       json_real_value(value));
	case JSON_TRUE:
		return xstrdup("yes");
	case JSON_FALSE:
		return xstrdup("no");
	case JSON_ARRAY:
		return joined(value);
	case JSON_OBJECT:
		return json_dumps(value, 0);
	case JSON_NULL:
		break;
	}
	return xstrdup("");
}

char *cell_text(const json_t *value)
{
	char *text = value ? scalar(value) : xstrdup("");

	if (*text)
		return harmless(text);
	free(text);
	return xstrdup("-");
}

static int width_of(const char *text, size_t left)
{
	mbstate_t state = {0};
	int width = 0;

	while (left) {
		wchar_t wide;
		size_t used = mbrtowc(&wide, text, left, &state);
		int columns = 1;

		if (*text == '\033' && (used = strcspn(text, "m") + 1) <= left)
			columns = 0;
		else if (used == 0 || used > left) {
			used = 1;
			state = (mbstate_t){0};
		} else {
			columns = wcwidth(wide);
		}
		width += columns > 0 ? columns : 0;
		text += used;
		left -= used;
	}
	return width;
}

int cell_width(const char *text)
{
	return width_of(text, strlen(text));
}

/* The bytes up to the next place where a line may end, the space left out; 10.0.0.0/8 is one. */
static size_t part(const char *text, bool slashes)
{
	size_t length = strcspn(text, " ");

	for (size_t i = 1; slashes && i < length; i++)
		if (text[i - 1] == '/' && i > 1 && isalpha((unsigned char)text[i]))
			return i;
	return length;
}

int cell_least(const char *text, bool slashes)
{
	int least = 0;

	while (*text) {
		size_t length = part(text, slashes);
		int width = width_of(text, length);

		if (width > least)
			least = width;
		text += length + strspn(text + length, " ");
	}
	return least;
}

size_t cell_fold(const char *text, int width, bool slashes)
{
	size_t length = part(text, slashes), next;

	while (text[length]) {
		next = length + strspn(text + length, " ");
		next += part(text + next, slashes);
		if (width_of(text, next) > width)
			break;
		length = next;
	}
	return length;
}

size_t cell_cut(const char *text, size_t length, int width)
{
	size_t first = 1;

	while (first < length && ((unsigned char)text[first] & 0xc0) == 0x80)
		first++;
	while (length > first && width_of(text, length) > width)
		do
			length--;
		while (length > first && ((unsigned char)text[length] & 0xc0) == 0x80);
	return length;
}
