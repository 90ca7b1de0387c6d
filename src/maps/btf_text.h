/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bytes of a BTF type as JSON, and back. Structs are objects by member name,
 * enums names, char arrays strings, __be16 numbers in host order, __be32 and
 * byte arrays named like addresses are addresses, other byte arrays hex.
 * Padding that is zero is left out.
 */
#ifndef NPCTL_MAPS_BTF_TEXT_H
#define NPCTL_MAPS_BTF_TEXT_H

#include <bpf/btf.h>
#include <jansson.h>
#include "base/base.h"

/* `data` holds as many bytes as the type has. */
json_t *btf_json(const struct btf *btf, uint32_t type, const void *data);
/* `data` is zeroed first; what an object does not name stays zero. `what` begins the sentence. */
int btf_bytes(const struct btf *btf, uint32_t type, const char *what, const json_t *value,
	      void *data, size_t size);
/* "struct grant_key", "__u32"; freed by the caller. */
char *btf_type_text(const struct btf *btf, uint32_t type);

/* Adds up the numbers of two values of one type; the rest is taken from `a`. A new value. */
json_t *json_sum(const json_t *a, const json_t *b);

/* "0a 00 14 1e" for any bytes, and back from "0a 00 14 1e", "0a:00:14:1e" or "0a00141e". */
char *hex_text(const void *data, size_t size);
int hex_parse(const char *text, void *data, size_t size);

#endif
