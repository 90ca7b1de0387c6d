// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer on the reader of manifests: whatever comes in is read, checked,
 * compiled and asked about, or refused with one sentence.
 */
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "questions/lint.h"
#include "manifest/manifest.h"
#include "questions/matrix.h"
#include "model/model_private.h"
#include "manifest/schema.h"

/* With a checked object alone the stored form is read, too. */
static void read_again(const struct manifests *manifests)
{
	struct model *model = model_new();

	for (size_t i = 0; i < manifests->count; i++) {
		struct schema_place place = {.where = "fuzz"};
		char *text;

		if (!schema_knows(field_text(manifests->manifest[i].object, "kind", "?")) ||
		    schema_check(manifests->manifest[i].object, &place))
			continue;
		text = json_dumps(manifests->manifest[i].object, JSON_COMPACT);
		if (text && model_add_document(model, text, strlen(text), "fuzz"))
			if (!*failure())
				abort();
		free(text);
	}
	model_free(model);
}

static int add_again(const struct manifests *manifests, const struct manifest *manifest, void *data)
{
	int result = manifest_check(manifests, manifest);

	return result ? result < 0 : model_add_checked(data, manifest->object, manifest->where);
}

/* One at a time; what was taken as a whole is taken so, too. */
static void read_each(const char *text, size_t size, bool taken)
{
	struct model *model = model_new();

	if (manifests_each_text("fuzz.yaml", text, size, add_again, model) && taken)
		abort();
	failure_clear();
	model_free(model);
}

static void compile(struct model *model)
{
	struct matrix matrix = {0};
	struct plan *plan;

	model_give_addresses(model, true);
	model_subjects_add_all(model);
	if (model_pod_count(model) > 50)
		return;
	if (plan_compile(model, &plan)) {
		if (!*failure())
			abort();
		return;
	}
	if (matrix_fill(&matrix, model) == 0 && matrix.count < 5000)
		matrix_judge(&matrix, plan);
	json_decref(lint_rows(model, plan));
	matrix_release(&matrix);
	plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifests manifests = {0};
	struct model *model = model_new();
	char *text = xalloc(size + 1);

	quiet = true;
	memcpy(text, data, size);
	if (strlen(text) == size) {
		int result = manifests_read_text("fuzz.yaml", text, size, &manifests);

		if (!result) {
			read_again(&manifests);
			result = model_add_manifests(model, &manifests);
		}
		if (result && (!*failure() || strchr(failure(), '\n')))
			abort();
		read_each(text, size, !result);
		if (!result)
			compile(model);
	}
	failure_clear();
	free(text);
	model_free(model);
	manifests_release(&manifests);
	return 0;
}
