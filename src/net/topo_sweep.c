// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Cleaning up when no record is left: all that bears the mark goes. */
#include <dirent.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "net/links.h"
#include "net/netns.h"
#include "net/topo.h"

static int sweep_links(const char *mark, bool *found)
{
	struct if_nameindex *all = if_nameindex(), *each;
	size_t count = 0, capacity = 0;
	int *ifindexes = NULL, error;
	struct link_state state;
	struct nl_sock *links;

	error = links_open(NULL, &links);
	for (each = all; each && each->if_index && !error; each++) {
		error = link_find(links, each->if_name, &state);
		if (error || !state.ifindex || strcmp(state.alias, mark) ||
		    !strcmp(each->if_name, "lo"))
			continue;
		step("ip link del %s", each->if_name);
		GROW(ifindexes, count, capacity);
		ifindexes[count++] = state.ifindex;
	}
	*found = count > 0;
	if (!error)
		error = links_remove(links, ifindexes, count);
	links_close(links);
	free(ifindexes);
	if (all)
		if_freenameindex(all);
	return error;
}

static bool netns_is_marked(const char *netns, const char *mark)
{
	struct link_state loopback = {};
	struct nl_sock *links;

	if (netns_is_hollow(netns) || links_open(netns, &links))
		return false;
	link_find(links, "lo", &loopback);
	links_close(links);
	return !strcmp(loopback.alias, mark);
}

static int sweep_netns(const char *mark, bool *found)
{
	DIR *folder = opendir(NETNS_FOLDER);
	struct dirent *entry;
	int error = 0;

	while (folder && !error && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.' || !netns_is_marked(entry->d_name, mark))
			continue;
		*found = true;
		error = netns_remove(entry->d_name);
	}
	if (folder)
		closedir(folder);
	return error;
}

int topo_sweep(const char *mark, bool *found)
{
	bool some = false;
	int error = sweep_links(mark, &some);

	if (!error)
		error = sweep_netns(mark, &some);
	if (!error)
		failure_clear(); /* of namespaces that are not ours to look into */
	if (found)
		*found = some;
	return error;
}
