// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs of somebody else's, for tests/load.t and tests/attach.t. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} foreign_count SEC(".maps");

volatile __u32 last_length; /* .bss, a map that cannot be pinned */

SEC("tc")
int foreign_counter(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&foreign_count, &zero);

	last_length = skb->len;
	if (count)
		__sync_fetch_and_add(count, 1);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int foreign_drop(struct __sk_buff *skb)
{
	return skb->len ? TC_ACT_SHOT : TC_ACT_SHOT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
