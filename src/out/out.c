// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out/out.h"
#include "out/cell.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const escapes[] = {
    [PLAIN] = "",	[BOLD] = "\033[1m",    [DIM] = "\033[2m",   [GREEN] = "\033[32m",
    [RED] = "\033[31m", [YELLOW] = "\033[33m", [CYAN] = "\033[36m",
};

static bool takes_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

void out_setup(struct out *out)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	*out = (struct out){.colour = takes_colour(), .width = 80};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		out->width = size.ws_col;
	else if (columns && atoi(columns) > 0)
		out->width = atoi(columns);
	else
		return;
	out->fold = true;
}

void out_json(const struct out *out, json_t *value)
{
	size_t layout = out->pretty ? JSON_INDENT(4) : JSON_COMPACT;

	if (out->json) {
		json_dumpf(value, stdout, layout | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
		putchar('\n');
	}
	json_decref(value);
}

json_t *out_string(const char *text)
{
	json_t *string = json_string(text);
	char *copy;

	if (string)
		return string;
	copy = xstrdup(text);
	for (char *at = copy; *at; at++)
		if ((unsigned char)*at > 0x7f)
			*at = '?';
	string = json_string(copy);
	free(copy);
	return string;
}

void out_failure(const struct out *out)
{
	const char *mend = failure_mend();

	progress_end();
	if (!*failure())
		return;
	if (out->json) {
		json_t *error = json_pack("{s:o}", "error", out_string(failure()));

		if (*mend)
			json_object_set_new(error, "mend", out_string(mend));
		out_json(out, error);
		return;
	}
	fflush(stdout);
	fprintf(stderr, "npctl: %s%s%s%s\n", failure(), *mend ? " (mend: " : "", mend,
		*mend ? ")" : "");
}

static void print_members(const struct out *out, json_t *object, int indent);

static void print_list(const struct out *out, json_t *list, int indent)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		if (i)
			putchar('\n');
		print_members(out, item, indent);
	}
}

/* What does not fit on its key's line. */
static bool is_nested(const json_t *value)
{
	return (json_is_object(value) && json_object_size(value)) ||
	       (json_is_array(value) && json_is_object(json_array_get(value, 0)));
}

static void print_members(const struct out *out, json_t *object, int indent)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		printf("%*s%s:", indent, "", painted(out, BOLD, key));
		if (is_nested(value)) {
			putchar('\n');
			if (json_is_object(value))
				print_members(out, value, indent + 2);
			else
				print_list(out, value, indent + 2);
		} else {
			char *text = cell_text(value);

			printf(" %s\n", painted(out, paint_verdict(text), text));
			free(text);
		}
	}
}

void out_object(const struct out *out, json_t *object)
{
	if (out->json) {
		out_json(out, object);
		return;
	}
	print_members(out, object, 0);
	json_decref(object);
}

const char *painted(const struct out *out, enum paint paint, const char *text)
{
	static char *buffers[8];
	static unsigned int next;
	char **buffer = &buffers[next++ % ARRAY_SIZE(buffers)];

	if (!out->colour || paint == PLAIN)
		return text;
	free(*buffer);
	*buffer = xprintf("%s%s\033[0m", escapes[paint], text);
	return *buffer;
}

enum paint paint_verdict(const char *text)
{
	static const struct {
		const char *word;
		enum paint paint;
	} words[] = {
	    {"allow", GREEN},	  {"deny", RED},    {"ALLOW", GREEN}, {"DENY", RED},
	    {"DROP", RED},	  {"drop", RED},    {"PASS", GREEN},  {"FAIL", RED},
	    {"SKIP", YELLOW},	  {"WARN", YELLOW}, {"up", GREEN},    {"down", RED},
	    {"connected", GREEN}, {"blocked", RED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, text))
			return words[i].paint;
	return PLAIN;
}

/* Three digits at most before the unit, one behind the point below ten. */
static const char *scaled(double number, double base, const char *const units[], size_t count)
{
	static char buffers[8][24];
	static unsigned int next;
	char *buffer = buffers[next++ % ARRAY_SIZE(buffers)];
	size_t unit = 0;

	while (number >= base && unit + 1 < count) {
		number /= base;
		unit++;
	}
	snprintf(buffer, sizeof(buffers[0]), unit && number < 9.95 ? "%.1f%s" : "%.0f%s", number,
		 units[unit]);
	return buffer;
}

const char *human_count(uint64_t number)
{
	static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};

	return scaled((double)number, 1000, units, ARRAY_SIZE(units));
}

const char *human_bytes(uint64_t bytes)
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};

	return scaled((double)bytes, 1024, units, ARRAY_SIZE(units));
}
