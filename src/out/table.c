// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out/out.h"
#include "out/cell.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The columns that some row has, their titles and widths. */
struct layout {
	const struct column *column;
	char *title;
	int width;
};

static char *title_of(const struct column *column)
{
	char *title = xstrdup(column->title ? column->title : column->key);

	if (!column->title)
		for (char *at = title; *at; at++)
			*at = *at == '_' ? ' ' : (char)toupper((unsigned char)*at);
	return title;
}

static bool lay_out(const json_t *rows, const struct column *column, struct layout *layout)
{
	bool present = false;
	json_t *row;
	size_t i;

	layout->column = column;
	layout->title = title_of(column);
	layout->width = cell_width(layout->title);
	json_array_foreach (rows, i, row) {
		json_t *value = json_object_get(row, column->key);
		char *text = cell_text(value);
		int width = cell_width(text);

		present = present || (value && !json_is_null(value));
		if (width > layout->width)
			layout->width = width;
		free(text);
	}
	if (!present)
		free(layout->title);
	return present;
}

static void print_cell(const struct out *out, const struct layout *layout, bool last,
		       enum paint paint, const char *text)
{
	int pad = layout->width - cell_width(text);

	if (layout->column->right)
		printf("%*s", pad, "");
	fputs(painted(out, paint, text), stdout);
	if (!layout->column->right && !last)
		printf("%*s", pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void print_row(const struct out *out, const json_t *row, const struct layout *layout,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct column *column = layout[i].column;
		char *text = cell_text(json_object_get(row, column->key));
		enum paint paint = column->paint ? column->paint(text) : PLAIN;

		print_cell(out, &layout[i], i + 1 == count, paint, text);
		free(text);
	}
}

static void print_table(const struct out *out, const json_t *rows, const struct column *columns,
			size_t count)
{
	struct layout *layout = xalloc(count * sizeof(*layout));
	size_t shown = 0, i;
	json_t *row;

	for (i = 0; i < count; i++)
		if (lay_out(rows, &columns[i], &layout[shown]))
			shown++;
	for (i = 0; i < shown; i++)
		print_cell(out, &layout[i], i + 1 == shown, BOLD, layout[i].title);
	json_array_foreach (rows, i, row)
		print_row(out, row, layout, shown);
	for (i = 0; i < shown; i++)
		free(layout[i].title);
	free(layout);
}

void out_table(const struct out *out, json_t *rows, const struct column *columns, size_t count,
	       const char *nothing)
{
	if (out->json) {
		out_json(out, rows);
		return;
	}
	if (json_array_size(rows))
		print_table(out, rows, columns, count);
	else if (nothing)
		puts(nothing);
	json_decref(rows);
}
