// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "top/top.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void log_add(struct log *log, enum paint paint, const char *format, ...)
{
	struct log_line *line = &log->line[log->count++ % LOG_LINES];
	va_list arguments;

	free(line->text);
	va_start(arguments, format);
	if (vasprintf(&line->text, format, arguments) < 0)
		line->text = NULL;
	va_end(arguments);
	line->paint = paint;
	for (char *at = line->text; at && *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
}

const struct log_line *log_get(const struct log *log, uint64_t n)
{
	const struct log_line *line = &log->line[n % LOG_LINES];

	return n < log->count && n + LOG_LINES >= log->count && line->text ? line : NULL;
}

bool log_matches(const struct log_line *line, const char *filter)
{
	char *words = xstrdup(filter), *rest = words, *word;
	bool matches = true;

	while (matches && (word = strsep(&rest, " ")))
		matches = strcasestr(line->text, word);
	free(words);
	return matches;
}

void log_release(struct log *log)
{
	for (size_t i = 0; i < LOG_LINES; i++)
		free(log->line[i].text);
}
