/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes made small. */
#ifndef NPCTL_BASE_PACK_H
#define NPCTL_BASE_PACK_H

#include <jansson.h>
#include "base/base.h"

struct blob {
	void *data; /* the unpacked size, then zlib's stream */
	size_t size;
};

struct blob pack(const void *data, size_t size);
struct blob pack_json(const json_t *value);
/* With a zero behind the bytes; NULL when the stream is damaged. */
void *unpack(const struct blob *blob, size_t *size);
json_t *unpack_json(const struct blob *blob);

#endif
