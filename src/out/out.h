/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What people and programs get to see. A command first computes a JSON value,
 * then hands it over once; -j prints it as it is, else it becomes a table.
 * Colours only on a terminal, never with NO_COLOR or TERM=dumb.
 */
#ifndef NPCTL_OUT_OUT_H
#define NPCTL_OUT_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include "base/base.h"

struct out {
	bool json, pretty;
	bool colour; /* standard output takes colours */
	int width;   /* of the terminal, 80 when unknown */
	bool fold;   /* it is known: tables are not to be wider */
};

/* Finds out what standard output is: a terminal, its width, its colours. */
void out_setup(struct out *out);

enum paint { PLAIN, BOLD, DIM, GREEN, RED, YELLOW, CYAN };

/* A column shows `key` of each row; a NULL title means the key in capitals. */
struct column {
	const char *key;
	const char *title;
	bool right; /* numbers */
	/* NULL, or the paint for a cell's text */
	enum paint (*paint)(const char *text);
};

/*
 * Takes over `rows`, an array of objects. Text: aligned columns (the last one
 * is not padded; UTF-8 and wide text counted right), `nothing` when empty.
 * Columns that no row has are left out. Where the width is known, cells that do
 * not fit go on in lines below.
 */
void out_table(const struct out *out, json_t *rows, const struct column *columns, size_t count,
	       const char *nothing);

/* A line of text; where the width is known, what does not fit goes on below, indented. */
void out_line(const struct out *out, int indent, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Takes over `object`: "key: value" lines, nested ones indented; or JSON. */
void out_object(const struct out *out, json_t *object);

/* Takes over `value`; prints it only as JSON, for commands with their own text. */
void out_json(const struct out *out, json_t *value);

/* The remembered failure, as every command ends with it: a line on standard error, or JSON. */
void out_failure(const struct out *out);

/* A JSON string of any bytes: what is no UTF-8 becomes "?". */
json_t *out_string(const char *text);

/* Text around which colour codes stand if `out` takes them; a rotating static buffer. */
const char *painted(const struct out *out, enum paint paint, const char *text);

/* Paint for words such as allow/deny, PASS/FAIL, up/down. */
enum paint paint_verdict(const char *text);

/* "1234567" -> "1.2M", bytes -> "1.2 MiB"; rotating static buffers. */
const char *human_count(uint64_t number);
const char *human_bytes(uint64_t bytes);

#endif
