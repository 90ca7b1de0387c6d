/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Instead of what speaks to an API server, where the program is linked statically:
 * what TLS needs is not to be had as static libraries.
 */
#include "agent/source.h"

int source_of_cluster(struct source *source, const char *kubeconfig, const char *context)
{
	(void)source;
	(void)kubeconfig;
	(void)context;
	fail("this npctl is linked statically, without TLS, and speaks to no API server");
	return fail_mend("npctl agent --manifests DIR");
}
