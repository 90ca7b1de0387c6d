// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/resolve.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"

#define HOSTS_LIFETIME 60 /* of what a file says */

static void add(struct resolved *resolved, const struct address *address)
{
	for (size_t i = 0; i < resolved->count; i++)
		if (!address_compare(&resolved->address[i], address))
			return;
	GROW(resolved->address, resolved->count, resolved->capacity);
	resolved->address[resolved->count++] = *address;
}

static bool line_names(char *line, const char *name, struct address *address)
{
	char *save, *word;

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t", &save);
	if (!word || address_parse(word, address))
		return false;
	while ((word = strtok_r(NULL, " \t", &save)))
		if (!strcasecmp(word, name))
			return true;
	return false;
}

static void ask_hosts(const char *name, struct resolved *resolved)
{
	FILE *hosts = fopen(_PATH_HOSTS, "re");
	struct address address;
	char *line = NULL;
	size_t size = 0;

	while (hosts && getline(&line, &size, hosts) >= 0)
		if (line_names(line, name, &address))
			add(resolved, &address);
	free(line);
	if (hosts)
		fclose(hosts);
	resolved->lifetime = HOSTS_LIFETIME;
}

/* Addresses, and the aliases that lead to them, by their records in the answer. */
static int take_records(const unsigned char *message, int length, struct resolved *resolved)
{
	ns_msg parsed;
	ns_rr record;

	if (ns_initparse(message, length, &parsed))
		return -1;
	for (int i = 0; i < ns_msg_count(parsed, ns_s_an); i++) {
		struct address address = {.family = 0};

		if (ns_parserr(&parsed, ns_s_an, i, &record))
			return -1;
		if (ns_rr_ttl(record) < resolved->lifetime)
			resolved->lifetime = ns_rr_ttl(record);
		if (ns_rr_type(record) == ns_t_a && ns_rr_rdlen(record) == 4)
			address.family = 4;
		else if (ns_rr_type(record) == ns_t_aaaa && ns_rr_rdlen(record) == 16)
			address.family = 6;
		else
			continue;
		memcpy(address.bytes, ns_rr_rdata(record), ns_rr_rdlen(record));
		add(resolved, &address);
	}
	return 0;
}

/* h_errno's word for what went wrong; 0 also when there is no address of that family. */
static int ask(res_state state, const char *name, int type, struct resolved *resolved)
{
	unsigned char *message = xalloc(NS_MAXMSG);
	int length = res_nquery(state, name, ns_c_in, type, message, NS_MAXMSG), error = 0;

	if (length < 0)
		error = state->res_h_errno == NO_DATA ? 0 : state->res_h_errno;
	else if (take_records(message, length < NS_MAXMSG ? length : NS_MAXMSG, resolved))
		error = NO_RECOVERY;
	free(message);
	return error;
}

static int fail_to_resolve(const char *name, int error)
{
	switch (error) {
	case HOST_NOT_FOUND:
		return fail("name %s does not exist", name);
	case TRY_AGAIN:
		return fail("name %s cannot be resolved: no name server answers", name);
	case 0:
		return fail("name %s has no address", name);
	default:
		return fail("name %s cannot be resolved: %s", name, hstrerror(error));
	}
}

int resolve(const char *name, struct resolved *resolved)
{
	struct __res_state state = {0};
	int error;

	*resolved = (struct resolved){.lifetime = UINT32_MAX};
	ask_hosts(name, resolved);
	if (resolved->count)
		return 0;
	resolved->lifetime = UINT32_MAX;
	if (res_ninit(&state))
		return fail("name %s cannot be resolved: /etc/resolv.conf cannot be read", name);
	error = ask(&state, name, ns_t_a, resolved);
	if (!error)
		error = ask(&state, name, ns_t_aaaa, resolved);
	res_nclose(&state);
	if (!error && resolved->count)
		return 0;
	free(resolved->address);
	*resolved = (struct resolved){0};
	return fail_to_resolve(name, error);
}
