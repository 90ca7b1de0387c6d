// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The way back: from what people write to bytes. */
#include "maps/btf_text.h"
#include "maps/btf_type.h"
#include "base/cidr.h"
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int hex_parse(const char *text, void *data, size_t size)
{
	uint8_t *bytes = data;
	size_t count = 0;

	while (*text) {
		if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
			text += 2;
		if (count == size || digit(text[0]) < 0)
			return -1;
		bytes[count] = digit(*text++);
		if (digit(*text) >= 0)
			bytes[count] = bytes[count] << 4 | digit(*text++);
		count++;
		if (*text && strchr(" :,", *text) && text[1])
			text++;
	}
	return count == size ? 0 : -1;
}

/* What a sentence is about: "key", and the member in it. */
struct place {
	const char *what;
	const struct field *field;
};

static int refuse(const struct place *place, const json_t *value, const char *why)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	fail("%s%s%s: %s %s", place->what, *place->field->name ? " " : "", place->field->name, text,
	     why);
	free(text);
	return FAILED;
}

static bool text_number(const char *text, uint64_t *number, bool *negative)
{
	char *end;

	errno = 0;
	*negative = *text == '-';
	if (!isdigit((unsigned char)text[*negative]))
		return false;
	text += *negative;
	*number = strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	if (*negative)
		*number = -*number;
	return !errno && !*end;
}

static bool json_number(const json_t *value, uint64_t *number, bool *negative)
{
	*negative = false;
	if (json_is_boolean(value)) {
		*number = json_is_true(value);
		return true;
	}
	if (json_is_string(value))
		return text_number(json_string_value(value), number, negative);
	*number = (uint64_t)json_integer_value(value);
	*negative = json_integer_value(value) < 0;
	return json_is_integer(value);
}

static bool fits(uint64_t number, bool negative, unsigned int bits, bool is_signed)
{
	if (negative)
		return is_signed &&
		       (bits >= 64 || (int64_t)number >= -(int64_t)(1ull << (bits - 1)));
	if (is_signed)
		bits--;
	return bits >= 64 || number >> bits == 0;
}

static int put_number(const struct place *place, const json_t *value, void *data)
{
	const struct btf_type *type = place->field->type;
	bool is_signed = btf_int_encoding(type) & BTF_INT_SIGNED;
	unsigned int bits = btf_int_encoding(type) & BTF_INT_BOOL ? 1 : 8 * type->size;
	uint64_t number;
	bool negative;
	char why[40];

	if (!json_number(value, &number, &negative))
		return refuse(place, value, "is not a number");
	if (!fits(number, negative, bits, is_signed)) {
		snprintf(why, sizeof(why), "does not fit in %u %s bit%s", bits,
			 is_signed ? "signed" : "unsigned", bits == 1 ? "" : "s");
		return refuse(place, value, why);
	}
	if (place->field->big_endian)
		number = htobe64(number << (64 - 8 * type->size));
	memcpy(data, &number, type->size);
	return 0;
}

static int put_address(const struct place *place, const json_t *value, void *data, size_t size)
{
	struct address address;

	if (address_parse(json_string_value(value), &address))
		return refuse(place, value, "is not an address");
	if (size == 4 && address.family != 4)
		return refuse(place, value, "is not an IPv4 address");
	memcpy(data, address.bytes, size);
	return 0;
}

static bool looks_like_address(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && strpbrk(text, ".:") && !strchr(text, ' ');
}

static int put_int(const struct place *place, const json_t *value, void *data)
{
	size_t size = place->field->type->size;

	if (size > sizeof(uint64_t)) {
		const char *text = json_string_value(value);

		return text && !hex_parse(text, data, size)
			   ? 0
			   : refuse(place, value, "is not that many bytes in hex");
	}
	if (place->field->big_endian && size == 4 && looks_like_address(value))
		return put_address(place, value, data, size);
	return put_number(place, value, data);
}

static int put_enum(const struct place *place, const json_t *value, void *data)
{
	uint64_t number;
	bool negative;

	if (!(json_is_string(value) &&
	      enum_number(place->field, json_string_value(value), &number)) &&
	    !json_number(value, &number, &negative))
		return refuse(place, value, "is neither a number nor one of the names");
	memcpy(data, &number, place->field->type->size);
	return 0;
}

static int put(const struct place *place, const json_t *value, void *data);

static int put_text(const struct place *place, const json_t *value, void *data, size_t size)
{
	char why[64];

	if (field_is_address(place->field) && looks_like_address(value))
		return put_address(place, value, data, size);
	if (hex_parse(json_string_value(value), data, size) == 0)
		return 0;
	snprintf(why, sizeof(why), "is not %zu bytes in hex%s", size,
		 field_is_address(place->field) ? ", nor an address" : "");
	return refuse(place, value, why);
}

