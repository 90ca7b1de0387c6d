// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Bytes by BTF types, on types made here: no kernel. */
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include "maps/btf_text.h"

struct shape {
	char name[8];
	int32_t colour;
	uint16_t port; /* big-endian */
	int8_t low;
	uint8_t bits; /* three : 3, four : 4, signed */
	uint8_t local[16];
	uint64_t large;
};

static struct {
	struct btf *btf;
	int u32, u64, shape;
} types;

static int make_types(void **state)
{
	struct btf *btf = btf__new_empty();
	int u8, u16, s8, s32, be16, character, colour, name, local;

	(void)state;
	u8 = btf__add_int(btf, "unsigned char", 1, 0);
	u16 = btf__add_int(btf, "unsigned short", 2, 0);
	types.u32 = btf__add_int(btf, "unsigned int", 4, 0);
	types.u64 = btf__add_int(btf, "unsigned long long", 8, 0);
	s8 = btf__add_int(btf, "signed char", 1, BTF_INT_SIGNED);
	s32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	character = btf__add_int(btf, "char", 1, BTF_INT_SIGNED);
	be16 = btf__add_typedef(btf, "__be16", u16);
	colour = btf__add_enum(btf, "colour", 4);
	btf__add_enum_value(btf, "RED", 0);
	btf__add_enum_value(btf, "BELOW", -2);
	name = btf__add_array(btf, types.u32, character, 8);
	local = btf__add_array(btf, types.u32, u8, 16);
	types.shape = btf__add_struct(btf, "shape", sizeof(struct shape));
	btf__add_field(btf, "name", name, 0, 0);
	btf__add_field(btf, "colour", colour, 64, 0);
	btf__add_field(btf, "port", be16, 96, 0);
	btf__add_field(btf, "low", s8, 112, 0);
	btf__add_field(btf, "three", types.u32, 120, 3);
	btf__add_field(btf, "four", s32, 123, 4);
	btf__add_field(btf, "local", local, 128, 0);
	btf__add_field(btf, "large", types.u64, 256, 0);
	types.btf = btf;
	return 0;
}

static int free_types(void **state)
{
	(void)state;
	btf__free(types.btf);
	return 0;
}

static int parse(int type, const char *text, void *data, size_t size)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	int error;

	assert_non_null(value);
	error = btf_bytes(types.btf, (uint32_t)type, "value", value, data, size);
	json_decref(value);
	return error;
}

static void check_text(int type, const void *data, const char *wanted)
{
	json_t *value = btf_json(types.btf, (uint32_t)type, data);
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_string_equal(text, wanted);
	free(text);
	json_decref(value);
}

static void test_there_and_back(void **state)
{
	static const char text[] = "{\"name\":\"12345678\",\"colour\":\"BELOW\",\"port\":8080,"
				   "\"low\":-128,\"three\":7,\"four\":-8,\"local\":\"fd00::1\","
				   "\"large\":\"18446744073709551615\"}";
	struct shape shape;

	(void)state;
	assert_int_equal(parse(types.shape, text, &shape, sizeof(shape)), 0);
	assert_memory_equal(shape.name, "12345678", 8);
	assert_int_equal(shape.colour, -2);
	assert_memory_equal(&shape.port, "\x1f\x90", 2);
	assert_int_equal(shape.bits, 7 | 8 << 3);
	assert_int_equal(shape.local[0], 0xfd);
	assert_true(shape.large == UINT64_MAX);
	check_text(types.shape, &shape, text);
}

static void test_absent_members_are_zero(void **state)
{
	struct shape shape, zero = {0};

	(void)state;
	memset(&shape, 0xff, sizeof(shape));
	assert_int_equal(parse(types.shape, "{}", &shape, sizeof(shape)), 0);
	assert_memory_equal(&shape, &zero, sizeof(shape));
}

static void check_refused(int type, const char *text, const char *wanted)
{
	char room[sizeof(struct shape)];

	assert_int_equal(parse(type, text, room, sizeof(room)), FAILED);
	if (!strstr(failure(), wanted)) /* says more than assert_non_null() would */
		assert_string_equal(failure(), wanted);
	failure_clear();
}

static void test_refusals(void **state)
{
	(void)state;
	check_refused(types.u32, "4294967296", "does not fit in 32 unsigned bits");
	check_refused(types.u32, "-1", "does not fit");
	check_refused(types.u32, "1.5", "is not a number");
	check_refused(types.u32, "\"12x\"", "is not a number");
	check_refused(types.u32, "\"\"", "is not a number");
	check_refused(types.u64, "\"18446744073709551616\"", "is not a number");
	check_refused(types.shape, "{\"low\": 128}", "low: 128 does not fit in 8 signed bits");
	check_refused(types.shape, "{\"four\": 8}", "does not fit");
	check_refused(types.shape, "{\"name\": \"123456789\"}", "longer than 8 bytes");
	check_refused(types.shape, "{\"colour\": \"BLUE\"}", "one of the names");
	check_refused(types.shape, "{\"local\": \"1.2.3\"}", "is not an address");
	check_refused(types.shape, "{\"local\": \"zz\"}", "is not 16 bytes in hex");
	check_refused(types.shape, "{\"size\": 1}", "has no member \"size\"");
	check_refused(types.shape, "[1]", "must be a JSON object");
}

static void test_numbers(void **state)
{
	uint32_t number;
	uint8_t bytes[4];

	(void)state;
	assert_int_equal(parse(types.u32, "\"0x10\"", &number, sizeof(number)), 0);
	assert_int_equal(number, 16);
	assert_int_equal(parse(types.u32, "\"010\"", &number, sizeof(number)), 0);
	assert_int_equal(number, 10);
	assert_int_equal(hex_parse("0a 0:0,0x14", bytes, 4), 0);
	assert_memory_equal(bytes, "\x0a\x00\x00\x14", 4);
	assert_int_equal(hex_parse("0a000014", bytes, 4), 0);
	assert_int_equal(hex_parse("0a0000", bytes, 4), -1);
	assert_int_equal(hex_parse("0a00001400", bytes, 4), -1);
	assert_int_equal(hex_parse("0a 00 00 1g", bytes, 4), -1);
}

static void test_sum(void **state)
{
	json_t *a = json_pack("{s:i, s:[i, i], s:s}", "n", 1, "list", 2, 3, "name", "x");
	json_t *b = json_pack("{s:i, s:[i, i], s:s}", "n", 10, "list", 20, 30, "name", "y");
	json_t *wanted = json_pack("{s:i, s:[i, i], s:s}", "n", 11, "list", 22, 33, "name", "x");
	json_t *sum = json_sum(a, b);

	(void)state;
	assert_true(json_equal(sum, wanted));
	json_decref(a);
	json_decref(b);
	json_decref(wanted);
	json_decref(sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_absent_members_are_zero),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_sum),
	};

	return cmocka_run_group_tests(tests, make_types, free_types);
}
