// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "questions/changes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "manifest/kept.h"
#include "manifest/schema.h"

/* Takes over `what`; a null is nobody's. When a thing was said does not count. */
static void add_row(json_t *rows, json_t *what, const json_t *old, const json_t *new)
{
	json_t *was = json_is_null(old) ? NULL : json_copy((json_t *)old);
	json_t *is = json_is_null(new) ? NULL : json_copy((json_t *)new), *row;

	if (json_is_object(was) && json_is_object(is)) {
		json_object_del(was, "since");
		json_object_del(is, "since");
	}
	if ((was || is) && !json_equal(was, is)) {
		row = json_pack("{s:O, s:s, s:O*, s:O*}", "what", what, "change",
				!was  ? "added"
				: !is ? "removed"
				      : "changed",
				"old", was, "new", is);
		json_array_append_new(rows, row);
	}
	json_decref(what);
	json_decref(was);
	json_decref(is);
}

/* What an element of a document is called: the same before and after. */
static json_t *element_name(const json_t *element)
{
	char *title;
	json_t *name;

	if (!json_object_get(element, "metadata"))
		return json_sprintf("default %s%s%s", field_text(element, "direction", "ingress"),
				    json_object_get(element, "subject") ? " of " : "",
				    field_text(element, "subject", ""));
	title = object_title(element);
	name = json_sprintf("%s %s", field_text(element, "kind", ""), title);
	free(title);
	return name;
}

/* By name; what stands there twice is one that changes with the last. */
static json_t *by_name(const json_t *array)
{
	json_t *named = json_object(), *element, *name;
	size_t i;

	json_array_foreach ((json_t *)array, i, element) {
		name = element_name(element);
		json_object_set(named, json_string_value(name), element);
		json_decref(name);
	}
	return named;
}

static void add_document(json_t *rows, const char *document, const json_t *old, const json_t *new)
{
	json_t *was, *is, *element;
	const char *name;

	if (!strncmp(document, "lists/", 6)) {
		add_row(rows, json_sprintf("list %s", document + 6), old, new);
		return;
	}
	was = by_name(old);
	is = by_name(new);
	json_object_foreach (was, name, element)
		add_row(rows, json_string(name), element, json_object_get(is, name));
	json_object_foreach (is, name, element)
		if (!json_object_get(was, name))
			add_row(rows, json_string(name), NULL, element);
	json_decref(was);
	json_decref(is);
}

static int by_number(const void *a, const void *b)
{
	long one = strtol(*(const char *const *)a, NULL, 10);
	long two = strtol(*(const char *const *)b, NULL, 10);

	return (one > two) - (one < two);
}

static void add_rules(json_t *rows, const json_t *old, const json_t *new)
{
	size_t count = json_object_size(old), i = 0;
	const char **numbers = xalloc((count + 1) * sizeof(*numbers)), *name;
	json_t *rule;

	json_object_foreach ((json_t *)old, name, rule)
		numbers[i++] = name;
	qsort(numbers, count, sizeof(*numbers), by_number);
	for (i = 0; i < count; i++)
		add_row(rows, json_sprintf("rule %s", numbers[i]), json_object_get(old, numbers[i]),
			json_object_get(new, numbers[i]));
	free(numbers);
}

json_t *changes_rows(const json_t *before, const json_t *after)
{
	const json_t *documents = json_object_get(after, "documents");
	json_t *rows = json_array(), *old;
	const char *name;

	add_rules(rows, json_object_get(before, "rules"), json_object_get(after, "rules"));
	json_object_foreach (json_object_get(before, "documents"), name, old)
		add_document(rows, name, old, json_object_get(documents, name));
	return rows;
}

/* As `policy allow` says it. */
static void print_rule(FILE *to, const json_t *rule)
{
	static const char *const words[] = {"rate", "between", "preset"};
	const json_t *peer = json_object_get(rule, "peer");
	json_t *port;
	size_t i;

	fprintf(to, "%s %s ", field_text(rule, "action", ""), field_text(rule, "direction", ""));
	if (json_is_string(peer))
		fprintf(to, "%s", json_string_value(peer));
	else
		fprintf(to, "list %s", field_text(peer, "list", ""));
	json_array_foreach (json_object_get(rule, "ports"), i, port)
		fprintf(to, "%s%s", i ? "," : " ", json_string_value(port));
	if (json_object_get(rule, "subject"))
		fprintf(to, " for %s", field_text(rule, "subject", ""));
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (json_is_string(json_object_get(rule, words[i])))
			fprintf(to, " %s %s", words[i], field_text(rule, words[i], ""));
}

/* What can be said of it in a line. */
static void print_value(FILE *to, const json_t *value)
{
	const char *kind = field_text(value, "kind", "");

	if (!strcmp(kind, "Rule"))
		print_rule(to, value);
	else if (json_object_get(value, "verdict"))
		fputs(field_text(value, "verdict", ""), to);
}

char *change_text(const json_t *row)
{
	const json_t *old = json_object_get(row, "old"), *new = json_object_get(row, "new");
	char *text = NULL, *was = NULL, *is = NULL;
	size_t size;
	FILE *to = open_memstream(&is, &size);

	if (!to)
		abort();
	print_value(to, new ? new : old);
	fclose(to);
	to = open_memstream(&was, &size);
	if (!to)
		abort();
	if (old && new)
		print_value(to, old);
	fclose(to);
	text = xprintf("%s %s%s%s%s%s", field_text(row, "what", ""), field_text(row, "change", ""),
		       *is ? ": " : "", is, *was ? ", was " : "", was);
	free(was);
	free(is);
	return text;
}
