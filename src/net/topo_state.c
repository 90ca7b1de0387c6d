// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is there of a record, as it is now. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "net/links.h"
#include "net/netns.h"
#include "net/server.h"
#include "net/topo.h"
#include "net/topo_parts.h"

#define UP "up"

struct look {
	const json_t *record;
	struct nl_sock *links;
	/* of the host */
	struct link_address *addresses;
	size_t address_count;
	int bridge; /* ifindex */
};

static bool has_addresses(const struct link_address *present, size_t count, int ifindex,
			  const json_t *part, const char *key)
{
	struct link_address wanted[ADDRESSES_MOST];
	int wanted_count = part_addresses(part, key, wanted);

	for (int i = 0; i < wanted_count; i++) {
		bool found = false;

		for (size_t j = 0; j < count; j++)
			found =
			    found || (present[j].ifindex == ifindex &&
				      present[j].length == wanted[i].length &&
				      !address_compare(&present[j].address, &wanted[i].address));
		if (!found)
			return false;
	}
	return true;
}

static const char *link_word(struct nl_sock *links, const struct look *look, const char *name,
			     struct link_state *state)
{
	if (link_find(links, name, state) || !state->ifindex)
		return "no interface";
	if (strcmp(state->alias, part_text(look->record, "mark")))
		return "foreign interface";
	return state->up ? UP : "interface down";
}

static const char *bridge_word(struct look *look)
{
	const json_t *bridge = json_object_get(look->record, "bridge");
	struct link_state state;
	const char *word;

	if (!bridge)
		return UP;
	word = link_word(look->links, look, part_text(bridge, "name"), &state);
	look->bridge = state.ifindex;
	if (!strcmp(word, UP) && !has_addresses(look->addresses, look->address_count, state.ifindex,
						bridge, "addresses"))
		return "no address";
	return word;
}

static const char *pod_end_word(const struct look *look, const json_t *pod)
{
	struct link_address *addresses = NULL;
	struct link_state loopback, state;
	const char *word = "no namespace";
	struct nl_sock *links;
	size_t count = 0;

	if (links_open(part_text(pod, "netns"), &links))
		return netns_exists(part_text(pod, "netns")) ? "no access" : word;
	if (!strcmp(link_word(links, look, "lo", &loopback), UP))
		word = link_word(links, look, part_text(pod, "peer"), &state);
	if (!strcmp(word, UP) &&
	    (links_addresses(links, &addresses, &count) ||
	     !has_addresses(addresses, count, state.ifindex, pod, "addresses")))
		word = "no address";
	free(addresses);
	links_close(links);
	return word;
}

static bool is_served(const json_t *pod)
{
	const json_t *server = json_object_get(pod, "server");

	return !json_array_size(json_object_get(pod, "ports")) ||
	       server_alive(json_integer_value(json_object_get(server, "pid")),
			    json_integer_value(json_object_get(server, "started")));
}

static const char *pod_word(const struct look *look, const json_t *pod, int *ifindex)
{
	bool bridged = !json_object_get(pod, "host_addresses");
	struct link_state state;
	const char *word = link_word(look->links, look, part_text(pod, "host"), &state);

	*ifindex = state.ifindex;
	if (!strcmp(word, UP) && bridged && (!look->bridge || state.master != look->bridge))
		word = "not on the bridge";
	if (!strcmp(word, UP) && !has_addresses(look->addresses, look->address_count, state.ifindex,
						pod, "host_addresses"))
		word = "no address";
	if (!strcmp(word, UP))
		word = pod_end_word(look, pod);
	if (!strcmp(word, UP) && !is_served(pod))
		word = "no server";
	return word;
}

static int look_open(struct look *look, const json_t *record)
{
	*look = (struct look){.record = record};
	if (links_open(NULL, &look->links) ||
	    links_addresses(look->links, &look->addresses, &look->address_count))
		return FAILED;
	return 0;
}

static void look_close(struct look *look)
{
	links_close(look->links);
	free(look->addresses);
	failure_clear();
}

bool topo_is_made(const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *pod;
	struct look look;
	bool made = !look_open(&look, record) && !strcmp(bridge_word(&look), UP);
	int ifindex;
	size_t i;

	json_array_foreach (pods, i, pod)
		made = made && !strcmp(pod_word(&look, pod, &ifindex), UP);
	look_close(&look);
	return made;
}

/* Without the lengths of the subnets. */
static json_t *bare_addresses(const json_t *pod)
{
	json_t *array = json_object_get(pod, "addresses"), *bare = json_array(), *each;
	size_t i;

	json_array_foreach (array, i, each) {
		const char *text = json_string_value(each);

		json_array_append_new(bare, json_stringn(text, strcspn(text, "/")));
	}
	return bare;
}

json_t *topo_rows(const json_t *record)
{
	json_t *pods = json_object_get(record, "pods"), *rows = json_array(), *pod;
	struct look look;
	size_t i;

	if (!look_open(&look, record))
		bridge_word(&look);
	json_array_foreach (pods, i, pod) {
		const char *word = "no access";
		int ifindex = 0;

		if (look.links)
			word = pod_word(&look, pod, &ifindex);
		json_array_append_new(
		    rows,
		    json_pack("{s:O, s:O, s:O, s:i, s:O, s:o, s:O, s:s}", "pod",
			      json_object_get(pod, "pod"), "netns", json_object_get(pod, "netns"),
			      "interface", json_object_get(pod, "host"), "ifindex", ifindex, "mac",
			      json_object_get(pod, "mac"), "addresses", bare_addresses(pod),
			      "ports", json_object_get(pod, "ports"), "state", word));
	}
	look_close(&look);
	return rows;
}
