/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "datapath/test_packet.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "datapath/flow_tables.h"
#include "datapath/objects.h"

struct frame {
	uint8_t bytes[128];
	size_t length;
};

static void add(struct frame *frame, const void *header, size_t size)
{
	memcpy(frame->bytes + frame->length, header, size);
	frame->length += size;
}

static void add_ip(struct frame *frame, const struct packet *packet, size_t payload)
{
	struct ethhdr ethernet = {
	    .h_dest = {2, 2, 2, 2, 2, 2},
	    .h_source = {2, 2, 2, 2, 2, 3},
	    .h_proto = htons(packet->from.family == 4 ? ETH_P_IP : ETH_P_IPV6),
	};
	struct iphdr ip = {
	    .version = 4,
	    .ihl = 5,
	    .tot_len = htons((uint16_t)(sizeof(ip) + payload)),
	    .ttl = 64,
	    .protocol = packet->protocol,
	};
	struct ipv6hdr ip6 = {
	    .version = 6,
	    .payload_len = htons((uint16_t)payload),
	    .nexthdr = packet->protocol,
	    .hop_limit = 64,
	};

	add(frame, &ethernet, sizeof(ethernet));
	memcpy(&ip.saddr, packet->from.bytes, 4);
	memcpy(&ip.daddr, packet->to.bytes, 4);
	memcpy(&ip6.saddr, packet->from.bytes, 16);
	memcpy(&ip6.daddr, packet->to.bytes, 16);
	if (packet->from.family == 4)
		add(frame, &ip, sizeof(ip));
	else
		add(frame, &ip6, sizeof(ip6));
}

static size_t transport_size(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : 12;
}

static void add_transport(struct frame *frame, const struct packet *packet, uint16_t source)
{
	struct tcphdr tcp = {
	    .source = htons(source), .dest = htons(packet->port), .doff = 5, .syn = 1};
	struct udphdr udp = {
	    .source = htons(source), .dest = htons(packet->port), .len = htons(12)};
	uint8_t icmp[12] = {(uint8_t)(packet->port >> 8), (uint8_t)packet->port, 0, 0,
			    (uint8_t)(source >> 8),	  (uint8_t)source};
	uint16_t sctp[6] = {htons(source), htons(packet->port)};

	if (packet->protocol == IPPROTO_TCP)
		add(frame, &tcp, sizeof(tcp));
	else if (packet->protocol == IPPROTO_UDP)
		add(frame, &udp, sizeof(udp));
	else if (packet->protocol == IPPROTO_SCTP)
		add(frame, sctp, sizeof(sctp));
	else
		add(frame, icmp, sizeof(icmp));
	while (frame->length < 64) /* as short as they come on a wire */
		frame->bytes[frame->length++] = 0;
}

static void forget4(struct flow_tables *flows, uint32_t ifindex, const struct packet *packet,
		    bool outward, uint16_t source)
{
	struct flow4_key key = {.ifindex = ifindex, .protocol = packet->protocol};
	const struct address *local = outward ? &packet->from : &packet->to;
	const struct address *remote = outward ? &packet->to : &packet->from;

	memcpy(&key.local, local->bytes, 4);
	memcpy(&key.remote, remote->bytes, 4);
	key.local_port = htons(outward ? source : packet->port);
	key.remote_port = htons(outward ? packet->port : source);
	flow_table_delete(&flows->ipv4, &key);
}

static void forget6(struct flow_tables *flows, uint32_t ifindex, const struct packet *packet,
		    bool outward, uint16_t source)
{
	struct flow6_key key = {.ifindex = ifindex, .protocol = packet->protocol};
	const struct address *local = outward ? &packet->from : &packet->to;
	const struct address *remote = outward ? &packet->to : &packet->from;

	memcpy(key.local, local->bytes, 16);
	memcpy(key.remote, remote->bytes, 16);
	key.local_port = htons(outward ? source : packet->port);
	key.remote_port = htons(outward ? packet->port : source);
	flow_table_delete(&flows->ipv6, &key);
}

static void forget(struct instance *instance, enum direction direction, uint32_t ifindex,
		   const struct packet *packet, uint16_t source)
{
	struct flow_tables flows;

	if (flow_tables_open(&flows, instance)) {
		failure_clear();
		return;
	}
	if (packet->from.family == 4)
		forget4(&flows, ifindex, packet, direction == EGRESS, source);
	else
		forget6(&flows, ifindex, packet, direction == EGRESS, source);
	flow_tables_close(&flows);
}

/* Some port that no connection is likely to have. */
static uint16_t source_port(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint16_t)(61000 + now.tv_nsec / 1000 % 4000);
}

static int ask(struct instance *instance, const char *name, enum direction direction,
	       uint32_t ifindex, const struct packet *packet, bool *allow)
{
	int program = program_open(instance, name);
	struct __sk_buff context = {.ifindex = ifindex};
	uint16_t source = source_port();
	struct frame frame = {.length = 0};
	int error;

	if (program < 0)
		return FAILED;
	add_ip(&frame, packet, transport_size(packet->protocol));
	add_transport(&frame, packet, source);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.bytes,
		    .data_size_in = (uint32_t)frame.length, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	error = bpf_prog_test_run_opts(program, &options);
	close(program);
	if (error)
		return fail("the program cannot be run on a packet: %s", strerror(-error));
	*allow = options.retval != TC_ACT_SHOT;
	forget(instance, direction, ifindex, packet, source);
	return 0;
}

int ask_datapath(struct instance *instance, enum direction direction, uint32_t ifindex,
		 const struct packet *packet, bool *allow)
{
	return ask(instance, direction == INGRESS ? "pod_ingress" : "pod_egress", direction,
		   ifindex, packet, allow);
}

int ask_user_egress(struct instance *instance, uint32_t ifindex, const struct packet *packet,
		    bool *allow)
{
	return ask(instance, "user_egress", EGRESS, ifindex, packet, allow);
}
