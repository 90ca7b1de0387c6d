// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unit.h"
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "net/links.h"
#include "base/port.h"
#include "net/subnets.h"
#include "net/topo.h"

static struct prefix prefix(const char *text)
{
	struct prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix;
}

static struct address address(const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return address;
}

static void check_address(const struct address *got, const char *wanted)
{
	char text[ADDRESS_TEXT];

	assert_string_equal(address_text(got, text), wanted);
}

static void test_ports(void **state)
{
	static const char *const bad[] = {"",	     "tcp",	"tcp/",	  "tcp/0",     "tcp/65536",
					  "tcp/80x", "ip/4",	"tcp/+1", "-1",	       "tcp/ 80",
					  "icmp/8",  "tcp/80/", "80 ",	  "tcp/000080"};
	struct port port;
	char text[PORT_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(port_parse(bad[i], &port), -1);
	/* as in rules, in any case */
	assert_int_equal(port_parse("TCP/80", &port), 0);
	assert_int_equal(port.protocol, IPPROTO_TCP);
	assert_int_equal(port_parse("udp/53", &port), 0);
	assert_int_equal(port.protocol, IPPROTO_UDP);
	assert_int_equal(port.number, 53);
	assert_string_equal(port_text(&port, text), "udp/53");
	assert_int_equal(port_parse("65535", &port), 0);
	assert_string_equal(port_text(&port, text), "tcp/65535");
	assert_int_equal(port_parse("icmp", &port), 0);
	assert_string_equal(port_text(&port, text), "icmp");
}

static void test_macs(void **state)
{
	uint8_t mac[6];
	char text[MAC_TEXT];
	struct address local;

	(void)state;
	assert_int_equal(mac_parse("6e:70:00:ff:0a:1", mac), 0);
	assert_string_equal(mac_text(mac, text), "6e:70:00:ff:0a:01");
	assert_int_equal(mac_parse("6e:70:00:ff:0a", mac), -1);
	assert_int_equal(mac_parse("6e:70:00:ff:0a:01:02", mac), -1);
	assert_int_equal(mac_parse("6e:70:00:ff:0a:01", mac), 0);
	local = link_local_of(mac);
	check_address(&local, "fe80::6c70:ff:feff:a01");
}

static void test_allocation(void **state)
{
	struct addressing addressing = {};
	struct prefix small = prefix("10.1.0.0/29");
	struct address taken = address("10.1.0.3"), got;
	struct subnet *subnet;

	(void)state;
	address_take(&addressing, &taken);
	assert_int_equal(bridge_add(&addressing, &small), 0);
	subnet = &addressing.bridge.subnets[0];
	check_address(&subnet->gateway, "10.1.0.1");
	for (int number = 2; number < 7; number++) {
		if (number == 3)
			continue;
		assert_int_equal(subnet_allocate(&addressing, subnet, &got), 0);
		assert_int_equal(got.bytes[3], number);
	}
	/* neither the subnet's own number nor its broadcast address is left */
	assert_int_equal(subnet_allocate(&addressing, subnet, &got), FAILED);
	assert_string_equal(failure(), "subnet 10.1.0.0/29 has no more addresses for pods");
	free(addressing.bridge.subnets);
	free(addressing.taken);
}

static void test_covering(void **state)
{
	static const struct {
		const char *address, *subnet;
	} cases[] = {
	    {"172.16.5.9", "172.16.5.0/24"},   {"172.16.5.10", "172.16.5.0/24"},
	    {"10.244.1.255", "10.244.0.0/22"}, {"10.250.0.0", "10.248.0.0/14"},
	    {"fd99::9", "fd99::/64"},	       {"10.0.7.7", "10.0.0.0/16"},
	};
	struct addressing addressing = {.choices = {prefix("10.0.0.0/16")}, .choice_count = 1};
	char text[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct address one = address(cases[i].address);
		struct subnet *subnet;

		address_take(&addressing, &one);
		assert_int_equal(bridge_cover(&addressing, &one), 0);
		subnet = subnet_of(&addressing.bridge, &one);
		assert_non_null(subnet);
		assert_string_equal(prefix_text(&subnet->prefix, text), cases[i].subnet);
		assert_int_not_equal(address_compare(&subnet->gateway, &one), 0);
	}
	free(addressing.bridge.subnets);
	free(addressing.taken);
}

static json_t *plan_of(const char *pods, const struct topo_wishes *wishes)
{
	json_t *objects = json_loads(pods, 0, NULL), *object, *record = NULL;
	struct model *model = model_new();
	size_t i;

	assert_non_null(objects);
	json_array_foreach (objects, i, object)
		assert_int_equal(model_add(model, object, "test"), 0);
	topo_plan(model, wishes, &record);
	model_free(model);
	json_decref(objects);
	return record;
}

#define POD(name)                                                               \
	"{\"kind\": \"Pod\", \"apiVersion\": \"v1\", \"metadata\": {" name "}," \
	"\"spec\": {\"containers\": [{\"name\": \"c\"}]}}"

static const char *row_text(const json_t *record, size_t row, const char *key)
{
	return json_string_value(
	    json_object_get(json_array_get(json_object_get(record, "pods"), row), key));
}

static void test_names(void **state)
{
	struct topo_wishes wishes = {};
	json_t *record = plan_of(
	    "[" POD("\"name\": \"web\"") "," POD("\"name\": \"a-rather-long-name\"") "," POD(
		"\"name\": \"b-c\", \"namespace\": \"a\"") "," POD("\"name\": \"c\", "
								   "\"namespace\": \"a-b\"") "]",
	    &wishes);

	(void)state;
	assert_non_null(record);
	assert_string_equal(row_text(record, 0, "host"), "web-h");
	assert_string_equal(row_text(record, 0, "netns"), "default.web");
	assert_string_equal(row_text(record, 0, "peer"), "eth0");
	assert_int_equal(strlen(row_text(record, 1, "host")), 15);
	/* "a-b-c-h" can be but one of them */
	assert_string_equal(row_text(record, 2, "host"), "a-b-c-h");
	assert_int_equal(strncmp(row_text(record, 3, "host"), "c-", 2), 0);
	assert_string_not_equal(row_text(record, 2, "mac"), row_text(record, 3, "mac"));
	json_decref(record);
}

static void test_only_ipv4(void **state)
{
	struct topo_wishes wishes = {.only_ipv4 = true};
	json_t *record = plan_of("[" POD("\"name\": \"web\"") "]", &wishes), *pods;

	(void)state;
	pods = json_object_get(record, "pods");
	assert_int_equal(json_array_size(json_object_get(json_array_get(pods, 0), "addresses")), 1);
	assert_int_equal(
	    json_array_size(json_object_get(json_object_get(record, "bridge"), "addresses")), 1);
	json_decref(record);
}

static void test_many(void **state)
{
	struct topo_wishes wishes = {};
	json_t *record, *addresses, *objects = json_array();
	char *text;

	(void)state;
	for (int i = 0; i < 600; i++)
		json_array_append_new(objects, json_pack("{s:s, s:s, s:{s:o}, s:{s:[{s:s}]}}",
							 "kind", "Pod", "apiVersion", "v1",
							 "metadata", "name", json_sprintf("p%d", i),
							 "spec", "containers", "name", "c"));
	text = json_dumps(objects, 0);
	record = plan_of(text, &wishes);
	assert_non_null(record);
	addresses =
	    json_object_get(json_array_get(json_object_get(record, "pods"), 599), "addresses");
	assert_string_equal(json_string_value(json_array_get(addresses, 0)), "10.0.2.89/16");
	free(text);
	json_decref(record);
	json_decref(objects);
}

static void test_same(void **state)
{
	struct topo_wishes wishes = {};
	json_t *one = plan_of("[" POD("\"name\": \"web\"") "]", &wishes);
	json_t *other = json_deep_copy(one);
	json_t *pod = json_array_get(json_object_get(other, "pods"), 0);

	(void)state;
	json_object_set_new(pod, "server", json_pack("{s:i}", "pid", 7));
	assert_true(topo_same(one, other));
	json_object_set_new(pod, "host", json_string("another"));
	assert_false(topo_same(one, other));
	json_decref(one);
	json_decref(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ports),      cmocka_unit_test(test_macs),
	    cmocka_unit_test(test_allocation), cmocka_unit_test(test_covering),
	    cmocka_unit_test(test_names),      cmocka_unit_test(test_only_ipv4),
	    cmocka_unit_test(test_many),       cmocka_unit_test(test_same),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	failure_clear();
	return failed;
}
