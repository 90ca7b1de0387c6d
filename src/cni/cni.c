// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cni/cni.h"
#include "commit/guards.h"
#include "base/author.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cni/commands.h"
#include "cni/refuse.h"
#include "out/out.h"

#define PATIENCE 60 /* seconds for others to finish */

bool cni_is_called(int argc)
{
	const char *command = getenv("CNI_COMMAND");

	return argc == 1 && command && *command;
}

int cni_open(const struct request *request, enum access access, struct instance **instance)
{
	int error;

	instance_patience = PATIENCE;
	error = instance_open(instance, request->config.root, access);
	if (error != BUSY)
		return error;
	return refuse_as(REFUSED_FOR_NOW);
}

int cni_version(const struct request *request, json_t **result)
{
	json_t *supported = json_array();
	const char *newest = "";

	for (int i = 0; cni_versions[i]; i++) {
		json_array_append_new(supported, json_string(cni_versions[i]));
		newest = cni_versions[i];
	}
	*result =
	    json_pack("{s:s, s:o}", "cniVersion", *request->version ? request->version : newest,
		      "supportedVersions", supported);
	return 0;
}

/* The version that was asked for, if we know it. */
static const char *version_of(const struct request *request)
{
	const char *newest = "";

	for (int i = 0; cni_versions[i]; i++) {
		newest = cni_versions[i];
		if (!strcmp(newest, request->version))
			return newest;
	}
	return newest;
}

static json_t *error_object(const struct request *request)
{
	const char *mend = failure_mend();
	json_t *object = json_pack("{s:s, s:i, s:o}", "cniVersion", version_of(request), "code",
				   refusal_code(), "msg", out_string(failure()));

	if (*mend)
		json_object_set_new(object, "details", json_sprintf("mend: %s", mend));
	return object;
}

int cni_run(const char *root)
{
	static int (*const run[])(const struct request *request, json_t **result) = {
	    [COMMAND_ADD] = cni_add, [COMMAND_DEL] = cni_del,	    [COMMAND_CHECK] = cni_check,
	    [COMMAND_GC] = cni_gc,   [COMMAND_STATUS] = cni_status, [COMMAND_VERSION] = cni_version,
	};
	struct request request = {};
	json_t *answer = NULL;
	const char *command = getenv("CNI_COMMAND"), *container = getenv("CNI_CONTAINERID");
	char *words = xprintf("cni %s %.12s", command ? command : "", container ? container : "");
	int error = request_read(&request, root);

	author_say(words);
	guards_for_others();
	if (!error)
		error = run[request.command](&request, &answer);
	if (error) {
		json_decref(answer);
		answer = error_object(&request);
	}
	if (answer) {
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
	}
	json_decref(answer);
	failure_clear();
	request_release(&request);
	author_say("");
	free(words);
	return error ? 1 : 0;
}
