/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_MANIFEST_YAML_WRITE_H
#define NPCTL_MANIFEST_YAML_WRITE_H

#include <jansson.h>
#include <stdio.h>

/* Each element of the array as one document. */
int yaml_write(FILE *to, const json_t *documents);

#endif
