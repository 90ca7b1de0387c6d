/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an allow rule closed to all others stays closed when the rule goes, and says so. */
#include <stdio.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "commit/enforce.h"
#include "model/rule.h"
#include "manifest/schema.h"
#include "store/documents.h"

const struct option policy_open_option[] = {
    {"open", VALUE_NONE, NULL, "open to everybody what the last allow rule closed", 0, false},
    TENTATIVE_OPTIONS,
    {0},
};

void keep_closed(struct instance *instance, const json_t *scope, json_t *kept)
{
	json_t *defaults;

	if (rule_store_allows(&instance->rules, scope))
		return;
	defaults = document_array(instance, "defaults");
	if (defaults_keep_closed(defaults, scope)) {
		document_put(instance, "defaults", json_incref(defaults));
		json_array_append_new(
		    kept, json_pack("{s:O, s:O*}", "direction", json_object_get(scope, "direction"),
				    "subject", json_object_get(scope, "subject")));
	}
	json_decref(defaults);
}

static size_t selected_count(struct instance *instance, const char *selector)
{
	struct model *model;
	size_t count;

	if (enforce_model(instance, &model)) {
		failure_clear();
		return 0;
	}
	count = subject_pods(model, selector);
	model_free(model);
	return count;
}

/* How many of what is attached are meant. */
static size_t subjects_count(struct instance *instance, const char *subject)
{
	json_t *attachments, *row;
	size_t i, count = 0;

	if (subject && strchr(subject, '=') && !strchr(subject, ':'))
		return selected_count(instance, subject);
	attachments = document_get(instance, "attachments");

	json_array_foreach (attachments, i, row) {
		const char *name = field_text(row, "subject", "");

		count += subject ? strcmp(name, subject) == 0 : !strstr(name, "user:") && *name;
	}
	json_decref(attachments);
	return count;
}

void kept_say(const struct context *context, struct instance *instance, const json_t *kept)
{
	json_t *scope;
	size_t i;

	if (context->out.json || quiet)
		return;
	json_array_foreach ((json_t *)kept, i, scope) {
		const char *subject = field_text(scope, "subject", NULL);
		const char *direction = field_text(scope, "direction", "");
		bool cgroup = subject && strncmp(subject, "cgroup:", 7) == 0;
		size_t count = subjects_count(instance, subject);

		printf("%s of %s stays closed (%zu attached)\n", direction,
		       subject ? subject : "all pods and interfaces", count);
		printf("  to open: npctl policy default auto --%s%s%s\n", direction,
		       subject ? cgroup ? " --cgroup " : " --pod " : "",
		       !subject ? ""
		       : cgroup ? subject + strlen("cgroup:")
				: subject);
	}
}
