// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "maps/btf_type.h"
#include "base/base.h"
#include <string.h>

void field_enter(struct field *field, const struct btf *btf, uint32_t type, const char *name)
{
	const struct btf_type *t = btf__type_by_id(btf, type);

	*field = (struct field){.btf = btf, .name = name};
	while (t && (btf_is_mod(t) || btf_is_typedef(t) || btf_is_var(t))) {
		if (!strncmp(btf__name_by_offset(btf, t->name_off), "__be", 4))
			field->big_endian = true;
		t = btf__type_by_id(btf, t->type);
	}
	field->type = t ? t : btf__type_by_id(btf, 0);
}

void field_member(struct field *field, const struct field *parent, uint32_t index)
{
	const struct btf_member *member = &btf_members(parent->type)[index];

	field_enter(field, parent->btf, member->type,
		    btf__name_by_offset(parent->btf, member->name_off));
}

const uint8_t *field_families(const struct field *parent, const void *data, uint32_t *count)
{
	for (uint32_t i = 0; i < btf_vlen(parent->type); i++) {
		struct field field, element;

		field_member(&field, parent, i);
		if (strcmp(field.name, "family") != 0)
			continue;
		*count = 1;
		element = field;
		if (btf_is_array(field.type)) {
			*count = btf_array(field.type)->nelems;
			field_enter(&element, field.btf, btf_array(field.type)->type, "");
		}
		if (!field_is_byte(&element))
			break;
		return (const uint8_t *)data + btf_member_bit_offset(parent->type, i) / 8;
	}
	*count = 0;
	return NULL;
}

/* clang marks char as signed, not as a character: its name tells. */
bool field_is_char(const struct field *field)
{
	return btf_is_int(field->type) && field->type->size == 1 &&
	       !strcmp(btf__name_by_offset(field->btf, field->type->name_off), "char");
}

bool field_is_byte(const struct field *field)
{
	return btf_is_int(field->type) && field->type->size == 1 && !field_is_char(field) &&
	       !(btf_int_encoding(field->type) & BTF_INT_BOOL);
}

bool field_is_address(const struct field *field)
{
	static const char *const words[] = {"addr",	   "local", "remote", "source",
					    "destination", "src",   "dst"};
	struct field element;
	uint32_t count;

	if (!btf_is_array(field->type))
		return false;
	count = btf_array(field->type)->nelems;
	field_enter(&element, field->btf, btf_array(field->type)->type, "");
	if (!field_is_byte(&element) || (count != 4 && count != 16))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(field->name, words[i]))
			return true;
	return false;
}

bool field_is_in6_addr(const struct field *field)
{
	return btf_is_struct(field->type) && field->type->size == 16 &&
	       !strcmp(btf__name_by_offset(field->btf, field->type->name_off), "in6_addr");
}

bool field_is_padding(const struct field *field)
{
	return !strncmp(field->name, "pad", 3) || !strncmp(field->name, "_pad", 4) ||
	       !strncmp(field->name, "__pad", 5);
}

static uint64_t masked(uint64_t number, uint32_t size)
{
	return size < 8 ? number & ((1ull << 8 * size) - 1) : number;
}

static uint64_t enum_at(const struct btf_type *type, uint32_t index, uint32_t *name_off)
{
	uint64_t number;

	if (btf_is_enum64(type)) {
		number = btf_enum64_value(&btf_enum64(type)[index]);
		*name_off = btf_enum64(type)[index].name_off;
	} else {
		number = (uint64_t)btf_enum(type)[index].val;
		*name_off = btf_enum(type)[index].name_off;
	}
	return masked(number, type->size);
}

const char *enum_name(const struct field *field, uint64_t number)
{
	uint32_t name_off;

	for (uint32_t i = 0; i < btf_vlen(field->type); i++)
		if (enum_at(field->type, i, &name_off) == number)
			return btf__name_by_offset(field->btf, name_off);
	return NULL;
}

bool enum_number(const struct field *field, const char *name, uint64_t *number)
{
	uint32_t name_off;

	for (uint32_t i = 0; i < btf_vlen(field->type); i++) {
		*number = enum_at(field->type, i, &name_off);
		if (!strcmp(btf__name_by_offset(field->btf, name_off), name))
			return true;
	}
	return false;
}
