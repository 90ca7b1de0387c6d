/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_BASE_VERSION_H
#define NPCTL_BASE_VERSION_H

#include <jansson.h>

const char *version_text(void);

/* {"libbpf": "1.1.2", …}: the libraries that are loaded. */
json_t *version_libraries(void);

#endif
