// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "compile/numbers.h"
#include "store/number_store.h"

static const uint32_t limits[NUMBER_KINDS] = {8, IDENTITY_FIRST + 8, 8, 8};

/* A plan of nothing but rules of these names. */
static struct numbers *assign(const uint64_t *names, size_t count, const struct numbers *old)
{
	struct plan_rule *rules = xalloc((count + 1) * sizeof(*rules));
	struct plan plan = {.rules = rules, .rule_count = count};
	struct numbers *numbers = NULL;

	for (size_t i = 0; i < count; i++)
		rules[i].signature = (struct signature){names[i], ~names[i]};
	if (numbers_assign(&plan, old, limits, &numbers))
		numbers = NULL;
	free(rules);
	return numbers;
}

static uint32_t number_of(const struct numbers *numbers, uint64_t name)
{
	const struct numbered *found =
	    numbers_find(numbers, NUMBER_RULE, &(struct signature){name, ~name});

	return found ? found->number : 0;
}

static void test_kept(void **state)
{
	struct numbers *first = assign((uint64_t[]){5, 3, 9}, 3, NULL), *second, *third;

	(void)state;
	second = assign((uint64_t[]){9, 7, 5}, 3, first);
	assert_int_equal(number_of(second, 9), number_of(first, 9));
	assert_int_equal(number_of(second, 5), number_of(first, 5));
	assert_int_equal(number_of(second, 3), 0);
	/* what was freed comes last */
	assert_int_not_equal(number_of(second, 7), number_of(first, 3));
	third = assign((uint64_t[]){3}, 1, second);
	assert_int_not_equal(number_of(third, 3), number_of(first, 3));
	assert_ptr_equal(numbers_find_number(third, NUMBER_RULE, number_of(third, 3)),
			 numbers_find(third, NUMBER_RULE, &(struct signature){3, ~3ull}));
	numbers_free(first);
	numbers_free(second);
	numbers_free(third);
}

/* Old and new stand side by side until the flip: together they must fit. */
static void test_full(void **state)
{
	struct numbers *old = assign((uint64_t[]){1, 2, 3, 4}, 4, NULL);

	(void)state;
	assert_null(assign((uint64_t[]){11, 12, 13, 14}, 4, old));
	assert_non_null(strstr(failure(), "too many rules"));
	assert_null(assign((uint64_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8, NULL));
	failure_clear();
	numbers_free(old);
}

static void test_round(void **state)
{
	struct numbers *numbers = assign((uint64_t[]){1, 2}, 2, NULL), *next;

	(void)state;
	for (uint64_t i = 3; i < 40; i++) {
		next = assign((uint64_t[]){i, i - 1}, 2, numbers);
		assert_non_null(next);
		assert_in_range(number_of(next, i), 1, 7);
		assert_int_not_equal(number_of(next, i), number_of(next, i - 1));
		numbers_free(numbers);
		numbers = next;
	}
	numbers_free(numbers);
}

/* As earlier versions left it. */
static void *pack(const struct numbers *numbers, size_t *size)
{
	struct head {
		uint64_t count;
		uint32_t next, first, limit, pad;
	} head;
	char *data = xalloc(4096), *at = data;

	for (int kind = 0; kind < NUMBER_KINDS; kind++) {
		const struct number_space *space = &numbers->space[kind];
		size_t bytes = space->count * sizeof(*space->entries);

		head = (struct head){space->count, space->next, space->first, space->limit, 0};
		memcpy(at, &head, sizeof(head));
		memcpy(at + sizeof(head), space->entries, bytes);
		at += sizeof(head) + bytes;
	}
	*size = (size_t)(at - data);
	return data;
}

static void test_packed(void **state)
{
	struct numbers *numbers = assign((uint64_t[]){5, 3, 9}, 3, NULL), *copy;
	size_t size;
	void *data = pack(numbers, &size);

	(void)state;
	assert_int_equal(numbers_unpack(data, size, &copy), 0);
	assert_int_equal(number_of(copy, 9), number_of(numbers, 9));
	numbers_free(copy);
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(numbers_unpack(data, cut, &copy), FAILED);
	failure_clear();
	free(data);
	numbers_free(numbers);
}

/* Records and numbers say the same, whatever was there before. */
static void test_records(void **state)
{
	struct numbers *first = assign((uint64_t[]){5, 3, 9}, 3, NULL), *second;
	struct numbers loaded = {0};
	struct numbered one;
	struct tree *records;

	(void)state;
	second = assign((uint64_t[]){9, 7, 5}, 3, first);
	assert_int_equal(tree_open(&records, NULL, 2, TREE_WRITE), 0);
	assert_true(number_store_is_empty(records));
	assert_int_equal(number_store_save(records, &loaded, first), 0);
	assert_int_equal(number_store_save(records, first, second), 0);
	number_store_load(records, &loaded);
	assert_int_equal(loaded.space[NUMBER_RULE].count, 3);
	assert_int_equal(number_of(&loaded, 7), number_of(second, 7));
	assert_int_equal(number_of(&loaded, 3), 0);
	assert_false(number_store_get(records, NUMBER_RULE, &(struct signature){3, ~3ull}, &one));
	assert_int_equal(
	    number_store_give(records, NUMBER_RULE, &(struct signature){4, ~4ull}, &one), 0);
	assert_int_not_equal(one.number, number_of(second, 9));
	/* what the version in force still has is not given */
	assert_int_not_equal(one.number, number_of(first, 3));
	number_store_clear(records);
	assert_true(tree_is_empty(records));
	tree_close(records);
	free(loaded.space[NUMBER_RULE].entries);
	numbers_free(first);
	numbers_free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kept),    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_round),   cmocka_unit_test(test_packed),
	    cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
