// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/verifier_log.h"
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"

/* What the verifier said last, when it refused a program. */
static char reason[256];

const char *verifier_reason(void)
{
	return reason;
}

/* The last line of the log but its statistics, and "ADDRESS: (CODE) instruction". */
static void keep_reason(const char *log)
{
	const char *begin = strstr(log, "BEGIN PROG LOAD LOG"), *line, *end;

	for (line = begin; line && (line = strchr(line, '\n')) && *++line;) {
		end = strchrnul(line, '\n');
		if (strncmp(line, "processed ", 10) == 0 || strncmp(line, "-- END", 6) == 0)
			break;
		if (end == line || line[strspn(line, "0123456789")] == ':')
			continue;
		snprintf(reason, sizeof(reason), "%.*s", (int)(end - line), line);
	}
}

static int print_libbpf(enum libbpf_print_level level, const char *format, va_list arguments)
{
	va_list again;
	char *text;

	va_copy(again, arguments);
	if (level == LIBBPF_WARN && vasprintf(&text, format, again) >= 0) {
		keep_reason(text);
		free(text);
	}
	va_end(again);
	return debug ? vfprintf(stderr, format, arguments) : 0;
}

void libbpf_listen(void)
{
	libbpf_set_print(print_libbpf);
}
