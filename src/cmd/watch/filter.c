// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/watch/filter.h"
#include "base/port.h"
#include "kernel/cgroup.h"
#include "watch/event_text.h"
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

int filter_protocol(const char *text, uint8_t *protocol)
{
	if (!ip_protocol_parse(text, protocol))
		return misuse("\"%s\" is not a protocol (tcp, udp, sctp, icmp, icmpv6 or a number)",
			      text);
	return 0;
}

int filter_port(const char *text, uint8_t *protocol, uint16_t *port)
{
	const char *slash = strchr(text, '/'), *digits = slash ? slash + 1 : text;
	unsigned long number;
	char *end;

	if (slash) {
		char *word = xstrdup(text);
		int error;

		word[slash - text] = '\0';
		error = filter_protocol(word, protocol);
		free(word);
		if (error)
			return error;
	}
	errno = 0;
	number = strtoul(digits, &end, 10);
	if (*end || *digits < '0' || *digits > '9' || errno || !number || number > UINT16_MAX)
		return misuse("\"%s\" is not a port (80 or tcp/80; from 1 to 65535)", text);
	*port = (uint16_t)number;
	return 0;
}

int filter_pod(const char *pod, const struct names *names, uint32_t *ifindex)
{
	struct address none;

	*ifindex = names_ifindex(names, pod);
	if (*ifindex)
		return 0;
	if (names_pod_addresses(names, pod, &none, 0) < 0)
		return fail("pod \"%s\" does not exist", pod);
	fail("pod \"%s\" is not attached: nothing is seen of it", pod);
	return fail_mend("npctl attach pod %s", pod);
}

int filter_user(const char *text, uint32_t *uid)
{
	const struct passwd *user = getpwnam(text);
	unsigned long number;
	char *end;

	if (!strcmp(text, "none"))
		*uid = USER_NONE;
	else if (user)
		*uid = user->pw_uid;
	if (user || !strcmp(text, "none"))
		return 0;
	if (*text < '0' || *text > '9')
		return fail("user \"%s\" does not exist", text);
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*end || errno || number >= USER_NONE)
		return misuse("\"%s\" is neither a user nor the number of one", text);
	*uid = (uint32_t)number;
	return 0;
}

/* The number of a cgroup that is there, or 0. */
static uint64_t cgroup_of_number(const char *text)
{
	char *end, *path = NULL;
	uint64_t number = strtoull(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end)
		path = cgroup_path(number);
	free(path);
	return path ? number : 0;
}

int filter_cgroup(const char *text, uint64_t *cgroup)
{
	char *path;

	*cgroup = cgroup_of_number(text);
	if (*cgroup)
		return 0;
	if (cgroup_find(text, &path)) {
		if (strchr(text, '/') || cgroup_of_container(text, &path))
			return FAILED;
		failure_clear();
	}
	*cgroup = cgroup_id(path);
	free(path);
	return *cgroup ? 0 : fail("cgroup \"%s\" is gone", text);
}

int filter_peer(const char *text, const struct names *names,
		struct prefix prefixes[static FILTER_PREFIXES], size_t *count)
{
	struct address addresses[FILTER_PREFIXES];
	int found;

	if (!prefix_parse(text, &prefixes[0])) {
		*count = 1;
		return 0;
	}
	found = names_pod_addresses(names, text, addresses, FILTER_PREFIXES);
	if (found < 0)
		return fail("\"%s\" is neither an address, a prefix nor a pod", text);
	*count = found < FILTER_PREFIXES ? found : FILTER_PREFIXES;
	for (size_t i = 0; i < *count; i++)
		prefixes[i] = (struct prefix){addresses[i], addresses[i].family == 4 ? 32 : 128};
	return 0;
}

bool filter_matches(const struct prefix *prefixes, size_t count, const struct address *address)
{
	bool matches = !count;

	for (size_t i = 0; i < count && !matches; i++)
		matches = prefix_contains(&prefixes[i], address);
	return matches;
}
