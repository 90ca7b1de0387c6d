// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "maps/btf_text.h"
#include "maps/btf_type.h"
#include "base/cidr.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

char *hex_text(const void *data, size_t size)
{
	const uint8_t *bytes = data;
	char *text = xalloc(3 * size + 1);

	for (size_t i = 0; i < size; i++)
		snprintf(text + 3 * i, 4, i + 1 < size ? "%02x " : "%02x", bytes[i]);
	return text;
}

char *btf_type_text(const struct btf *btf, uint32_t type)
{
	const struct btf_type *t = btf__type_by_id(btf, type);
	const char *name = t ? btf__name_by_offset(btf, t->name_off) : "";
	const char *kind = "";

	if (t && btf_is_struct(t))
		kind = "struct ";
	else if (t && btf_is_union(t))
		kind = "union ";
	else if (t && (btf_is_enum(t) || btf_is_enum64(t)))
		kind = "enum ";
	if (t && !*name && btf_is_array(t)) {
		char *element = btf_type_text(btf, btf_array(t)->type);
		char *text = xprintf("%s[%u]", element, btf_array(t)->nelems);

		free(element);
		return text;
	}
	return xprintf("%s%s", kind, *name ? name : "(no name)");
}

static json_t *hex_json(const void *data, size_t size)
{
	char *text = hex_text(data, size);
	json_t *value = json_string(text);

	free(text);
	return value;
}

static json_t *address_json(const void *data, int family)
{
	struct address address = {.family = family};
	char text[ADDRESS_TEXT];

	memcpy(address.bytes, data, family == 4 ? 4 : 16);
	return json_string(address_text(&address, text));
}

/* jansson has no unsigned 64-bit numbers: those beyond its range are strings. */
static json_t *unsigned_json(uint64_t number)
{
	char text[24];

	if (number <= INT64_MAX)
		return json_integer((json_int_t)number);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return json_string(text);
}

static json_t *number_json(const struct field *field, uint64_t number, unsigned int bits)
{
	if (btf_int_encoding(field->type) & BTF_INT_BOOL)
		return json_boolean(number);
	if (!(btf_int_encoding(field->type) & BTF_INT_SIGNED))
		return unsigned_json(number);
	if (bits < 64 && number >> (bits - 1) & 1)
		number |= ~0ull << bits;
	return json_integer((json_int_t)number);
}

static json_t *int_json(const struct field *field, const void *data)
{
	uint32_t size = field->type->size;
	uint64_t number = 0;

	if (size > sizeof(number))
		return hex_json(data, size);
	if (field->big_endian && size == 4)
		return address_json(data, 4);
	memcpy(&number, data, size);
	if (field->big_endian)
		number = be64toh(number) >> (64 - 8 * size);
	return number_json(field, number, 8 * size);
}

static json_t *enum_json(const struct field *field, const void *data)
{
	uint64_t number = 0;
	const char *name;

	memcpy(&number, data, field->type->size);
	name = enum_name(field, number);
	return name ? json_string(name) : unsigned_json(number);
}

static json_t *chars_json(const char *data, size_t size)
{
	json_t *value = json_stringn(data, strnlen(data, size));

	return value ? value : hex_json(data, size); /* no UTF-8 */
}

static json_t *field_json(const struct field *field, const void *data);

static json_t *array_json(const struct field *field, const void *data)
{
	const struct btf_array *array = btf_array(field->type);
	int64_t size = btf__resolve_size(field->btf, array->type);
	struct field element;
	json_t *values;

	field_enter(&element, field->btf, array->type, field->name);
	if (size <= 0)
		return json_array();
	if (field_is_char(&element))
		return chars_json(data, array->nelems);
	if (field_is_address(field))
		return address_json(
		    data, array->nelems == 4 || (field->families && *field->families == 4) ? 4 : 6);
	if (field_is_byte(&element))
		return hex_json(data, array->nelems);
	values = json_array();
	for (uint32_t i = 0; i < array->nelems; i++) {
		element.families = i < field->family_count ? field->families + i : NULL;
		element.family_count = element.families ? 1 : 0;
		json_array_append_new(values, field_json(&element, (const char *)data + i * size));
	}
	return values;
}

