// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/libcurl.h"
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>
#include "base/base.h"

struct libcurl libcurl;

static const struct {
	const char *name;
	size_t place;
} calls[] = {
#define X(call) {#call, offsetof(struct libcurl, call)},
    LIBCURL_CALLS(X)
#undef X
};

static void *open_any(void)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
	void *library = NULL;

	for (size_t i = 0; !library && i < ARRAY_SIZE(names); i++)
		library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	return library;
}

int libcurl_open(void)
{
	void *library = open_any(), *call;

	if (!library) {
		fail("speaking to an API server takes libcurl: %s", dlerror());
		return fail_mend("apt-get install libcurl4");
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		call = dlsym(library, calls[i].name);
		if (!call)
			return fail("libcurl is too old: it has no %s", calls[i].name);
		memcpy((char *)&libcurl + calls[i].place, &call, sizeof(call));
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return 0;
}
