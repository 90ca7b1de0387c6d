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

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct flow6_key);
	__type(value, struct flow);
} floor6 SEC(".maps");

__u32 turn;

SEC("tc")
int bench_empty(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_UNSPEC;
}

static __always_inline void *floor_lookup(const struct packet *packet)
{
	return packet->family == 4 ? bpf_map_lookup_elem(&floor4, &packet->key4)
				   : bpf_map_lookup_elem(&floor6, &packet->key6);
}

/* Parsing and one hash lookup: nothing that knows flows can do less. */
SEC("tc")
int bench_floor(struct __sk_buff *skb)
{
	struct packet packet;

	packet_init(skb, &packet, INGRESS);
	if (packet_parse(skb, &packet) != PARSED)
		return TC_ACT_SHOT;
	return floor_lookup(&packet) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* The source and destination address, and the ports, of a plain frame over IPv4. */
struct ends {
	__be32 address[DIRECTIONS];
	__be16 port[DIRECTIONS];
};

static __always_inline struct ends *ends_of(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ends *ends = data + sizeof(struct ethhdr) + offsetof(struct iphdr, saddr);

	return (void *)(ends + 1) > end ? NULL : ends;
}

/* Another connection in every run: 65536 of them. */
static __always_inline bool next_port(struct __sk_buff *skb, int which)
{
	struct ends *ends = ends_of(skb);

	if (ends)
		ends->port[which & 1] = bpf_htons(turn++);
	return ends;
}

/* A million of them, from sixteen addresses in a row. */
static __always_inline bool next_connection(struct __sk_buff *skb)
{
	struct ends *ends = ends_of(skb);

	if (!ends)
		return false;
	ends->port[0] = bpf_htons(turn);
	ends->address[0] &= ~bpf_htonl(15);
	ends->address[0] |= bpf_htonl(turn++ >> 16 & 15);
	return true;
}

SEC("tc")
int bench_new_flow(struct __sk_buff *skb)
{
	return next_port(skb, 0) ? pod(skb, INGRESS) : TC_ACT_SHOT;
}

/* The same, of connections that are known. */
SEC("tc")
int bench_cold(struct __sk_buff *skb)
{
	return next_port(skb, 0) ? pod(skb, INGRESS) : TC_ACT_SHOT;
}

SEC("tc")
int bench_crowded(struct __sk_buff *skb)
{
	return next_connection(skb) ? pod(skb, INGRESS) : TC_ACT_SHOT;
}

SEC("tc")
int bench_reply(struct __sk_buff *skb)
{
	return next_port(skb, 1) ? pod(skb, EGRESS) : TC_ACT_SHOT;
}

/* Every peer is another. */
SEC("tc")
int bench_peers(struct __sk_buff *skb)
{
	struct ends *ends = ends_of(skb);

	if (!ends)
		return TC_ACT_SHOT;
	ends->address[0] = bpf_htonl(0xc0000000 | (turn++ * 2654435761u >> 8));
	return pod(skb, INGRESS);
}

/* What the kernel's own table takes for the same: one look-up, one insertion. */
SEC("tc")
int bench_floor_cold(struct __sk_buff *skb)
{
	struct packet packet;

	packet_init(skb, &packet, INGRESS);
	if (!next_port(skb, 0) || packet_parse(skb, &packet) != PARSED)
		return TC_ACT_SHOT;
	return floor_lookup(&packet) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

static __always_inline int floor_insert(struct __sk_buff *skb)
{
	struct flow flow = {.lifetime = LIFE_TCP};
	struct packet packet;

	packet_init(skb, &packet, INGRESS);
	if (packet_parse(skb, &packet) != PARSED)
		return TC_ACT_SHOT;
	if (packet.family == 4)
		bpf_map_update_elem(&floor4, &packet.key4, &flow, BPF_ANY);
	else
		bpf_map_update_elem(&floor6, &packet.key6, &flow, BPF_ANY);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int bench_floor_new(struct __sk_buff *skb)
{
	return next_connection(skb) ? floor_insert(skb) : TC_ACT_SHOT;
}

/* For the look-ups above: the frame itself, the connections of bench_floor_cold. */
SEC("tc")
int bench_floor_know(struct __sk_buff *skb)
{
	return floor_insert(skb);
}

SEC("tc")
int bench_floor_fill(struct __sk_buff *skb)
{
	return next_port(skb, 0) ? floor_insert(skb) : TC_ACT_SHOT;
}

/*
 * For two processors at once, with too few places for the flows: any packet of
 * many connections, of which the frame's own peer may begin those to its port
 * and nobody may begin others. Counts those that were judged otherwise.
 */
__u64 any_judged, any_wrong;

#define ANY_ADDRESS (sizeof(struct ethhdr) + offsetof(struct iphdr, saddr))
#define ANY_STRANGER 1u
#define ANY_ELSEWHERE 2u
#define ANY_PORTS (sizeof(struct ethhdr) + sizeof(struct iphdr))

SEC("tc")
int bench_any(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 dice = bpf_get_prandom_u32();
	struct tcphdr *tcp = data + ANY_PORTS;
	__be32 *source = data + ANY_ADDRESS;
	int verdict;

	if ((void *)(tcp + 1) > end)
		return TC_ACT_SHOT;
	*source ^= bpf_htonl(dice & ANY_STRANGER);
	tcp->dest ^= bpf_htons(dice >> 1 & 1);
	tcp->source = bpf_htons(40000 + (dice >> 8 & 63));
	((__u8 *)tcp)[13] = dice & 4 ? TCP_SYN : TCP_ACK;
	/* kept there, for older kernels have little stack left */
	skb->mark = dice & (ANY_STRANGER | ANY_ELSEWHERE);
	verdict = pod(skb, INGRESS);
	dice = skb->mark;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	tcp = data + ANY_PORTS;
	source = data + ANY_ADDRESS;
	if ((void *)(tcp + 1) > end)
		return TC_ACT_SHOT;
	*source ^= bpf_htonl(dice & ANY_STRANGER);
	tcp->dest ^= bpf_htons(dice >> 1 & 1);
	__sync_fetch_and_add(&any_judged, 1);
	if ((verdict == TC_ACT_SHOT) != !!dice)
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
	return peer_find4(version_in_force(settings), address) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
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