static int put_elements(const struct place *place, const json_t *value, char *data)
{
	const struct btf_array *array = btf_array(place->field->type);
	int64_t size = btf__resolve_size(place->field->btf, array->type);
	struct field element;
	struct place inner = {place->what, &element};
	json_t *one;
	char why[48];
	size_t i;

	field_enter(&element, place->field->btf, array->type, place->field->name);
	if (!json_is_array(value) || json_array_size(value) != array->nelems) {
		snprintf(why, sizeof(why), "is not an array of %u", array->nelems);
		return refuse(place, value, why);
	}
	json_array_foreach (value, i, one)
		if (put(&inner, one, data + i * size))
			return FAILED;
	return 0;
}

static int put_array(const struct place *place, const json_t *value, void *data)
{
	const struct btf_array *array = btf_array(place->field->type);
	struct field element;
	char why[48];

	field_enter(&element, place->field->btf, array->type, "");
	if (field_is_char(&element) && json_is_string(value)) {
		if (json_string_length(value) > array->nelems) {
			snprintf(why, sizeof(why), "is longer than %u bytes", array->nelems);
			return refuse(place, value, why);
		}
		memcpy(data, json_string_value(value), json_string_length(value));
		return 0;
	}
	if (field_is_byte(&element) && json_is_string(value))
		return put_text(place, value, data, array->nelems);
	return put_elements(place, value, data);
}

static int put_bits(const struct place *place, const json_t *value, uint8_t *data, uint32_t offset,
		    uint32_t bits)
{
	uint64_t number;
	bool negative;

	if (!json_number(value, &number, &negative))
		return refuse(place, value, "is not a number");
	if (!fits(number, negative, bits,
		  btf_is_int(place->field->type) &&
		      btf_int_encoding(place->field->type) & BTF_INT_SIGNED))
		return refuse(place, value, "does not fit in the bit field");
	for (uint32_t i = 0; i < bits; i++) {
		data[(offset + i) / 8] &= ~(1 << (offset + i) % 8);
		data[(offset + i) / 8] |= (number >> i & 1) << (offset + i) % 8;
	}
	return 0;
}

/* 1 when neither the type nor an anonymous struct in it has such a member. */
static int put_member(const struct place *place, const char *name, const json_t *value, void *data)
{
	const struct btf_type *type = place->field->type;

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		uint32_t offset = btf_member_bit_offset(type, i);
		uint32_t bits = btf_member_bitfield_size(type, i);
		struct field field;
		struct place inner = {place->what, &field};

		field_member(&field, place->field, i);
		if (!*field.name && btf_is_composite(field.type)) {
			int result = put_member(&inner, name, value, (char *)data + offset / 8);

			if (result <= 0)
				return result;
		}
		if (strcmp(field.name, name) != 0)
			continue;
		return bits ? put_bits(&inner, value, data, offset, bits)
			    : put(&inner, value, (char *)data + offset / 8);
	}
	return 1;
}

static char *member_names(const struct field *field)
{
	char *all = xstrdup("");

	for (uint32_t i = 0; i < btf_vlen(field->type); i++) {
		struct field member;
		char *longer;

		field_member(&member, field, i);
		if (field_is_padding(&member) || !*member.name)
			continue;
		longer = xprintf("%s%s%s", all, *all ? ", " : "", member.name);
		free(all);
		all = longer;
	}
	return all;
}

static int no_member(const struct place *place, const char *name)
{
	char *names = member_names(place->field);

	if (name)
		fail("%s has no member \"%s\" (it has %s)", place->what, name, names);
	else
		fail("%s%s%s must be a JSON object of %s", place->what,
		     *place->field->name ? " " : "", place->field->name, names);
	free(names);
	return FAILED;
}

static int put_struct(const struct place *place, const json_t *value, void *data)
{
	const char *name;
	json_t *one;

	if (field_is_in6_addr(place->field) && json_is_string(value))
		return put_address(place, value, data, 16);
	if (!json_is_object(value))
		return no_member(place, NULL);
	json_object_foreach ((json_t *)value, name, one) {
		int result = put_member(place, name, one, data);

		if (result > 0)
			return no_member(place, name);
		if (result)
			return result;
	}
	return 0;
}

static int put_float(const struct place *place, const json_t *value, void *data)
{
	double number = json_number_value(value);
	float single = (float)number;

	if (!json_is_number(value))
		return refuse(place, value, "is not a number");
	memcpy(data, place->field->type->size == 4 ? (void *)&single : &number,
	       place->field->type->size);
	return 0;
}

static int put(const struct place *place, const json_t *value, void *data)
{
	switch (btf_kind(place->field->type)) {
	case BTF_KIND_INT:
		return put_int(place, value, data);
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return put_enum(place, value, data);
	case BTF_KIND_ARRAY:
		return put_array(place, value, data);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return put_struct(place, value, data);
	case BTF_KIND_FLOAT:
		return put_float(place, value, data);
	default:
		return refuse(place, value, "stands for a type that can only be given in hex");
	}
}

int btf_bytes(const struct btf *btf, uint32_t type, const char *what, const json_t *value,
	      void *data, size_t size)
{
	struct field field;
	struct place place = {what, &field};

	memset(data, 0, size);
	field_enter(&field, btf, type, "");
	return put(&place, value, data);
}
