/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* test matrix: every verdict that manifests lead to, compared with what is expected. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/test/probes.h"
#include "cmd/test/test.h"
#include "manifest/manifest.h"
#include "base/read_file.h"

const struct option test_matrix_options[] = {
    {"file", VALUE_FILE, "FILE", "manifests: a file, a directory, - (may repeat)", 'f', true},
    {"probes", VALUE_FILE, "FILE", "judge these instead of every pair of pods", 0, false},
    {"expect", VALUE_FILE, "FILE", "compare with these verdicts", 0, false},
    {"live", VALUE_NONE, NULL, "build the pods and try every probe for real", 0, false},
    {"tap", VALUE_NONE, NULL, "print TAP", 0, false},
    {"junit", VALUE_NONE, NULL, "print JUnit XML", 0, false},
    {0},
};

int json_read_file(const char *path, json_t **value)
{
	json_error_t error;
	size_t size;
	char *text;

	if (file_read(path, &text, &size))
		return FAILED;
	*value = json_loadb(text, size, 0, &error);
	free(text);
	if (!*value)
		return fail("%s:%d: %s", path, error.line, error.text);
	return 0;
}

static int read_path(struct model *model, const char *path, json_t *objects)
{
	struct manifests manifests = {0};
	int result;

	if (!objects)
		return model_read(model, path);
	result = manifests_read(path, &manifests);
	if (!result)
		result = model_add_manifests(model, &manifests);
	for (size_t i = 0; !result && i < manifests.count; i++)
		json_array_append(objects, manifests.manifest[i].object);
	manifests_release(&manifests);
	return result;
}

int manifests_model(const struct words *words, const char *option, struct model **model,
		    json_t *objects)
{
	const char *path;

	if (!word_value(words, option))
		return misuse("which manifests? --%s FILE|DIR", option);
	*model = model_new();
	for (size_t i = 0; (path = word_nth(words, option, i)); i++) {
		if (read_path(*model, path, objects)) {
			model_free(*model);
			*model = NULL;
			return FAILED;
		}
	}
	return 0;
}

/* {"probes": [...]} as this command prints it, or the array alone. */
static const json_t *probe_array(const json_t *value)
{
	return json_is_object(value) ? json_object_get(value, "probes") : value;
}

static bool same_probe(const struct matrix_probe *a, const struct matrix_probe *b)
{
	return a->protocol == b->protocol && a->port == b->port && a->family == b->family &&
	       address_compare(&a->from.address, &b->from.address) == 0 &&
	       address_compare(&a->to.address, &b->to.address) == 0;
}

/* Both lists mostly stand in the same order, so the search begins where the last one ended. */
static int take_expected(struct matrix *matrix, const struct matrix *expected)
{
	size_t at = 0;

	for (size_t i = 0; i < expected->count; i++) {
		size_t tries = 0;

		for (; tries < matrix->count; tries++, at++)
			if (same_probe(&matrix->probe[at % matrix->count], &expected->probe[i]))
				break;
		if (tries == matrix->count)
			return fail("expected probe %zu, from %s to %s port %u, is not judged", i,
				    expected->probe[i].from.text, expected->probe[i].to.text,
				    expected->probe[i].port);
		matrix->probe[at++ % matrix->count].expected = expected->probe[i].expected;
	}
	return 0;
}

struct question {
	json_t *probes, *expect;
	const char *probes_path, *expect_path;
};

static int question_read(struct question *question, const struct words *words)
{
	*question = (struct question){
	    .probes_path = word_value(words, "probes"),
	    .expect_path = word_value(words, "expect"),
	};
	if (question->probes_path && json_read_file(question->probes_path, &question->probes))
		return FAILED;
	if (question->expect_path && json_read_file(question->expect_path, &question->expect))
		return FAILED;
	return 0;
}

static int make_matrix(const struct question *question, struct model *model, struct matrix *matrix)
{
	struct matrix expected = {0};
	int result;

	model_give_addresses(model, probes_want_ipv6(probe_array(question->probes)) ||
					probes_want_ipv6(probe_array(question->expect)));
	model_subjects_add_all(model);
	if (question->probes) {
		result = matrix_parse(matrix, model, question->probes, question->probes_path);
		for (size_t i = 0; i < matrix->count; i++)
			matrix->probe[i].expected = -1; /* that is for --expect to say */
	} else if (question->expect) {
		return matrix_parse(matrix, model, question->expect, question->expect_path);
	} else {
		result = matrix_fill(matrix, model);
	}
	if (!result && question->expect) {
		result = matrix_parse(&expected, model, question->expect, question->expect_path);
		if (!result)
			result = take_expected(matrix, &expected);
	}
	matrix_release(&expected);
	return result;
}

static int run(struct context *context, const struct words *words, const struct question *question)
{
	struct model *model = NULL;
	struct plan *plan = NULL;
	struct matrix matrix = {0};
	json_t *objects = word_flag(words, "live") ? json_array() : NULL;
	int result = manifests_model(words, "file", &model, objects);

	if (!result)
		result = make_matrix(question, model, &matrix);
	if (!result)
		result = plan_compile(model, &plan);
	if (!result)
		matrix_judge(&matrix, plan);
	if (!result && word_flag(words, "live"))
		result = matrix_live(model, objects, &matrix);
	json_decref(objects);
	if (!result && word_flag(words, "tap"))
		result = matrix_tap(&matrix, plan);
	else if (!result && word_flag(words, "junit"))
		result = matrix_junit(&matrix, plan);
	else if (!result)
		result = matrix_show(context, &matrix, plan);
	matrix_release(&matrix);
	plan_free(plan);
	model_free(model);
	return result;
}

int test_matrix(struct context *context, const struct words *words)
{
	struct question question;
	int result = question_read(&question, words);

	if (!result)
		result = run(context, words, &question);
	json_decref(question.probes);
	json_decref(question.expect);
	return result;
}
