// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/table.h"
#include "base/version.h"
#include "abi.h"
#include <stdio.h>

static int do_version(struct context *context, const struct words *words)
{
	json_t *libraries = version_libraries(), *value;
	const char *name;

	(void)words;
	if (context->out.json) {
		out_json(&context->out, json_pack("{s:s, s:i, s:o}", "version", version_text(),
						  "abi", NPCTL_ABI, "libraries", libraries));
		return 0;
	}
	printf("npctl %s\n", version_text());
	json_object_foreach (libraries, name, value)
		printf("%s %s\n", name, json_string_value(value));
	printf("maps abi %d\n", NPCTL_ABI);
	json_decref(libraries);
	return 0;
}

const struct command command_version = {
    "version",
    "show the version",
    (const struct verb[]){
	{"", "", "show the version of npctl and of its libraries", 0, 0, NULL, do_version, NULL},
	{0},
    },
};
