// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit.h"
#include <string.h>
#include "base/base.h"
#include "base/cidr.h"

static void test_addresses(void **state)
{
	static const char *const bad[] = {"",	       "1.2.3",	   "1.2.3.4.5", "01.2.3.4",
					  "1.2.3.256", "1.2.3.4 ", " 1.2.3.4",	"fe80::1%lo",
					  "::g",       ":::",	   "1.2.3.4/8", "localhost"};
	struct address address;
	char text[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(address_parse(bad[i], &address), -1);
	assert_int_equal(address_parse("::ffff:1.2.3.4", &address), 0);
	assert_string_equal(address_text(&address, text), "1.2.3.4");
	assert_int_equal(address_parse("FD00::0:1", &address), 0);
	assert_string_equal(address_text(&address, text), "fd00::1");
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
	    {"10.1.2.3/8", "10.0.0.0/8"},
	    {"0.0.0.0/0", "0.0.0.0/0"},
	    {"1.2.3.4", "1.2.3.4/32"},
	    {"fd00::ff/124", "fd00::f0/124"},
	    {"::/0", "::/0"},
	    {"::ffff:10.0.0.1/104", "10.0.0.0/8"},
	    {"255.255.255.255/31", "255.255.255.254/31"},
	};
	static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08",  "10.0.0.0/-1",
					  "fd00::/129",	 "/8",	      "10.0.0.0/8/8", "10/8"};
	struct prefix prefix;
	char text[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(prefix_parse(good[i].text, &prefix), 0);
		assert_string_equal(prefix_text(&prefix, text), good[i].canonical);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(prefix_parse(bad[i], &prefix), -1);
}

static void test_contains(void **state)
{
	static const struct {
		const char *prefix, *address;
		bool inside;
	} cases[] = {
	    {"10.0.0.0/9", "10.127.255.255", true},
	    {"10.0.0.0/9", "10.128.0.0", false},
	    {"0.0.0.0/0", "255.255.255.255", true},
	    {"0.0.0.0/0", "::1", false},
	    {"::/0", "1.2.3.4", false},
	    {"fd00::/127", "fd00::1", true},
	    {"fd00::/127", "fd00::2", false},
	    {"1.2.3.4/32", "1.2.3.4", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct prefix prefix;
		struct address address;

		assert_int_equal(prefix_parse(cases[i].prefix, &prefix), 0);
		assert_int_equal(address_parse(cases[i].address, &address), 0);
		assert_int_equal(prefix_contains(&prefix, &address), cases[i].inside);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_contains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
