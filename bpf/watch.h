/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What watch.bpf.c and its loader share. */
#ifndef NPCTL_WATCH_H
#define NPCTL_WATCH_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define WATCH_INTERFACES 4096
#define WATCH_STACKS 4096
#define WATCH_DEPTH 127

struct watched_key {
	__u32 netns;
	__u32 ifindex; /* 0: all of a pod's namespace */
};

enum watch_what {
	WATCH_DROPPED,
	WATCH_DROPPED_IN_POD, /* at its own end */
	WATCH_SENT,	      /* out of the interface */
	WATCH_WENT_ON,	      /* that came in there */
};

struct watch_key {
	__u32 ifindex;
	__u32 reason; /* enum skb_drop_reason */
	__s32 stack;  /* negative: there was no room */
	__u32 what;   /* enum watch_what */
};

#endif
