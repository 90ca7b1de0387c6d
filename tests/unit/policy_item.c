// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The flat reader of stored documents, beside jansson. */
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "manifest/item.h"

static bool same(const json_t *value, const struct item *item)
{
	const char *key;
	json_t *child;
	size_t index;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		if (item->kind != ITEM_OBJECT || item->count != json_object_size(value))
			return false;
		json_object_foreach ((json_t *)value, key, child) {
			for (index = 0; index < item->count; index++)
				if (strcmp(item->children[index].key, key) == 0)
					break;
			if (index == item->count || !same(child, &item->children[index]))
				return false;
		}
		return true;
	case JSON_ARRAY:
		if (item->kind != ITEM_ARRAY || item->count != json_array_size(value))
			return false;
		json_array_foreach (value, index, child)
			if (!same(child, &item->children[index]))
				return false;
		return true;
	case JSON_STRING:
		return item->kind == ITEM_TEXT && strcmp(item->text, json_string_value(value)) == 0;
	case JSON_INTEGER:
		return item->kind == ITEM_NUMBER && item->number == json_integer_value(value);
	case JSON_REAL:
		return item->kind == ITEM_FRACTION;
	case JSON_TRUE:
		return item->kind == ITEM_TRUE;
	case JSON_FALSE:
		return item->kind == ITEM_FALSE;
	default:
		return item->kind == ITEM_NULL;
	}
}

static unsigned int seed = 1;

static unsigned int any(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % below;
}

static json_t *make(int depth)
{
	static const char *const texts[] = {"",	   "a",	     "\"\\/\b\f\n\r\t",	       "\x01\x1f",
					    "é€😀", "a\\u00", "longer than eight bytes"};
	json_t *value;

	switch (any(depth > 4 ? 6 : 8)) {
	case 0:
		return json_null();
	case 1:
		return json_true();
	case 2:
		return json_false();
	case 3:
		return json_integer((json_int_t)any(60000) - 30000);
	case 4:
		return json_real(any(1000) / 7.0);
	case 5:
		return json_string(texts[any(ARRAY_SIZE(texts))]);
	case 6:
		value = json_array();
		for (unsigned int i = any(5); i > 0; i--)
			json_array_append_new(value, make(depth + 1));
		return value;
	default:
		value = json_object();
		for (unsigned int i = any(5); i > 0; i--) {
			char key[16];

			snprintf(key, sizeof(key), "k%u", any(100));
			json_object_set_new(value, any(6) ? key : texts[any(5)], make(depth + 1));
		}
		return value;
	}
}

static void test_as_jansson(void **state)
{
	size_t flags[] = {0, JSON_COMPACT, JSON_INDENT(4), JSON_ENSURE_ASCII};

	(void)state;
	for (int i = 0; i < 3000; i++) {
		json_t *value = make(0);
		char *text = json_dumps(value, flags[any(4)] | JSON_ENCODE_ANY);
		struct pool pool = {0};
		struct item item;

		assert_int_equal(item_parse(&pool, text, strlen(text), &item), 0);
		assert_true(same(value, &item));
		pool_release(&pool);
		item_from_json(&pool, value, &item);
		assert_true(same(value, &item));
		pool_release(&pool);
		json_decref(value);
		free(text);
	}
}

/* Whatever is cut off or broken is refused, and nothing is read behind the end. */
static void test_broken(void **state)
{
	static const char *const bad[] = {
	    "",	      "{",	 "[1,]",	"{\"a\"}", "{\"a\":}", "\"",  "\"\\",
	    "\"\\u1", "\"\\x\"", "\"\\ud800\"", "nul",	   "-",	       "1 2", "[1}",
	    "{1:2}",  "[\"a]",	 "\"\\u12g4\"", "tru",	   "]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t size = strlen(bad[i]);
		char *copy = malloc(size ? size : 1); /* exactly, for the sanitizers */
		struct pool pool = {0};
		struct item item;

		memcpy(copy, bad[i], size);
		assert_int_equal(item_parse(&pool, copy, size, &item), -1);
		pool_release(&pool);
		free(copy);
	}
}

static void test_deep(void **state)
{
	char *text = xalloc(100001);
	struct pool pool = {0};
	struct item item;

	(void)state;
	memset(text, '[', 100000);
	assert_int_equal(item_parse(&pool, text, 100000, &item), -1);
	pool_release(&pool);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_as_jansson),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
