// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/libcurl.h"
#include "base/library.h"

struct libcurl libcurl;

int libcurl_open(void)
{
#define X(call) #call,
	static const char *const calls[] = {LIBCURL_CALLS(X) NULL};
#undef X
	static const struct library library = {
	    .purpose = "speaking to an API server",
	    .package = "libcurl4",
	    .names = {"libcurl.so.4", "libcurl-gnutls.so.4"},
	    .calls = calls,
	};
	int error = library_open(&library, &libcurl);

	if (!error)
		curl_global_init(CURL_GLOBAL_DEFAULT);
	return error;
}
