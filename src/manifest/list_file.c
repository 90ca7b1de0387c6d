/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/list_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "compile/classes.h"
#include "base/read_file.h"

struct counting {
	size_t count, lines;
};

static int count_prefix(const struct prefix *prefix, void *data)
{
	struct counting *counting = data;

	(void)prefix;
	if (!(counting->count++ % PROGRESS_STEP))
		progress("reading", counting->count, counting->lines);
	return 0;
}

static size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; (text = strchr(text, '\n')); text++)
		lines++;
	return lines;
}

static char *name_after(const char *file)
{
	const char *slash = strrchr(file, '/');
	char *name = xstrdup(slash ? slash + 1 : file), *dot = strrchr(name, '.');

	if (dot && dot != name)
		*dot = '\0';
	for (char *at = name; *at; at++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.",
			    *at))
			*at = '-';
	if (!*name || strcmp(name, "-") == 0) {
		free(name);
		name = xstrdup("stdin");
	}
	return name;
}

int list_file_read(const char *file, const char *given, char **name, json_t **list)
{
	struct counting counting = {0};
	size_t size, line;
	char *text;
	int result = FAILED;

	if (given && (strcmp(given, "private") == 0 || strcmp(given, "loopback") == 0))
		return misuse("list name \"%s\" has a meaning already", given);
	if (given && !schema_is_label_value(given))
		return misuse("list name \"%s\" is not made of letters, digits and dashes", given);
	if (file_read(file, &text, &size))
		return FAILED;
	counting.lines = count_lines(text);
	if (strlen(text) != size) {
		fail("%s: is no text", file);
	} else if (cidr_lines_each(text, count_prefix, &counting, &line)) {
		fail("%s:%zu: is no prefix such as 10.0.0.0/8 or fd00::/8", file, line);
	} else if (!counting.count) {
		fail("%s: holds no prefix", file);
	} else {
		*name = given ? xstrdup(given) : name_after(file);
		*list = json_pack("{s:s, s:s, s:s#}", "kind", "CidrList", "name", *name, "cidrs",
				  text, (int)size);
		result = *list ? 0 : fail("%s: is no UTF-8 text", file);
	}
	free(text);
	return result;
}