/* Bits count from the least significant one of the first byte. */
static json_t *bitfield_json(const struct field *field, const void *data, uint32_t offset,
			     uint32_t bits)
{
	const uint8_t *bytes = data;
	uint64_t number = 0;

	for (uint32_t i = 0; i < bits && i < 64; i++)
		number |= (uint64_t)(bytes[(offset + i) / 8] >> (offset + i) % 8 & 1) << i;
	if (btf_is_int(field->type))
		return number_json(field, number, bits);
	return unsigned_json(number);
}

static bool is_zero(const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++)
		if (bytes[i])
			return false;
	return true;
}

static void member_json(const struct field *parent, uint32_t index, const void *data,
			json_t *object)
{
	const struct btf_member *member = &btf_members(parent->type)[index];
	uint32_t offset = btf_member_bit_offset(parent->type, index);
	uint32_t bits = btf_member_bitfield_size(parent->type, index);
	int64_t size = btf__resolve_size(parent->btf, member->type);
	const void *at = (const char *)data + offset / 8;
	struct field field;
	json_t *value;

	field_member(&field, parent, index);
	if (field_is_padding(&field) && !bits && size > 0 && is_zero(at, size))
		return;
	field.families = field_families(parent, data, &field.family_count);
	value = bits ? bitfield_json(&field, data, offset, bits) : field_json(&field, at);
	if (*field.name)
		json_object_set_new(object, field.name, value);
	else /* of an anonymous struct or union, the members count as ours */
		json_object_update(object, value), json_decref(value);
}

static json_t *struct_json(const struct field *field, const void *data)
{
	json_t *object;

	if (field_is_in6_addr(field))
		return address_json(data, 6);
	object = json_object();
	for (uint32_t i = 0; i < btf_vlen(field->type); i++)
		member_json(field, i, data, object);
	return object;
}

static json_t *section_json(const struct field *field, const void *data)
{
	const struct btf_var_secinfo *variable = btf_var_secinfos(field->type);
	json_t *object = json_object();

	for (uint32_t i = 0; i < btf_vlen(field->type); i++, variable++) {
		const struct btf_type *t = btf__type_by_id(field->btf, variable->type);
		struct field inner;

		field_enter(&inner, field->btf, t->type,
			    btf__name_by_offset(field->btf, t->name_off));
		json_object_set_new(object, inner.name,
				    field_json(&inner, (const char *)data + variable->offset));
	}
	return object;
}

static json_t *float_json(const void *data, size_t size)
{
	float single;
	double number;

	if (size == sizeof(single)) {
		memcpy(&single, data, size);
		return json_real(single);
	}
	memcpy(&number, data, sizeof(number));
	return size == sizeof(number) ? json_real(number) : hex_json(data, size);
}

static json_t *field_json(const struct field *field, const void *data)
{
	switch (btf_kind(field->type)) {
	case BTF_KIND_INT:
		return int_json(field, data);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return enum_json(field, data);
	case BTF_KIND_ARRAY:
		return array_json(field, data);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return struct_json(field, data);
	case BTF_KIND_DATASEC:
		return section_json(field, data);
	case BTF_KIND_FLOAT:
		return float_json(data, field->type->size);
	default: /* pointers */
		return hex_json(data, sizeof(void *));
	}
}

json_t *btf_json(const struct btf *btf, uint32_t type, const void *data)
{
	struct field field;

	field_enter(&field, btf, type, "");
	return field_json(&field, data);
}

json_t *json_sum(const json_t *a, const json_t *b)
{
	json_t *sum, *value;
	const char *key;
	size_t i;

	if (json_is_integer(a) && json_is_integer(b))
		return json_integer(json_integer_value(a) + json_integer_value(b));
	if (json_is_object(a)) {
		sum = json_object();
		json_object_foreach ((json_t *)a, key, value)
			json_object_set_new(sum, key, json_sum(value, json_object_get(b, key)));
		return sum;
	}
	if (json_is_array(a)) {
		sum = json_array();
		json_array_foreach (a, i, value)
			json_array_append_new(sum, json_sum(value, json_array_get(b, i)));
		return sum;
	}
	return json_deep_copy(a);
}
