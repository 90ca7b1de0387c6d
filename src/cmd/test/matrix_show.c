/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A matrix for people, JSON, TAP and JUnit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/test/probes.h"
#include "model/model_private.h"

static const char *word(bool allow)
{
	return allow ? "allow" : "deny";
}

const char *probe_difference(const struct matrix_probe *probe)
{
	static char text[64];

	if (probe->expected >= 0 && probe->expected != probe->allow)
		snprintf(text, sizeof(text), "%s, expected %s", word(probe->allow),
			 word(probe->expected));
	else if (probe->live >= 0 && probe->live != probe->allow)
		snprintf(text, sizeof(text), "%s, but live %s", word(probe->allow),
			 word(probe->live));
	else
		return NULL;
	return text;
}

static size_t count_differences(const struct matrix *matrix)
{
	size_t count = 0;

	for (size_t i = 0; i < matrix->count; i++)
		count += probe_difference(&matrix->probe[i]) != NULL;
	return count;
}

static json_t *rows_of(const struct matrix *matrix, const struct plan *plan)
{
	json_t *rows = json_array(), **rules = xalloc((plan->rule_count + 1) * sizeof(json_t *));

	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_probe *probe = &matrix->probe[i];
		json_t *row = probe_row(probe, plan, rules);

		if (probe->expected >= 0)
			json_object_set_new(row, "expected", json_string(word(probe->expected)));
		if (probe->live >= 0)
			json_object_set_new(row, "live", json_string(word(probe->live)));
		json_array_append_new(rows, row);
	}
	for (size_t i = 0; i < plan->rule_count; i++)
		json_decref(rules[i]);
	free(rules);
	return rows;
}

/* One axis of the table: each text once, in order of appearance. */
struct axis {
	char **text;
	size_t count, capacity;
	struct lookup known;
};

static uint32_t axis_place(struct axis *axis, const char *text)
{
	struct signature key = {0};
	uint32_t index;

	sign_text(&key, text);
	index = lookup_put(&axis->known, &key, (uint32_t)axis->count);
	if (index == axis->count) {
		GROW(axis->text, axis->count, axis->capacity);
		axis->text[axis->count++] = xstrdup(text);
	}
	return index;
}

static void axis_release(struct axis *axis)
{
	for (size_t i = 0; i < axis->count; i++)
		free(axis->text[i]);
	free(axis->text);
	lookup_release(&axis->known);
}

static uint32_t column_of(struct axis *columns, const struct matrix_probe *probe)
{
	struct port_item item = {.first = PORT_KEY(probe->protocol, probe->port),
				 .last = PORT_KEY(probe->protocol, probe->port)};
	char port[64], *text;
	uint32_t place;

	text = xprintf("%s %s%s", probe->to.text, port_item_text(&item, port, sizeof(port)),
		       probe->family == 6 ? " IPv6" : "");
	place = axis_place(columns, text);
	free(text);
	return place;
}

static void print_cell(const struct out *out, char cell)
{
	static const struct {
		char cell;
		enum paint paint;
	} paints[] = {{'.', GREEN}, {'X', RED}, {'!', YELLOW}, {' ', PLAIN}};

	for (size_t i = 0; i < ARRAY_SIZE(paints); i++)
		if (paints[i].cell == cell)
			printf("  %s", painted(out, paints[i].paint, (char[]){cell, '\0'}));
}

static void print_head(const struct axis *columns, int width)
{
	for (size_t i = 0; i < columns->count; i++)
		printf("%*zu  to %s\n", 4, i + 1, columns->text[i]);
	for (size_t place = 100; place; place /= 10) {
		if (columns->count < place && place > 1)
			continue;
		printf("%*s", width, "");
		for (size_t i = 1; i <= columns->count; i++)
			printf("  %c", i >= place ? (char)('0' + i / place % 10) : ' ');
		printf("\n");
	}
}

static void print_table(const struct out *out, const struct axis *rows, const struct axis *columns,
			const char *cells)
{
	int width = 0;

	for (size_t i = 0; i < rows->count; i++)
		if ((int)strlen(rows->text[i]) > width)
			width = (int)strlen(rows->text[i]);
	print_head(columns, width);
	for (size_t i = 0; i < rows->count; i++) {
		printf("%-*s", width, rows->text[i]);
		for (size_t j = 0; j < columns->count; j++)
			print_cell(out, cells[i * columns->count + j]);
		printf("\n");
	}
}

