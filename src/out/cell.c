// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out/cell.h"
#include "base.h"
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
		return json_dumps(value, JSON_COMPACT);
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

int cell_width(const char *text)
{
	mbstate_t state = {0};
	size_t left = strlen(text);
	int width = 0;

	while (left) {
		wchar_t wide;
		size_t used = mbrtowc(&wide, text, left, &state);
		int columns = 1;

		if (used == 0 || used > left) {
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
