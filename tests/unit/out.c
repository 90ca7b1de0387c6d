// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "words/nearest.h"
#include "out/cell.h"
#include "out/out.h"

/* What `print` wrote to standard output. */
static char *captured(void (*print)(void))
{
	FILE *screen = stdout;
	char *text = NULL;
	size_t length;

	stdout = open_memstream(&text, &length);
	assert_non_null(stdout);
	print();
	fclose(stdout);
	stdout = screen;
	return text;
}

static void check_printed(void (*print)(void), const char *wanted)
{
	char *text = captured(print);

	assert_string_equal(text, wanted);
	free(text);
}

static json_t *two_rows(void)
{
	return json_pack("[{s:s, s:i}, {s:s, s:i}]", "pod", "a/\xc3\xa9t\xc3\xa9", "hits", 5, "pod",
			 "b", "hits", 12345);
}

static const struct column columns[] = {
    {.key = "hits", .right = true}, {.key = "absent"}, {.key = "pod", .title = "WHO"}};

static void print_table(void)
{
	struct out out = {.width = 80};

	out_table(&out, two_rows(), columns, ARRAY_SIZE(columns), "nothing");
	out_table(&out, json_array(), columns, ARRAY_SIZE(columns), "nothing");
}

static void print_table_json(void)
{
	struct out out = {.json = true};

	out_table(&out, two_rows(), columns, ARRAY_SIZE(columns), "nothing");
	out_table(&out, json_array(), columns, ARRAY_SIZE(columns), "nothing");
}

static void print_object(void)
{
	struct out out = {.width = 80};

	out_object(&out, json_pack("{s:s, s:{s:b, s:[i, i]}, s:[{s:i}, {s:i}], s:n}", "name", "x",
				   "in", "up", 1, "list", 1, 2, "rows", "a", 1, "a", 2, "none"));
}

static void tables(void **state)
{
	(void)state;
	check_printed(print_table, " HITS  WHO\n    5  a/\xc3\xa9t\xc3\xa9\n12345  b\nnothing\n");
	check_printed(print_table_json, "[{\"pod\":\"a/\xc3\xa9t\xc3\xa9\",\"hits\":5},"
					"{\"pod\":\"b\",\"hits\":12345}]\n[]\n");
}

static void print_narrow(void)
{
	static const struct column sides[] = {
	    {.key = "name"}, {.key = "hits", .right = true}, {.key = "why"}};
	const char *const rows = "[{s:s, s:i, s:s}, {s:s, s:i, s:s}]";
	struct out out = {.width = 26, .fold = true};

	out_table(&out,
		  json_pack(rows, "name", "a", "hits", 5, "why", "no rule allows this", "name", "b",
			    "hits", 7, "why", "rule 1"),
		  sides, ARRAY_SIZE(sides), NULL);
	out_table(&out,
		  json_pack(rows, "name", "long/one", "hits", 5, "why", "-", "name",
			    "/very/long/path", "hits", 7, "why", "rule 1 too"),
		  sides, ARRAY_SIZE(sides), NULL);
	out.width = 8;
	out_table(&out, two_rows(), columns, ARRAY_SIZE(columns), NULL);
}

static void folded(void **state)
{
	(void)state;
	check_printed(print_narrow, "NAME  HITS  WHY\n"
				    "a        5  no rule allows\n"
				    "            this\n"
				    "b        7  rule 1\n"
				    "NAME       HITS WHY\n"
				    "long/one      5 -\n"
				    "/very/        7 rule 1 too\n"
				    "long/path\n"
				    " HITS  WHO\n"
				    "    5  a/\xc3\xa9t\xc3\xa9\n"
				    "12345  b\n");
}

static void objects(void **state)
{
	(void)state;
	check_printed(print_object, "name: x\nin:\n  up: yes\n  list: 1, 2\n"
				    "rows:\n  a: 1\n\n  a: 2\nnone: -\n");
}

static void check_cell(json_t *value, const char *wanted)
{
	char *text = cell_text(value);

	assert_string_equal(text, wanted);
	free(text);
	json_decref(value);
}

static void cells(void **state)
{
	(void)state;
	check_cell(json_string("plain"), "plain");
	check_cell(json_string("a\033[31m\nb"), "a?[31m?b");
	check_cell(json_string(""), "-");
	check_cell(json_array(), "-");
	check_cell(json_real(0.25), "0.25");
	check_cell(NULL, "-");
	assert_int_equal(cell_width("\xe6\xbc\xa2\xe5\xad\x97"), 4);
	assert_int_equal(cell_width("e\xcc\x81"), 1);
	assert_int_equal(cell_width("\xff\xfe"), 2);
}

static void numbers(void **state)
{
	(void)state;
	assert_string_equal(human_count(0), "0");
	assert_string_equal(human_count(999), "999");
	assert_string_equal(human_count(1234567), "1.2M");
	assert_string_equal(human_bytes(1024), "1.0 KiB");
	assert_string_equal(human_bytes(20 << 20), "20 MiB");
	assert_string_equal(human_bytes(UINT64_MAX), "16 EiB");
}

static const char *nearest_of(const char *word)
{
	struct nearest nearest = {.word = word};

	nearest_try(&nearest, "policy");
	nearest_try(&nearest, "topo");
	nearest_try(&nearest, "trace");
	return nearest.best;
}

static void suggestions(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("polcy"), "policy");
	assert_string_equal(nearest_of("tpoo"), "topo");
	assert_string_equal(nearest_of("trcae"), "trace");
	assert_null(nearest_of("unrelated"));
	assert_null(nearest_of(""));
	assert_null(nearest_of("a-word-that-is-longer-than-any-of-the-known-ones"));
}

static void errors(void **state)
{
	(void)state;
	assert_int_equal(fail("pod \"%s\" does not exist", "x"), FAILED);
	fail_mend("npctl topo show");
	assert_string_equal(failure_mend(), "npctl topo show");
	assert_int_equal(fail("cannot attach: %s", failure()), FAILED);
	assert_string_equal(failure(), "cannot attach: pod \"x\" does not exist");
	assert_string_equal(failure_mend(), "");
	assert_int_equal(misuse("no"), MISUSED);
	failure_clear();
	assert_string_equal(failure(), "");
}

static void strings(void **state)
{
	json_t *string = out_string("a\xff"
				    "b");

	(void)state;
	assert_string_equal(json_string_value(string), "a?b");
	json_decref(string);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tables),  cmocka_unit_test(objects),     cmocka_unit_test(folded),
	    cmocka_unit_test(cells),   cmocka_unit_test(numbers),     cmocka_unit_test(errors),
	    cmocka_unit_test(strings), cmocka_unit_test(suggestions),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
