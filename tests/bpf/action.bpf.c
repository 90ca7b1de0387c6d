// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The classic mistake: an action where a classifier belongs. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

SEC("action")
int foreign_action(struct __sk_buff *skb)
{
	return skb->len ? TC_ACT_SHOT : TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
