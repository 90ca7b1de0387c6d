// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/pack.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct blob pack(const void *data, size_t size)
{
	uLongf packed = compressBound(size);
	uint32_t unpacked = size;
	struct blob blob = {.data = xalloc(sizeof(unpacked) + packed)};

	memcpy(blob.data, &unpacked, sizeof(unpacked));
	if (compress2(blob.data + sizeof(unpacked), &packed, data, size, Z_BEST_SPEED))
		abort(); /* the room suffices, so memory is out */
	blob.size = sizeof(unpacked) + packed;
	return blob;
}

struct blob pack_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	struct blob blob;

	if (!text)
		abort();
	blob = pack(text, strlen(text));
	free(text);
	return blob;
}

/* With a zero behind the bytes; NULL when the stream is damaged. */
void *unpack(const struct blob *blob, size_t *size)
{
	uint32_t unpacked;
	uLongf length;
	char *data;

	if (blob->size < sizeof(unpacked))
		return NULL;
	memcpy(&unpacked, blob->data, sizeof(unpacked));
	length = unpacked;
	data = xalloc(length + 1);
	if (uncompress((void *)data, &length, blob->data + sizeof(unpacked),
		       blob->size - sizeof(unpacked)) ||
	    length != unpacked) {
		free(data);
		return NULL;
	}
	*size = length;
	return data;
}

json_t *unpack_json(const struct blob *blob)
{
	size_t size;
	char *text = unpack(blob, &size);
	json_t *value = text ? json_loadb(text, size, JSON_DECODE_ANY, NULL) : NULL;

	free(text);
	return value;
}
