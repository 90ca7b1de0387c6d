// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/masquerade.h"
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "base/library.h"

#define CALLS(X)                    \
	X(nft_ctx_new)              \
	X(nft_ctx_free)             \
	X(nft_ctx_buffer_output)    \
	X(nft_ctx_buffer_error)     \
	X(nft_ctx_get_error_buffer) \
	X(nft_run_cmd_from_buffer)

static struct {
#define X(call) typeof(call) *call;
	CALLS(X)
#undef X
} library;

static int open_nftables(void)
{
#define X(call) #call,
	static const char *const calls[] = {CALLS(X) NULL};
#undef X
	static const struct library nftables = {
	    .purpose = "masquerading",
	    .package = "libnftables1",
	    .names = {"libnftables.so.1"},
	    .calls = calls,
	};

	return library.nft_ctx_new ? 0 : library_open(&nftables, &library);
}

static int run(const char *commands)
{
	struct nft_ctx *nft;
	int error;

	if (open_nftables())
		return FAILED;
	nft = library.nft_ctx_new(NFT_CTX_DEFAULT);
	if (!nft)
		return fail("open nftables: not enough memory");
	library.nft_ctx_buffer_output(nft);
	library.nft_ctx_buffer_error(nft);
	error = library.nft_run_cmd_from_buffer(nft, commands);
	if (error) {
		const char *why = library.nft_ctx_get_error_buffer(nft);

		error = fail("masquerade by nftables: %.*s", (int)strcspn(why, "\n"), why);
	}
	library.nft_ctx_free(nft);
	return error;
}

static const char *family_of(const struct prefix *prefix)
{
	return prefix->address.family == 4 ? "ip" : "ip6";
}

static void write_rules(FILE *to, const char *table, const struct masquerade *masquerade)
{
	char text[ADDRESS_TEXT];

	fprintf(to,
		"add chain inet %s postrouting "
		"{ type nat hook postrouting priority srcnat; policy accept; }\n",
		table);
	fprintf(to, "add rule inet %s postrouting ip daddr 224.0.0.0/4 return\n", table);
	fprintf(to, "add rule inet %s postrouting ip6 daddr ff00::/8 return\n", table);
	for (size_t i = 0; i < masquerade->except_count; i++)
		fprintf(to, "add rule inet %s postrouting %s daddr %s return\n", table,
			family_of(&masquerade->excepts[i]),
			prefix_text(&masquerade->excepts[i], text));
	for (size_t i = 0; i < masquerade->source_count; i++)
		fprintf(to, "add rule inet %s postrouting %s saddr %s masquerade\n", table,
			family_of(&masquerade->sources[i]),
			prefix_text(&masquerade->sources[i], text));
}

int masquerade_set(const char *table, const struct masquerade *masquerade)
{
	char *commands = NULL;
	size_t size;
	FILE *to = open_memstream(&commands, &size);
	int error;

	if (!to)
		abort();
	/* to be deleted it has to be there: one batch, so nobody sees it missing */
	fprintf(to, "add table inet %s\ndelete table inet %s\n", table, table);
	if (masquerade->source_count) {
		fprintf(to, "add table inet %s\n", table);
		write_rules(to, table, masquerade);
	}
	fclose(to);
	error = run(commands);
	free(commands);
	return error;
}

bool masquerade_is_set(const char *table)
{
	char *command = xprintf("list table inet %s", table);
	bool set = !run(command);

	if (!set)
		failure_clear();
	free(command);
	return set;
}
