/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "compile/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"

bool identity_of(const struct plan *plan, const struct numbers *numbers,
		 const struct address *address, uint32_t *identity)
{
	uint32_t index = plan_class_of(plan, address);
	const struct plan_class *class = &plan->classes[index];
	const struct numbered *number;

	*identity = class->reserved;
	if (index == 0 || class->reserved)
		return true;
	number = numbers ? numbers_find(numbers, NUMBER_CLASS, &class->signature) : NULL;
	if (number)
		*identity = number->number;
	return number != NULL;
}

static const char *label_of(const struct pod *pod, const char *key)
{
	for (size_t i = 0; i < pod->labels.count; i++)
		if (strcmp(pod->labels.label[i].key, key) == 0)
			return pod->labels.label[i].value;
	return NULL;
}

static const struct pod *pod_of_identity(const struct model *model, const struct plan *plan,
					 const struct numbers *numbers, uint32_t identity)
{
	uint32_t own;

	for (size_t i = 0; i < model_pod_count(model); i++) {
		const struct pod *pod = model_pod(model, i);

		for (size_t j = 0; !pod->host_network && j < pod->address_count; j++)
			if (identity_of(plan, numbers, &pod->addresses[j], &own) && own == identity)
				return pod;
	}
	return NULL;
}

static char *labels_selector(const struct pod *pod)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	fprintf(to, "%s/", pod->namespace);
	for (size_t i = 0; i < pod->labels.count; i++)
		fprintf(to, "%s%s=%s", i ? "," : "", pod->labels.label[i].key,
			pod->labels.label[i].value);
	fclose(to);
	return text;
}

int identity_selector(const struct model *model, const struct plan *plan,
		      const struct numbers *numbers, uint32_t identity, char **selector)
{
	char number[16];
	const struct pod *pod;

	snprintf(number, sizeof(number), "%u", identity);
	for (size_t i = 0; i < model_pod_count(model); i++) {
		const char *given = label_of(model_pod(model, i), IDENTITY_LABEL);

		if (given && strcmp(given, number) == 0) {
			*selector = xprintf("%s=%s", IDENTITY_LABEL, number);
			return 0;
		}
	}
	pod = pod_of_identity(model, plan, numbers, identity);
	if (!pod)
		return fail("no endpoint has the identity %u", identity);
	if (!pod->labels.count)
		return fail("identity %u has no labels that a rule could name: say its pods",
			    identity);
	*selector = labels_selector(pod);
	return 0;
}
