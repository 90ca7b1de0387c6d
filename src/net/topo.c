// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/topo.h"
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/base.h"
#include "net/links.h"
#include "net/netns.h"
#include "base/port.h"
#include "net/server.h"
#include "net/topo_parts.h"

json_t *topo_default(void)
{
	static const struct {
		const char *name, *netns, *link;
		int number, port;
	} lab[] = {
	    {"backend", "ns-backend", "veth-be", 10, 8080},
	    {"allowed", "ns-allowed", "veth-allow", 20, 0},
	    {"denied", "ns-denied", "veth-deny", 30, 0},
	};
	json_t *pods = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(lab); i++) {
		json_t *container = json_pack("{s:s}", "name", lab[i].name);

		if (lab[i].port)
			json_object_set_new(container, "ports",
					    json_pack("[{s:i}]", "containerPort", lab[i].port));
		json_array_append_new(
		    pods,
		    json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}, s:{s:s, s:o, s:o}},"
			      " s:{s:[o]}, s:{s:[{s:o}, {s:o}]}}",
			      "apiVersion", "v1", "kind", "Pod", "metadata", "name", lab[i].name,
			      "namespace", "default", "labels", "app", lab[i].name, "annotations",
			      ANNOTATION_NETNS, lab[i].netns, ANNOTATION_HOST,
			      json_sprintf("%s-h", lab[i].link), ANNOTATION_PEER,
			      json_sprintf("%s-p", lab[i].link), "spec", "containers", container,
			      "status", "podIPs", "ip", json_sprintf("10.0.0.%d", lab[i].number),
			      "ip", json_sprintf("fd00:6e70::%d", lab[i].number)));
	}
	return pods;
}

const char *part_text(const json_t *part, const char *key)
{
	const char *text = json_string_value(json_object_get(part, key));

	return text ? text : "";
}

int part_addresses(const json_t *part, const char *key, struct link_address *addresses)
{
	json_t *array = json_object_get(part, key), *each;
	int count = 0;
	size_t i;

	json_array_foreach (array, i, each) {
		const char *text = json_string_value(each),
			   *slash = text ? strchr(text, '/') : NULL;
		struct link_address *address = &addresses[count];
		char head[ADDRESS_TEXT];

		if (!slash || count == ADDRESSES_MOST || slash - text >= (int)sizeof(head))
			continue;
		snprintf(head, sizeof(head), "%.*s", (int)(slash - text), text);
		if (address_parse(head, &address->address))
			continue;
		address->length = atoi(slash + 1);
		count++;
	}
	return count;
}

bool link_is_ours(const struct link_state *state, const char *mark, const char *mac)
{
	uint8_t ours[6];

	if (*state->alias)
		return !strcmp(state->alias, mark);
	return !mac_parse(mac, ours) && !memcmp(state->mac, ours, sizeof(ours));
}

/* 1: npctl's, 0: nothing has the name, FAILED: somebody else's. */
static int netns_whose(const char *netns, const char *mark)
{
	struct link_state loopback = {};
	struct nl_sock *links;

	if (!netns_exists(netns))
		return 0;
	if (netns_is_hollow(netns))
		return 1;
	if (!links_open(netns, &links)) {
		link_find(links, "lo", &loopback);
		links_close(links);
	}
	if (!strcmp(loopback.alias, mark))
		return 1;
	return fail("network namespace %s exists and is not npctl's", netns);
}

static int fail_foreign(const char *name, const struct link_state *state)
{
	if (strncmp(state->alias, "npctl ", 6))
		return fail("interface %s exists and is not npctl's", name);
	fail("interface %s belongs to the npctl instance at %s", name, state->alias + 6);
	return fail_mend("npctl --root %s topo down", state->alias + 6);
}

static int check_link(struct nl_sock *links, const json_t *record, const char *name,
		      const char *mac)
{
	struct link_state state;

	if (link_find(links, name, &state))
		return FAILED;
	if (!state.ifindex || link_is_ours(&state, part_text(record, "mark"), mac))
		return 0;
	return fail_foreign(name, &state);
}

