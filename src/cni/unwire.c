// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "cni/attachment.h"
#include "manifest/schema.h"

#define MARK "npctl-cni"

/* As long as an alias may be. */
static char *cut(char *mark)
{
	if (strlen(mark) >= ALIAS_TEXT)
		mark[ALIAS_TEXT - 1] = '\0';
	return mark;
}

char *wire_mark(const struct request *request, const char *container, const char *ifname)
{
	return cut(xprintf(MARK " %s %s %s %s", request->config.root, request->network, container,
			   ifname));
}

char *wire_bridge_mark(const struct request *request)
{
	return cut(xprintf(MARK "-bridge %s", request->config.root));
}

/* After a crash between its making and its marking, the MAC tells. */
bool wire_is_ours(const struct link_state *state, const char *mark, const struct ends *ends)
{
	if (!state->ifindex)
		return false;
	if (*state->alias)
		return !strcmp(state->alias, mark);
	return !memcmp(state->mac, ends->host_mac, sizeof(state->mac));
}

int wire_remove(const struct request *request, const char *container, const char *ifname,
		uint32_t *ifindex)
{
	char *mark = wire_mark(request, container, ifname);
	struct link_state state;
	struct nl_sock *links;
	struct ends ends;
	int error = links_open(NULL, &links);

	*ifindex = 0;
	ends_name(request->network, container, ifname, &ends);
	if (!error)
		error = link_find(links, ends.host, &state);
	if (!error && wire_is_ours(&state, mark, &ends)) {
		*ifindex = (uint32_t)state.ifindex;
		error = link_remove(links, state.ifindex);
	}
	links_close(links);
	free(mark);
	return error;
}

int wire_remove_bridge(const struct request *request, const char *bridge)
{
	char *mark = wire_bridge_mark(request);
	struct link_state state;
	struct nl_sock *links;
	int ports, error = links_open(NULL, &links);

	if (!error)
		error = link_find(links, bridge, &state);
	if (!error && state.ifindex && !strcmp(state.alias, mark)) {
		ports = links_on_bridge(links, state.ifindex);
		error = ports < 0 ? FAILED : ports ? 0 : link_remove(links, state.ifindex);
	}
	links_close(links);
	free(mark);
	return error;
}

static bool is_recorded(const json_t *document, const char *host)
{
	json_t *record;
	size_t i;

	json_array_foreach (json_object_get(document, "attachments"), i, record)
		if (!strcmp(field_text(record, "host", ""), host))
			return true;
	return false;
}

int wire_sweep(const struct request *request, const json_t *document)
{
	char *mark = cut(xprintf(MARK " %s %s ", request->config.root, request->network));
	struct if_nameindex *all = if_nameindex(), *each;
	struct link_state state;
	struct nl_sock *links;
	int error = links_open(NULL, &links);

	for (each = all; each && each->if_index && !error; each++) {
		if (strncmp(each->if_name, "npc", 3) != 0 || is_recorded(document, each->if_name))
			continue;
		error = link_find(links, each->if_name, &state);
		if (!error && state.ifindex && !strncmp(state.alias, mark, strlen(mark)))
			error = link_remove(links, state.ifindex);
	}
	links_close(links);
	free(mark);
	if (all)
		if_freenameindex(all);
	return error;
}