static void show_table(const struct out *out, const struct matrix *matrix)
{
	struct axis rows = {0}, columns = {0};
	size_t denied = 0;
	char *cells;

	for (size_t i = 0; i < matrix->count; i++) {
		axis_place(&rows, matrix->probe[i].from.text);
		column_of(&columns, &matrix->probe[i]);
	}
	cells = xalloc(rows.count * columns.count + 1);
	memset(cells, ' ', rows.count * columns.count);
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_probe *probe = &matrix->probe[i];
		char cell = probe_difference(probe) ? '!' : probe->allow ? '.' : 'X';

		cells[axis_place(&rows, probe->from.text) * columns.count +
		      column_of(&columns, probe)] = cell;
		denied += !probe->allow;
	}
	print_table(out, &rows, &columns, cells);
	printf("\n%zu allowed (.), %zu denied (X)", matrix->count - denied, denied);
	if (count_differences(matrix))
		printf(", %zu otherwise than expected (!)", count_differences(matrix));
	printf("\n");
	free(cells);
	axis_release(&rows);
	axis_release(&columns);
}

static char *describe(const struct matrix_probe *probe)
{
	struct port_item item = {.first = PORT_KEY(probe->protocol, probe->port),
				 .last = PORT_KEY(probe->protocol, probe->port)};
	char port[64];

	return xprintf("%s to %s %s IPv%u", probe->from.text, probe->to.text,
		       port_item_text(&item, port, sizeof(port)), probe->family);
}

/* The rule that denies, or that allows on the side that was judged last. */
static const char *reason(const struct matrix_probe *probe, const struct plan *plan)
{
	if (probe->egress != NO_RULE && !plan->rules[probe->egress].allow)
		return plan->rules[probe->egress].name;
	if (probe->ingress != NO_RULE)
		return plan->rules[probe->ingress].name;
	return probe->egress != NO_RULE ? plan->rules[probe->egress].name : "nothing judges it";
}

static void show_differences(const struct out *out, const struct matrix *matrix,
			     const struct plan *plan)
{
	for (size_t i = 0; i < matrix->count; i++) {
		const char *difference = probe_difference(&matrix->probe[i]);
		char *text;

		if (!difference)
			continue;
		text = describe(&matrix->probe[i]);
		out_line(out, 4, "%s: %s (%s)", text, difference, reason(&matrix->probe[i], plan));
		free(text);
	}
}

int matrix_show(struct context *context, const struct matrix *matrix, const struct plan *plan)
{
	size_t differences = count_differences(matrix);

	if (context->out.json) {
		out_json(&context->out, json_pack("{s:o, s:I}", "probes", rows_of(matrix, plan),
						  "differences", (json_int_t)differences));
	} else if (!matrix->count) {
		printf("no probes: no pod declares a port\n");
	} else {
		show_table(&context->out, matrix);
		show_differences(&context->out, matrix, plan);
	}
	return differences ? REPORTED : 0;
}

int matrix_tap(const struct matrix *matrix, const struct plan *plan)
{
	printf("1..%zu\n", matrix->count);
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_probe *probe = &matrix->probe[i];
		const char *difference = probe_difference(probe);
		char *text = describe(probe);

		printf("%sok %zu - %s: %s (%s)\n", difference ? "not " : "", i + 1, text,
		       difference ? difference : word(probe->allow), reason(probe, plan));
		free(text);
	}
	return count_differences(matrix) ? REPORTED : 0;
}

static void print_xml(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", stdout);
			break;
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '"':
			fputs("&quot;", stdout);
			break;
		default:
			putchar(*text);
		}
	}
}

int matrix_junit(const struct matrix *matrix, const struct plan *plan)
{
	size_t differences = count_differences(matrix);

	printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	       "<testsuite name=\"npctl test matrix\" tests=\"%zu\" failures=\"%zu\">\n",
	       matrix->count, differences);
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_probe *probe = &matrix->probe[i];
		const char *difference = probe_difference(probe);
		char *text = describe(probe);

		printf("  <testcase classname=\"matrix\" name=\"");
		print_xml(text);
		if (difference) {
			printf("\">\n    <failure message=\"%s\">", difference);
			print_xml(reason(probe, plan));
			printf("</failure>\n  </testcase>\n");
		} else {
			printf("\"/>\n");
		}
		free(text);
	}
	printf("</testsuite>\n");
	return differences ? REPORTED : 0;
}
