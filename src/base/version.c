// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The one file that is compiled again when the version changes. */
#include "base/version.h"
#include "git-version.h"
#include <bpf/libbpf.h>
#include <netlink/version.h>
#include <stdio.h>
#include <zlib.h>

const char *version_text(void)
{
	return NPCTL_VERSION;
}

json_t *version_libraries(void)
{
	char bpf[16];

	snprintf(bpf, sizeof(bpf), "%u.%u", libbpf_major_version(), libbpf_minor_version());
	return json_pack("{s:s, s:s, s:s, s:s}", "libbpf", bpf, "libnl", LIBNL_VERSION, "jansson",
			 JANSSON_VERSION, "zlib", zlibVersion());
}
