// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prometheus' text exposition format, version 0.0.4. */
#include "cmd/stat.h"
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

/* {rule="…",verdict="…"}; freed by the caller. */
static char *label_text(const struct stat_kind *kind, const json_t *row)
{
	char *text = xstrdup("{");

	for (size_t i = 0; i < STAT_NAMES && kind->labels[i]; i++) {
		append(&text, i ? "," : "");
		append(&text, kind->labels[i]);
		append(&text, "=\"");
		append_value(&text, json_object_get(row, kind->labels[i]));
		append(&text, "\"");
	}
	append(&text, "}");
	return text;
}

static void print_sample(const struct stat_kind *kind, const struct metric *metric,
			 const json_t *row)
{
	const json_t *value = json_object_get(row, metric->key);
	char *labels = label_text(kind, row);

	if (json_is_number(value))
		printf("%s%s %.15g\n", metric->name, labels,
		       json_number_value(value) * metric->scale);
	free(labels);
}

/* Rows that have their labels in common are one sample: how many they are. */
static void print_numbers(const struct stat_kind *kind, const struct metric *metric,
			  const json_t *rows)
{
	json_t *numbers = json_object(), *row, *number;
	const char *labels;
	size_t i;

	json_array_foreach (rows, i, row) {
		char *text = label_text(kind, row);
		json_int_t count = json_integer_value(json_object_get(numbers, text));

		json_object_set_new(numbers, text, json_integer(count + 1));
		free(text);
	}
	json_object_foreach (numbers, labels, number)
		printf("%s%s %lld\n", metric->name, labels, (long long)json_integer_value(number));
	json_decref(numbers);
}

void stat_metrics(const struct stat_kind *kind, const json_t *rows)
{
	for (const struct metric *metric = kind->metrics; metric->name; metric++) {
		json_t *row;
		size_t i;

		printf("# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		       metric->type);
		if (!metric->key)
			print_numbers(kind, metric, rows);
		else
			json_array_foreach (rows, i, row)
				print_sample(kind, metric, row);
	}
}
