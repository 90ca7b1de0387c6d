// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/test/test.h"
#include "load/checks.h"
#include <stdio.h>
#include <string.h>

#pragma weak test_connect
#pragma weak test_matrix
#pragma weak test_assert
#pragma weak test_bench
#pragma weak test_connect_options
#pragma weak test_matrix_options
#pragma weak test_assert_options
#pragma weak test_bench_options

static bool is_text(const json_t *row, const char *key, const char *text)
{
	return !strcmp(json_string_value(json_object_get(row, key)), text);
}

/* Where there is nothing loaded or attached, nothing is enforced. */
static bool is_idle(const json_t *row)
{
	return is_text(row, "result", "SKIP") &&
	       (is_text(row, "part", "programs") || is_text(row, "part", "attachments"));
}

/* One word for all: SKIP while nothing is enforced that could pass. */
static const char *overall(const json_t *rows)
{
	json_t *row;
	size_t i;

	if (check_count(rows, MARK_FAIL))
		return "FAIL";
	json_array_foreach (rows, i, row)
		if (is_idle(row))
			return "SKIP";
	return "PASS";
}

/* People read the mend behind what it mends. */
static void join_mends(json_t *rows)
{
	json_t *row, *mend;
	size_t i;

	json_array_foreach (rows, i, row) {
		mend = json_object_get(row, "mend");
		if (mend)
			json_object_set_new(
			    row, "detail",
			    json_sprintf("%s (mend: %s)",
					 json_string_value(json_object_get(row, "detail")),
					 json_string_value(mend)));
	}
}

int test_report(const struct out *out, json_t *rows)
{
	static const struct column columns[] = {
	    {.key = "result", .paint = paint_verdict},
	    {.key = "part"},
	    {.key = "check"},
	    {.key = "detail"},
	};
	const char *word = overall(rows);
	bool failed = check_count(rows, MARK_FAIL);

	if (out->json) {
		out_json(out, json_pack("{s:s, s:o}", "result", word, "checks", rows));
	} else {
		join_mends(rows);
		out_table(out, rows, columns, ARRAY_SIZE(columns), NULL);
		printf("\n%s\n", painted(out, paint_verdict(word), word));
	}
	return failed ? REPORTED : 0;
}

static const struct option none[] = {{0}};

static const struct verb verbs[] = {
    {"", "", "status of everything that is set up: PASS or FAIL each, and in all", 0, 0, none,
     test_status, NULL},
    {"env", "", "check what npctl needs of this machine", 0, 0, none, test_env, NULL},
    {"connect", "", "try connections with real sockets", 0, 0, test_connect_options, test_connect,
     NULL},
    {"matrix", "", "every verdict that manifests lead to", 0, 0, test_matrix_options, test_matrix,
     NULL},
    {"assert", "", "prove of manifests what shall hold", 0, 0, test_assert_options, test_assert,
     NULL},
    {"bench", "", "what a packet costs, against the least possible", 0, 0, test_bench_options,
     test_bench, NULL},
    {0},
};

const struct command command_test = {"test", "status report, connections, proofs, cost", verbs};
