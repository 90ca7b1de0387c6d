/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which version of the policy is in force. */
#ifndef NPCTL_LIB_VERSION_H
#define NPCTL_LIB_VERSION_H

#include "lib/state.h"

/* While a change waits to be confirmed. */
__noinline __u32 version_waiting(__u32 version, __u32 confirm)
{
	return confirm_is_over(version, confirm, bpf_ktime_get_boot_ns()) ? version_after(version)
									  : version;
}

static __always_inline __u32 version_in_force(const struct settings *settings)
{
	__u32 version = READ_ONCE(settings->version), confirm = READ_ONCE(settings->confirm);

	return likely(!confirm) ? version : version_waiting(version, confirm);
}

#endif
