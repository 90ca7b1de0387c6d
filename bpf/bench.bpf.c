// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What `npctl test bench` measures against: the pod programs as they are, in
 * one object with the least that any such program has to do.
 */
#include "pod.bpf.c"

#define SAMPLES 65536

/* Addresses to look up, half of them inside the prefixes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SAMPLES);
	__type(key, __u32);
	__type(value, __u32);
} samples SEC(".maps");

struct prefix_key {
	__u32 bits;
	__be32 address;
};

/* The kernel's own way to find a longest prefix. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct prefix_key);
	__type(value, __u32);
} prefixes SEC(".maps");

/* And to know flows. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, struct flow4_key);
	__type(value, struct flow);
} floor4 SEC(".maps");

__u32 turn;

SEC("tc")
int bench_empty(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_UNSPEC;
}

/* Parsing and one hash lookup: nothing that knows flows can do less. */
SEC("tc")
int bench_floor(struct __sk_buff *skb)
{
	struct packet packet;

	packet_init(skb, &packet, INGRESS);
	if (packet_parse(skb, &packet) != PARSED)
		return TC_ACT_SHOT;
	return bpf_map_lookup_elem(&floor4, &packet.key4) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* Every run is another connection. */
SEC("tc")
int bench_new_flow(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (data + sizeof(struct ethhdr) + sizeof(struct iphdr) + 2 > end)
		return TC_ACT_SHOT;
	*(__be16 *)(data + sizeof(struct ethhdr) + sizeof(struct iphdr)) = bpf_htons(turn++);
	return pod(skb, INGRESS);
}

/*
 * For two processors at once, with too few places for the flows: any packet of
 * many connections, of which the frame's own peer may begin those to its port
 * and nobody may begin others. Counts those that were judged otherwise.
 */
__u64 any_judged, any_wrong;

#define ANY_ADDRESS (sizeof(struct ethhdr) + offsetof(struct iphdr, saddr))
#define ANY_PORTS (sizeof(struct ethhdr) + sizeof(struct iphdr))

SEC("tc")
int bench_any(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 dice = bpf_get_prandom_u32();
	bool stranger = dice & 1, elsewhere = dice & 2;
	struct tcphdr *tcp = data + ANY_PORTS;
	__be32 *source = data + ANY_ADDRESS;
	__be16 port;
	int verdict;

	if ((void *)(tcp + 1) > end)
		return TC_ACT_SHOT;
	port = tcp->dest;
	*source ^= stranger ? bpf_htonl(1) : 0;
	tcp->dest ^= elsewhere ? bpf_htons(1) : 0;
	tcp->source = bpf_htons(40000 + (dice >> 8 & 63));
	((__u8 *)tcp)[13] = dice & 4 ? TCP_SYN : TCP_ACK;
	verdict = pod(skb, INGRESS);
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	tcp = data + ANY_PORTS;
	source = data + ANY_ADDRESS;
	if ((void *)(tcp + 1) > end)
		return TC_ACT_SHOT;
	*source ^= stranger ? bpf_htonl(1) : 0;
	tcp->dest = port;
	__sync_fetch_and_add(&any_judged, 1);
	if ((verdict == TC_ACT_SHOT) != (stranger || elsewhere))
		__sync_fetch_and_add(&any_wrong, 1);
	return TC_ACT_UNSPEC;
}

static __always_inline __be32 sample_next(void)
{
	__u32 index = turn++ % SAMPLES;
	__be32 *address = bpf_map_lookup_elem(&samples, &index);

	return address ? *address : 0;
}

/* What the two below do, but for the lookup. */
SEC("tc")
int bench_peer_none(struct __sk_buff *skb __attribute__((unused)))
{
	return sample_next() ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int bench_peer_runs(struct __sk_buff *skb __attribute__((unused)))
{
	struct settings *settings = settings_get();
	__be32 address = sample_next();

	if (!settings || !address)
		return TC_ACT_SHOT;
	return peer_find4(READ_ONCE(settings->version), address) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int bench_peer_lpm(struct __sk_buff *skb __attribute__((unused)))
{
	struct prefix_key key = {.bits = 32, .address = sample_next()};
	__u32 *identity;

	if (!key.address)
		return TC_ACT_SHOT;
	identity = bpf_map_lookup_elem(&prefixes, &key);
	return identity && *identity ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}