static bool overlap(const struct link_address *a, const struct link_address *b)
{
	struct link_address wide = a->length < b->length ? *a : *b;
	struct link_address narrow = a->length < b->length ? *b : *a;
	struct prefix prefix;
	char text[ADDRESS_TEXT], whole[ADDRESS_TEXT + 8];

	snprintf(whole, sizeof(whole), "%s/%u", address_text(&wide.address, text), wide.length);
	return !prefix_parse(whole, &prefix) && prefix_contains(&prefix, &narrow.address);
}

/* Two interfaces with one subnet would take each other's packets. */
static int check_addresses(struct nl_sock *links, const json_t *record, const json_t *part,
			   const char *key)
{
	struct link_address wanted[ADDRESSES_MOST], *present;
	int wanted_count = part_addresses(part, key, wanted), error = 0;
	size_t count;

	if (links_addresses(links, &present, &count))
		return FAILED;
	for (size_t i = 0; i < count * wanted_count && !error; i++) {
		struct link_address *one = &wanted[i / count], *other = &present[i % count];
		char name[IF_NAMESIZE] = "", text[ADDRESS_TEXT];
		struct link_state state;

		if (!overlap(one, other) || !if_indextoname(other->ifindex, name) ||
		    link_find(links, name, &state) ||
		    !strcmp(state.alias, part_text(record, "mark")) ||
		    !strcmp(name, part_text(json_object_get(record, "bridge"), "name")))
			continue;
		error = fail("interface %s already has an address in the subnet of %s/%u", name,
			     address_text(&one->address, text), one->length);
	}
	free(present);
	return error;
}

static int check_bridge(struct nl_sock *links, const json_t *record)
{
	const json_t *bridge = json_object_get(record, "bridge");

	if (!bridge)
		return 0;
	if (check_link(links, record, part_text(bridge, "name"), part_text(bridge, "mac")))
		return FAILED;
	return check_addresses(links, record, bridge, "addresses");
}

static int check_pod(struct nl_sock *links, const json_t *record, const json_t *pod)
{
	if (check_link(links, record, part_text(pod, "host"), part_text(pod, "host_mac")) ||
	    netns_whose(part_text(pod, "netns"), part_text(record, "mark")) < 0)
		return FAILED;
	return json_object_get(pod, "host_addresses")
		   ? check_addresses(links, record, pod, "host_addresses")
		   : 0;
}

int topo_check(const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	struct nl_sock *links;
	int error;
	size_t i;

	if (links_open(NULL, &links))
		return FAILED;
	error = check_bridge(links, record);
	json_array_foreach (pods, i, pod)
		error = error ? error : check_pod(links, record, pod);
	links_close(links);
	return error;
}

/* The links of a record that are there and npctl's. */
struct removal {
	struct nl_sock *links;
	int *ifindexes;
	size_t count;
};

static int remove_link(struct removal *removal, const json_t *record, const char *name,
		       const char *mac)
{
	struct link_state state;

	if (link_find(removal->links, name, &state))
		return FAILED;
	if (!state.ifindex || !link_is_ours(&state, part_text(record, "mark"), mac))
		return 0;
	step("ip link del %s", name);
	removal->ifindexes[removal->count++] = state.ifindex;
	return 0;
}

static void stop_server(const json_t *pod)
{
	const json_t *server = json_object_get(pod, "server");

	server_stop(json_integer_value(json_object_get(server, "pid")),
		    json_integer_value(json_object_get(server, "started")));
}

static int remove_links(struct removal *removal, const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	const json_t *bridge = json_object_get(record, "bridge");
	int error = 0;
	size_t i;

	json_array_foreach (pods, i, pod) {
		stop_server(pod);
		if (remove_link(removal, record, part_text(pod, "host"),
				part_text(pod, "host_mac")))
			error = FAILED;
	}
	if (bridge &&
	    remove_link(removal, record, part_text(bridge, "name"), part_text(bridge, "mac")))
		error = FAILED;
	if (links_remove(removal->links, removal->ifindexes, removal->count))
		error = FAILED;
	return error;
}

/* Goes on after a failure; the last one is what is said. */
int topo_remove(const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	struct removal removal = {};
	int error;
	size_t i;

	if (links_open(NULL, &removal.links))
		return FAILED;
	removal.ifindexes = xalloc((json_array_size(pods) + 1) * sizeof(*removal.ifindexes));
	error = remove_links(&removal, record);
	json_array_foreach (pods, i, pod) {
		const char *netns = part_text(pod, "netns");

		if (netns_whose(netns, part_text(record, "mark")) == 1 && netns_remove(netns))
			error = FAILED;
	}
	links_close(removal.links);
	free(removal.ifindexes);
	if (!error)
		failure_clear();
	return error;
}

