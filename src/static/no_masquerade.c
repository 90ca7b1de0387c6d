/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Instead of what speaks to nftables, whose library is not to be had statically. */
#include "base/base.h"
#include "net/masquerade.h"

int masquerade_set(const char *table, const struct masquerade *masquerade)
{
	if (!masquerade->source_count)
		return 0;
	return fail("make nftables table \"%s\": this npctl is linked statically, without "
		    "libnftables, and hides no pods' addresses",
		    table);
}

bool masquerade_is_set(const char *table)
{
	(void)table;
	return false;
}
