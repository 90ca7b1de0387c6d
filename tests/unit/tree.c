// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records against a plain array: random changes, versions, changes taken back. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include "store/tree.h"

#define KEYS 4000
#define STEPS 60000

/* What the tree has to say: a value for each number, 0 for none. */
struct expected {
	unsigned int value[KEYS];
};

static unsigned int random_state;

static unsigned int next_random(void)
{
	random_state = random_state * 1103515245 + 12345;
	return random_state >> 8;
}

/* Keys of many lengths, of which some begin alike. */
static size_t key_of(unsigned int number, unsigned char key[TREE_KEY_MOST])
{
	size_t length = 3 + number * 7919u % 60;

	memset(key, 'a' + number % 3, length);
	key[0] = (unsigned char)(number % 5);
	key[1] = (unsigned char)(number >> 8);
	key[2] = (unsigned char)number;
	return length;
}

static size_t value_of(unsigned int value, unsigned char bytes[TREE_VALUE_MOST])
{
	size_t size = value * 31u % TREE_VALUE_MOST + 1;

	memset(bytes, (int)value, size);
	return size;
}

static void expect_one(const struct tree *tree, unsigned int number, unsigned int value)
{
	unsigned char key[TREE_KEY_MOST], bytes[TREE_VALUE_MOST];
	size_t length = key_of(number, key), size, wanted = value_of(value, bytes);
	const void *found = tree_get(tree, key, length, &size);

	if (!value) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_int_equal(size, wanted);
	assert_memory_equal(found, bytes, size);
}

struct order {
	unsigned char last[TREE_KEY_MOST];
	size_t length, count;
};

static int in_order(const void *key, size_t length, const void *value, size_t size, void *data)
{
	struct order *order = data;
	size_t least = length < order->length ? length : order->length;
	int compared = memcmp(order->last, key, least);

	(void)value;
	(void)size;
	if (order->count++)
		assert_true(compared < 0 || (!compared && order->length < length));
	memcpy(order->last, key, length);
	order->length = length;
	return 0;
}

static void expect_all(const struct tree *tree, const struct expected *expected)
{
	struct order order = {.count = 0};
	size_t count = 0;

	for (unsigned int i = 0; i < KEYS; i++) {
		expect_one(tree, i, expected->value[i]);
		count += expected->value[i] != 0;
	}
	assert_int_equal(tree_each(tree, NULL, 0, 0, in_order, &order), 0);
	assert_int_equal(order.count, count);
}

static void change(struct tree *tree, struct expected *expected, unsigned int deletes)
{
	unsigned char key[TREE_KEY_MOST], bytes[TREE_VALUE_MOST];
	unsigned int number = next_random() % KEYS, value = next_random() % 1000 + 1;
	size_t length = key_of(number, key), size = value_of(value, bytes);

	if (next_random() % 100 < deletes) {
		assert_int_equal(tree_delete(tree, key, length), expected->value[number] != 0);
		expected->value[number] = 0;
		return;
	}
	assert_int_equal(tree_put(tree, key, length, bytes, size), 0);
	expected->value[number] = value;
}

static void try_some(struct tree *tree, struct expected *now)
{
	struct expected tried = *now;
	bool keep = next_random() % 2;

	tree_try(tree);
	for (unsigned int i = 0; i < 20; i++)
		change(tree, &tried, 50);
	tree_decide(tree, keep);
	if (keep)
		*now = tried;
}

static void versions(void **state)
{
	struct expected in_force = {.value = {0}}, now = in_force;
	struct tree *tree;
	uint32_t version = 7;

	(void)state;
	random_state = 1;
	assert_int_equal(tree_open(&tree, NULL, version, TREE_WRITE), 0);
	for (unsigned int step = 0; step < STEPS; step++) {
		change(tree, &now, step / 10000 % 2 ? 80 : 20);
		if (next_random() % 500 == 0) {
			tree_stage(tree, version + 1);
			tree_flipped(tree, ++version);
			in_force = now;
		} else if (next_random() % 700 == 0) {
			if (next_random() % 2)
				tree_stage(tree, version + 1); /* but it never comes into force */
			tree_abort(tree);
			now = in_force;
		}
		if (next_random() % 300 == 0)
			try_some(tree, &now);
		if (next_random() % 5000 == 0)
			expect_all(tree, &now);
	}
	expect_all(tree, &now);
	tree_close(tree);
}

static void empty_again(void **state)
{
	struct expected now = {.value = {0}};
	unsigned char key[TREE_KEY_MOST];
	struct tree *tree;

	(void)state;
	random_state = 2;
	assert_int_equal(tree_open(&tree, NULL, 2, TREE_WRITE), 0);
	for (unsigned int step = 0; step < 10000; step++)
		change(tree, &now, 0);
	for (unsigned int i = 0; i < KEYS; i++) {
		size_t length = key_of(i, key);

		tree_delete(tree, key, length);
	}
	assert_true(tree_is_empty(tree));
	assert_int_equal(tree_pages(tree), 0);
	tree_close(tree);
}

/* Few pages for much that comes in order, and none left behind by versions. */
static void pages_in_use(void **state)
{
	struct tree *tree;
	size_t pages;

	(void)state;
	assert_int_equal(tree_open(&tree, NULL, 2, TREE_WRITE), 0);
	for (uint32_t i = 0; i < 10000; i++) {
		uint32_t key = __builtin_bswap32(i);

		assert_int_equal(tree_put(tree, &key, sizeof(key), "0123456789abcdef", 16), 0);
	}
	tree_stage(tree, 3);
	tree_flipped(tree, 3);
	pages = tree_pages(tree);
	assert_true(pages < 10000 * 26 / 4096 * 5 / 4);
	for (uint32_t version = 3; version < 300; version++) {
		uint32_t key = __builtin_bswap32(version);

		assert_int_equal(tree_put(tree, &key, sizeof(key), "fedcba9876543210", 16), 0);
		tree_stage(tree, version + 1);
		tree_flipped(tree, version + 1);
	}
	assert_int_equal(tree_pages(tree), pages);
	tree_close(tree);
}

struct range {
	unsigned int first, count;
};

static int take(const void *key, size_t length, const void *value, size_t size, void *data)
{
	struct range *range = data;

	(void)length;
	(void)value;
	(void)size;
	if (!range->count++)
		range->first = ((const unsigned char *)key)[2];
	return 0;
}

static void ranges(void **state)
{
	struct tree *tree;
	struct range range = {0};

	(void)state;
	assert_int_equal(tree_open(&tree, NULL, 2, TREE_WRITE), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		unsigned char key[3] = {'k', (unsigned char)(i / 100), (unsigned char)(i % 100)};

		assert_int_equal(tree_put(tree, key, 3, NULL, 0), 0);
	}
	assert_int_equal(tree_each(tree, "k\3\12", 3, 2, take, &range), 0);
	assert_int_equal(range.first, 10);
	assert_int_equal(range.count, 90);
	assert_int_equal(tree_put(tree, "k", TREE_KEY_MOST + 1, NULL, 0), FAILED);
	tree_close(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(versions),
	    cmocka_unit_test(empty_again),
	    cmocka_unit_test(pages_in_use),
	    cmocka_unit_test(ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