static void warn_of_sctp(const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *pod, *port;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);
	size_t i, j;

	if (fd >= 0) {
		close(fd);
		return;
	}
	json_array_foreach (pods, i, pod)
		json_array_foreach (json_object_get(pod, "ports"), j, port)
			if (!strncmp(json_string_value(port), "sctp/", 5))
				warn("pod \"%s\": nobody listens on %s: this kernel has no SCTP",
				     part_text(pod, "pod"), json_string_value(port));
}

static void step_server(const json_t *pod)
{
	json_t *ports = json_object_get(pod, "ports"), *each;
	struct port port;
	size_t i;

	json_array_foreach (ports, i, each)
		if (!port_parse(json_string_value(each), &port))
			step("ip netns exec %s ncat -lk %s%u --sh-exec 'echo %s; cat' &",
			     part_text(pod, "netns"),
			     port.protocol == IPPROTO_UDP    ? "--udp "
			     : port.protocol == IPPROTO_SCTP ? "--sctp "
							     : "",
			     port.number, part_text(pod, "pod"));
}

static int start_servers(json_t *pods, struct server *servers)
{
	json_t *pod;
	size_t i;

	json_array_foreach (pods, i, pod) {
		servers[i] = (struct server){
		    .pod = part_text(pod, "pod"),
		    .netns = part_text(pod, "netns"),
		    .interface = part_text(pod, "peer"),
		    .ports = json_object_get(pod, "ports"),
		    .answer = -1,
		};
		step_server(pod);
		if (json_array_size(servers[i].ports) && server_start(&servers[i]))
			return FAILED;
	}
	return 0;
}

int topo_serve(json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	struct server *servers = xalloc(json_array_size(pods) * sizeof(*servers));
	int error;
	size_t i;

	warn_of_sctp(record);
	fflush(NULL);
	error = start_servers(pods, servers);
	json_array_foreach (pods, i, pod) {
		if (servers[i].pid <= 0)
			continue;
		if (server_wait(&servers[i]))
			error = FAILED;
		else
			json_object_set_new(pod, "server",
					    json_pack("{s:i, s:I}", "pid", servers[i].pid,
						      "started", (json_int_t)servers[i].started));
	}
	free(servers);
	if (error)
		topo_undo(record);
	return error;
}

void topo_undo(const json_t *record)
{
	char *sentence = xstrdup(failure()), *mend = xstrdup(failure_mend());

	topo_remove(record);
	fail("%s", sentence);
	if (*mend)
		fail_mend("%s", mend);
	free(sentence);
	free(mend);
}

static json_t *without_servers(const json_t *record)
{
	json_t *copy = json_deep_copy(record), *pod;
	size_t i;

	json_object_del(copy, "attached");
	json_array_foreach (json_object_get(copy, "pods"), i, pod)
		json_object_del(pod, "server");
	return copy;
}

bool topo_same(const json_t *a, const json_t *b)
{
	json_t *one = without_servers(a), *other = without_servers(b);
	bool same = json_equal(one, other);

	json_decref(one);
	json_decref(other);
	return same;
}

const json_t *topo_pod(const json_t *record, const char *name)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	const json_t *found = NULL;
	size_t i;

	json_array_foreach (pods, i, pod) {
		const char *full = part_text(pod, "pod"), *bare = strchr(full, '/');

		if (!strcmp(full, name))
			return pod;
		if (!bare || strcmp(bare + 1, name))
			continue;
		if (found) {
			fail("pod \"%s\" exists in several namespaces: write NAMESPACE/%s", name,
			     name);
			return NULL;
		}
		found = pod;
	}
	if (!found) {
		fail("pod \"%s\" does not exist", name);
		fail_mend("npctl topo show");
	}
	return found;
}

int topo_exec(const char *netns, char *const argv[])
{
	if (netns_enter(netns))
		return FAILED;
	execvp(argv[0], argv);
	return fail("run %s: %s", argv[0], strerror(errno));
}
