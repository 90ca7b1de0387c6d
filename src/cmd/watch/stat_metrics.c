// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prometheus' text exposition format, version 0.0.4. */
#include "cmd/watch/stat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(char **text, const char *more)
{
	char *longer = xprintf("%s%s", *text, more);

	free(*text);
	*text = longer;
}

static void append_value(char **text, const json_t *value)
{
	const char *at = json_string_value(value);
	char one[24] = "";

	if (!at) {
		snprintf(one, sizeof(one), "%lld", (long long)json_integer_value(value));
		append(text, json_is_integer(value) ? one : "");
	}
	for (; at && *at; at++) {
		if (*at == '\n') {
			append(text, "\\n");
			continue;
		}
		one[0] = *at == '"' || *at == '\\' ? '\\' : *at;
		one[1] = one[0] == *at && *at != '\\' ? '\0' : *at;
		one[2] = '\0';
		append(text, one);
	}
}

char *stat_labels(const json_t *row, const char *const keys[static STAT_NAMES])
{
	char *text = xstrdup("{");

	for (size_t i = 0; i < STAT_NAMES && keys[i]; i++) {
		append(&text, i ? "," : "");
		append(&text, keys[i]);
		append(&text, "=\"");
		append_value(&text, json_object_get(row, keys[i]));
		append(&text, "\"");
	}
	append(&text, "}");
	return text;
}

/* Rows that have their labels in common are one sample. */
static void print_samples(FILE *to, const struct stat_kind *kind, const struct metric *metric,
			  const json_t *rows)
{
	json_t *sums = json_object(), *row, *sum;
	const char *labels;
	size_t i;

	json_array_foreach (rows, i, row) {
		const json_t *value = metric->key ? json_object_get(row, metric->key) : NULL;
		char *text = stat_labels(row, kind->labels);
		double so_far = json_number_value(json_object_get(sums, text));

		if (!metric->key || json_is_number(value))
			json_object_set_new(
			    sums, text,
			    json_real(so_far + (metric->key ? json_number_value(value) : 1)));
		free(text);
	}
	json_object_foreach (sums, labels, sum)
		fprintf(to, "%s%s %.15g\n", metric->name, labels,
			json_number_value(sum) * metric->scale);
	json_decref(sums);
}

void stat_metrics(FILE *to, const struct stat_kind *kind, const json_t *rows)
{
	for (const struct metric *metric = kind->metrics; metric->name; metric++) {
		fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
			metric->name, metric->type);
		print_samples(to, kind, metric, rows);
	}
}
