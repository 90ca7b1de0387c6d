// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out/out.h"
#include "out/cell.h"
#include <ctype.h>
#include <stdarg.h>
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

/*
 * One after the other, as far as needed: lines end at spaces, columns stand
 * closer, lines end at slashes, and at last in the middle of a word.
 */
static const struct fold {
	int gap, least;
	bool slashes, anywhere;
} folds[] = {{2, 12, false, false}, {1, 12, false, false}, {1, 7, true, false}, {1, 6, true, true}};

/* How narrow the column may become, for its title and for all its cells. */
static int least_of(const json_t *rows, const struct layout *layout, const struct fold *fold)
{
	int least = fold->least;
	json_t *row;
	size_t i;

	if (least > layout->width)
		least = layout->width;
	if (cell_width(layout->title) > least)
		least = cell_width(layout->title);
	if (fold->anywhere && !layout->column->right)
		return least;
	json_array_foreach (rows, i, row) {
		char *text = cell_text(json_object_get(row, layout->column->key));
		int width = cell_least(text, fold->slashes);

		if (width > least)
			least = width;
		free(text);
	}
	return least;
}

/* Takes from the widest column that has something to give until all fit, or none has. */
static bool shrink(struct layout *layout, const int *least, size_t count, int room)
{
	for (;;) {
		int widest = -1, all = 0;

		for (size_t i = 0; i < count; i++) {
			all += layout[i].width;
			if (layout[i].width > least[i] &&
			    (widest < 0 || layout[i].width > layout[widest].width))
				widest = (int)i;
		}
		if (all <= room || widest < 0)
			return all <= room;
		layout[widest].width--;
	}
}

/* Where nothing helps, the table stays as wide as it is. */
static struct fold fit(const json_t *rows, struct layout *layout, size_t count, int room)
{
	int *least = xalloc(2 * count * sizeof(*least)), *full = least + count;
	struct fold chosen = {.gap = 2};

	for (size_t i = 0; i < count; i++)
		full[i] = layout[i].width;
	for (size_t n = 0; n < ARRAY_SIZE(folds); n++) {
		for (size_t i = 0; i < count; i++)
			least[i] = least_of(rows, &layout[i], &folds[n]);
		chosen = folds[n];
		if (shrink(layout, least, count, room - chosen.gap * ((int)count - 1)))
			goto out;
	}
	for (size_t i = 0; i < count; i++)
		layout[i].width = full[i];
	chosen = (struct fold){.gap = 2};
out:
	free(least);
	return chosen;
}

static void print_cell(const struct out *out, const struct layout *layout, int gap,
		       enum paint paint, const char *text)
{
	int pad = layout->width - cell_width(text);

	if (layout->column->right)
		printf("%*s", pad, "");
	fputs(painted(out, paint, text), stdout);
	if (gap)
		printf("%*s", gap + (layout->column->right ? 0 : pad), "");
	else
		putchar('\n');
}

/* Prints what fits in the cell, and gives what is left. */
static char *print_piece(const struct out *out, const struct layout *layout, int gap,
			 struct fold fold, enum paint paint, char *text)
{
	size_t length = cell_fold(text, layout->width, fold.slashes);
	char *rest, kept;

	if (fold.anywhere)
		length = cell_cut(text, length, layout->width);
	rest = text + length + strspn(text + length, " ");
	kept = text[length];
	text[length] = '\0';
	print_cell(out, layout, gap, paint, text);
	text[length] = kept;
	return rest;
}

/* A cell that does not fit goes on in the next line. */
static void print_row(const struct out *out, const json_t *row, const struct layout *layout,
		      size_t count, struct fold fold)
{
	char **texts = xalloc(2 * count * sizeof(*texts)), **rests = texts + count;
	size_t last = count, i;

	for (i = 0; i < count; i++)
		rests[i] = texts[i] = cell_text(json_object_get(row, layout[i].column->key));
	while (last) {
		for (i = 0; i < last; i++) {
			const struct column *column = layout[i].column;

			rests[i] =
			    print_piece(out, &layout[i], i + 1 == last ? 0 : fold.gap, fold,
					column->paint ? column->paint(texts[i]) : PLAIN, rests[i]);
		}
		while (last && !*rests[last - 1])
			last--;
	}
	for (i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

static void print_table(const struct out *out, const json_t *rows, const struct column *columns,
			size_t count)
{
	struct layout *layout = xalloc(count * sizeof(*layout));
	struct fold fold = {.gap = 2};
	size_t shown = 0, i;
	json_t *row;

	for (i = 0; i < count; i++)
		if (lay_out(rows, &columns[i], &layout[shown]))
			shown++;
	if (out->fold)
		fold = fit(rows, layout, shown, out->width);
	for (i = 0; i < shown; i++)
		print_cell(out, &layout[i], i + 1 == shown ? 0 : fold.gap, BOLD, layout[i].title);
	json_array_foreach (rows, i, row)
		print_row(out, row, layout, shown, fold);
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

void out_line(const struct out *out, int indent, const char *format, ...)
{
	va_list arguments;
	char *text, *rest;
	int room = out->width;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		abort();
	va_end(arguments);
	rest = text;
	while (out->fold && cell_width(rest) > room && room > indent) {
		size_t length = cell_fold(rest, room, false);

		if (!rest[length])
			break;
		printf("%.*s\n%*s", (int)length, rest, indent, "");
		rest += length + strspn(rest + length, " ");
		room = out->width - indent;
	}
	puts(rest);
	free(text);
}
