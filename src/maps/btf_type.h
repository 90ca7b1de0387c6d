/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a BTF type and a member's name say about how people write it. */
#ifndef NPCTL_MAPS_BTF_TYPE_H
#define NPCTL_MAPS_BTF_TYPE_H

#include <bpf/btf.h>
#include <stdbool.h>
#include <stdint.h>

struct field {
	const struct btf *btf;
	const struct btf_type *type; /* behind typedefs and modifiers; a void one when broken */
	const char *name;	     /* of the member, "" for none */
	bool big_endian;	     /* one of the typedefs was __beNN */
	/* the struct's member "family": 4 says that 16 bytes hold an IPv4 address */
	const uint8_t *families;
	uint32_t family_count;
};

void field_enter(struct field *field, const struct btf *btf, uint32_t type, const char *name);
/* The index-th member of a struct or union. */
void field_member(struct field *field, const struct field *parent, uint32_t index);
/* The bytes of the struct's own member "family", NULL when it has none. */
const uint8_t *field_families(const struct field *parent, const void *data, uint32_t *count);

bool field_is_char(const struct field *field);
bool field_is_byte(const struct field *field);
bool field_is_address(const struct field *field); /* 4 or 16 bytes */
bool field_is_in6_addr(const struct field *field);
bool field_is_padding(const struct field *field);

/* NULL when no name stands for the number; false when no number stands for the name. */
const char *enum_name(const struct field *field, uint64_t number);
bool enum_number(const struct field *field, const char *name, uint64_t *number);

#endif
