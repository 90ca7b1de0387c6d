/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What watch.bpf.c and its loader share. */
#ifndef NPCTL_WATCH_H
#define NPCTL_WATCH_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define WATCH_STACKS 4096
#define WATCH_DEPTH 127

struct watch_key {
	__u32 ifindex;
	__u32 reason; /* enum skb_drop_reason */
	__s32 stack;  /* negative: there was no room */
	__u32 passed;
};

#endif
