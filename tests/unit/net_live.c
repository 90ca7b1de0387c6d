// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Probes and socket listings between two namespaces; as root, in a room. */
#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/base.h"
#include "net/netns.h"
#include "net/probe.h"
#include "net/sockets.h"
#include "net/topo.h"
#include "model/model.h"

static json_t *record;

static int set_up(void **state)
{
	json_t *pods = topo_default(), *pod, *ports;
	struct model *model = model_new();
	struct topo_wishes wishes = {};
	size_t i;

	(void)state;
	ports = json_pack("[{s:i}, {s:i, s:s}]", "containerPort", 8080, "containerPort", 53,
			  "protocol", "UDP");
	json_array_foreach (pods, i, pod) {
		if (i == 0)
			json_object_set_new(
			    json_array_get(
				json_object_get(json_object_get(pod, "spec"), "containers"), 0),
			    "ports", ports);
		assert_int_equal(model_add(model, pod, "test"), 0);
	}
	assert_int_equal(topo_plan(model, &wishes, &record), 0);
	json_object_set_new(record, "mark", json_string("npctl unit test"));
	model_free(model);
	json_decref(pods);
	return topo_check(record) || topo_make(record) || topo_serve(record);
}

static int tear_down(void **state)
{
	int error = topo_remove(record);

	(void)state;
	json_decref(record);
	return error;
}

static struct probe probe_to(const char *netns, const char *address, uint8_t protocol,
			     uint16_t port)
{
	struct probe probe = {
	    .netns = netns, .protocol = protocol, .port = port, .timeout_ms = 300};

	assert_int_equal(address_parse(address, &probe.to), 0);
	return probe;
}

static void test_probes(void **state)
{
	struct {
		struct probe probe;
		int error;
		const char *answer;
	} cases[] = {
	    {probe_to("default.allowed", "10.0.0.10", IPPROTO_TCP, 8080), 0, "default/backend"},
	    {probe_to("default.allowed", "fd00:6e70::10", IPPROTO_TCP, 8080), 0, "default/backend"},
	    {probe_to("default.denied", "10.0.0.10", IPPROTO_UDP, 53), 0, "default/backend"},
	    {probe_to("default.denied", "fd00:6e70::10", IPPROTO_UDP, 53), 0, "default/backend"},
	    {probe_to(NULL, "10.0.0.10", IPPROTO_ICMP, 0), 0, ""},
	    {probe_to("default.allowed", "fd00:6e70::10", IPPROTO_ICMP, 0), 0, ""},
	    {probe_to("default.allowed", "10.0.0.10", IPPROTO_TCP, 81), ECONNREFUSED, ""},
	    {probe_to("default.allowed", "10.0.0.10", IPPROTO_UDP, 81), ECONNREFUSED, ""},
	    {probe_to("default.allowed", "10.0.0.99", IPPROTO_UDP, 81), ETIMEDOUT, ""},
	    {probe_to("default.allowed", "10.0.0.99", IPPROTO_ICMP, 0), ETIMEDOUT, ""},
	};
	struct probe probes[ARRAY_SIZE(cases)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		probes[i] = cases[i].probe;
	if (probes_run(probes, ARRAY_SIZE(probes)))
		print_error("%s\n", failure());
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(probes[i].error, cases[i].error);
		assert_int_equal(probes[i].connected, !cases[i].error);
		assert_string_equal(probes[i].answer, cases[i].answer);
	}
}

/* More than may have a socket at once. */
static void test_many_probes(void **state)
{
	enum { MANY = 3000 };
	struct probe *probes = xalloc(MANY * sizeof(*probes));

	(void)state;
	for (int i = 0; i < MANY; i++)
		probes[i] = probe_to(i % 2 ? "default.allowed" : "default.denied", "10.0.0.10",
				     i % 3 ? IPPROTO_TCP : IPPROTO_UDP, i % 3 ? 8080 : 53);
	for (int i = 0; i < MANY; i++)
		probes[i].timeout_ms = 5000;
	assert_int_equal(probes_run(probes, MANY), 0);
	for (int i = 0; i < MANY; i++)
		assert_true(probes[i].connected);
	free(probes);
}

static void test_no_namespace(void **state)
{
	struct probe probe = probe_to("ns-nowhere", "10.0.0.10", IPPROTO_TCP, 8080);

	(void)state;
	assert_int_equal(probes_run(&probe, 1), FAILED);
	assert_string_equal(failure(), "network namespace ns-nowhere: does not exist");
}

struct talk {
	int type, fd;
};

static int open_talk(void *data)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct talk *talk = data;

	to.sin_port = htons(talk->type == SOCK_STREAM ? 8080 : 53);
	inet_pton(AF_INET, "10.0.0.10", &to.sin_addr);
	talk->fd = socket(AF_INET, talk->type | SOCK_CLOEXEC, 0);
	return connect(talk->fd, (struct sockaddr *)&to, sizeof(to));
}

static bool listed(const char *netns, uint8_t protocol, bool accepted, const char *local,
		   const char *remote)
{
	struct connection *connections;
	char text[2][ADDRESS_TEXT];
	bool found = false;
	size_t count;

	assert_int_equal(sockets_list(netns, &connections, &count), 0);
	for (size_t i = 0; i < count; i++)
		found = found || (connections[i].protocol == protocol &&
				  connections[i].accepted == accepted &&
				  !strcmp(address_text(&connections[i].local, text[0]), local) &&
				  !strcmp(address_text(&connections[i].remote, text[1]), remote));
	free(connections);
	return found;
}

static void test_sockets(void **state)
{
	struct talk tcp = {.type = SOCK_STREAM}, udp = {.type = SOCK_DGRAM};
	char greeting[16];

	(void)state;
	assert_int_equal(netns_run("default.allowed", open_talk, &tcp), 0);
	assert_int_equal(netns_run("default.allowed", open_talk, &udp), 0);
	assert_true(read(tcp.fd, greeting, sizeof(greeting)) > 0);
	assert_true(listed("default.allowed", IPPROTO_TCP, false, "10.0.0.20", "10.0.0.10"));
	assert_true(listed("default.allowed", IPPROTO_UDP, false, "10.0.0.20", "10.0.0.10"));
	assert_true(listed("default.backend", IPPROTO_TCP, true, "10.0.0.10", "10.0.0.20"));
	assert_false(listed("default.denied", IPPROTO_TCP, false, "10.0.0.30", "10.0.0.10"));
	close(tcp.fd);
	close(udp.fd);
}

/* It does not know pidfd_open(). */
static bool under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded && strstr(preloaded, "vgpreload");
}

/* The server goes with its interface, whoever takes that away. */
static void test_server_ends(void **state)
{
	json_t *pod = json_array_get(json_object_get(record, "pods"), 0);
	int pid = json_integer_value(json_object_get(json_object_get(pod, "server"), "pid"));

	(void)state;
	if (under_valgrind())
		skip();
	assert_true(topo_is_made(record));
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(topo_remove(record), 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_false(topo_is_made(record));
	assert_int_equal(topo_remove(record), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sockets),	cmocka_unit_test(test_probes),
	    cmocka_unit_test(test_many_probes), cmocka_unit_test(test_no_namespace),
	    cmocka_unit_test(test_server_ends),
	};
	int failed;

	if (geteuid() || !getenv("NPCTL_ROOM")) {
		puts("1..0 # SKIP needs root and a room");
		return 0;
	}
	failed = cmocka_run_group_tests(tests, set_up, tear_down);
	failure_clear();
	return failed;
}
