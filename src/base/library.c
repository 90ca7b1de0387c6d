// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/library.h"
#include <dlfcn.h>
#include <string.h>
#include "base/base.h"

static void *open_any(const struct library *library)
{
	void *handle = NULL;

	for (size_t i = 0; !handle && i < ARRAY_SIZE(library->names) && library->names[i]; i++)
		handle = dlopen(library->names[i], RTLD_NOW | RTLD_LOCAL);
	return handle;
}

int library_open(const struct library *library, void *table)
{
	void *handle = open_any(library), *call;
	size_t i;

	if (!handle) {
		fail("%s takes %s: %s", library->purpose, library->names[0], dlerror());
		return fail_mend("apt-get install %s", library->package);
	}
	for (i = 0; library->calls[i]; i++)
		if (!dlsym(handle, library->calls[i]))
			return fail("%s is too old: it has no %s", library->names[0],
				    library->calls[i]);
	for (i = 0; library->calls[i]; i++) {
		call = dlsym(handle, library->calls[i]);
		memcpy((char *)table + i * sizeof(call), &call, sizeof(call));
	}
	return 0;
}
