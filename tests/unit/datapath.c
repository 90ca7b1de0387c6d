// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The pod programs, packet by packet, in the kernel's test hook. The subject
 * is 10.0.0.10 and fd00::10; 10.0.0.20 and fd00::20 may reach its tcp/8080,
 * udp/53, sctp/99 and may ping it; nobody else may do anything. It may itself
 * reach 10.0.0.40 and fd00::40, and nobody else.
 */
#include "unit.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "bench.skel.h"
#include "frame.h"
#include "kernel/apply.h"
#include "kernel/sandbox.h"
#include "policy/model.h"

#define REFUSED()                               \
	do {                                    \
		print_error("%s\n", failure()); \
		_fail(__FILE__, __LINE__);      \
	} while (0)
#define PASS (-1)
#define DROP 2
#define POD "10.0.0.10"
#define FRIEND "10.0.0.20"
#define STRANGER "10.0.0.30"
#define SERVER "10.0.0.40"

static struct sandbox *sandbox;

static const char *const backend =
    "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'backend','namespace':'default'},"
    "'spec':{'containers':[{'name':'c','image':'i'}]},'status':{'podIP':'10.0.0.10',"
    "'podIPs':[{'ip':'10.0.0.10'},{'ip':'fd00::10'}]}}";

static const char *const rules[] = {
    "{'kind':'Rule','id':1,'action':'allow','direction':'ingress','peer':'10.0.0.20/32',"
    "'ports':['tcp/8080','udp/53','sctp/99','icmp/8']}",
    "{'kind':'Rule','id':2,'action':'allow','direction':'ingress','peer':'fd00::20/128',"
    "'ports':['tcp/8080','udp/53','icmpv6/128']}",
    "{'kind':'Rule','id':3,'action':'allow','direction':'egress','peer':'10.0.0.40/32'}",
    "{'kind':'Rule','id':4,'action':'allow','direction':'egress','peer':'fd00::40/128'}",
};

static void model_put(struct model *model, const char *quoted)
{
	char *text = xstrdup(quoted), *quote = text;
	json_t *object;

	while ((quote = strchr(quote, '\'')))
		*quote = '"';
	object = json_loads(text, 0, NULL);
	assert_non_null(object);
	if (model_add(model, object, "test"))
		REFUSED();
	json_decref(object);
	free(text);
}

/* The plan with those of the rules whose bit is set. */
static struct plan *plan_of(unsigned int which)
{
	struct model *model = model_new();
	struct plan *plan = NULL;
	size_t i;

	model_put(model, backend);
	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (which & 1u << i)
			model_put(model, rules[i]);
	assert_int_equal(model_subject_add(model, "default/backend"), 0);
	assert_int_equal(plan_compile(model, &plan), 0);
	model_free(model);
	return plan;
}

static void force(unsigned int which)
{
	struct plan *plan = plan_of(which);

	if (sandbox_force(sandbox, plan))
		REFUSED();
	plan_free(plan);
}

#define ALL 15u

static void forget(struct bpf_map *map)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

static int setup(void **state)
{
	(void)state;
	forget(sandbox->programs->maps.flows4);
	forget(sandbox->programs->maps.flows6);
	forget(sandbox->programs->maps.fragments);
	force(ALL);
	return 0;
}

static int in(const struct frame *frame)
{
	uint32_t verdict, ns;

	if (sandbox_run(sandbox, "pod_ingress", frame->bytes, frame->length, 1, &verdict, &ns))
		REFUSED();
	return (int)verdict;
}

static int out(const struct frame *frame)
{
	uint32_t verdict, ns;

	if (sandbox_run(sandbox, "pod_egress", frame->bytes, frame->length, 1, &verdict, &ns))
		REFUSED();
	return (int)verdict;
}

#define IN(frame_expression, wanted)                    \
	do {                                            \
		struct frame frame_ = frame_expression; \
		assert_int_equal(in(&frame_), wanted);  \
	} while (0)
#define OUT(frame_expression, wanted)                   \
	do {                                            \
		struct frame frame_ = frame_expression; \
		assert_int_equal(out(&frame_), wanted); \
	} while (0)

static void syn_is_judged(void **state)
{
	(void)state;
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), PASS);
	IN(tcp4(FRIEND, 1000, POD, 8081, SYN), DROP);
	IN(tcp4(FRIEND, 1000, POD, 8079, SYN), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, SYN), DROP);
	IN(tcp4("10.0.0.21", 1000, POD, 8080, SYN), DROP);
	IN(tcp4("10.0.0.19", 1000, POD, 8080, SYN), DROP);
	IN(tcp6("fd00::20", 1000, "fd00::10", 8080, SYN), PASS);
	IN(tcp6("fd00::21", 1000, "fd00::10", 8080, SYN), DROP);
	IN(tcp6("fd00::20", 1000, "fd00::10", 22, SYN), DROP);
	OUT(tcp4(POD, 1000, SERVER, 443, SYN), PASS);
	OUT(tcp4(POD, 1000, STRANGER, 443, SYN), DROP);
	OUT(tcp6("fd00::10", 1000, "fd00::40", 443, SYN), PASS);
	OUT(tcp6("fd00::10", 1000, "fd00::41", 443, SYN), DROP);
}

static void replies_pass(void **state)
{
	(void)state;
	OUT(tcp4(POD, 8080, FRIEND, 1000, SYN | ACK), DROP);
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), PASS);
	OUT(tcp4(POD, 8080, FRIEND, 1000, SYN | ACK), PASS);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), PASS);
	OUT(tcp4(POD, 8080, FRIEND, 1001, ACK), DROP);
	OUT(tcp4(POD, 8081, FRIEND, 1000, ACK), DROP);
	OUT(udp4(POD, 8080, FRIEND, 1000), DROP);
	IN(udp4(FRIEND, 1000, POD, 53), PASS);
	OUT(udp4(POD, 53, FRIEND, 1000), PASS);
	IN(tcp6("fd00::20", 1, "fd00::10", 8080, SYN), PASS);
	OUT(tcp6("fd00::10", 8080, "fd00::20", 1, ACK), PASS);
	OUT(tcp6("fd00::10", 8080, "fd00::20", 2, ACK), DROP);
	OUT(tcp4(POD, 1000, SERVER, 443, SYN), PASS);
	IN(tcp4(SERVER, 443, POD, 1000, SYN | ACK), PASS);
	IN(tcp4(SERVER, 443, POD, 1001, ACK), DROP);
}

/* A connection that the pod began does not let the peer begin another on the same ports. */
static void syn_on_a_known_tuple(void **state)
{
	(void)state;
	OUT(tcp4(POD, 1000, SERVER, 443, SYN), PASS);
	IN(tcp4(SERVER, 443, POD, 1000, ACK), PASS);
	IN(tcp4(SERVER, 443, POD, 1000, SYN), DROP);
	IN(tcp4(SERVER, 443, POD, 1000, ACK), PASS);
}

static void no_flow_without_syn(void **state)
{
	(void)state;
	IN(tcp4(STRANGER, 1000, POD, 8080, ACK), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, FIN | ACK), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, 0), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, RST), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, SYN | ACK), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, SYN | FIN), DROP);
	OUT(tcp4(POD, 8080, STRANGER, 1000, RST | ACK), DROP);
}

static struct frame tagged(int tags, const char *from, uint16_t port)
{
	struct frame frame = ethernet();

	while (tags--)
		vlan(&frame, tags ? ETH_P_8021AD : ETH_P_8021Q, 7);
	ip4(&frame, from, POD, IPPROTO_TCP, NULL, 0);
	tcp(&frame, 1000, port, SYN);
	return frame;
}

static void vlan_tags(void **state)
{
	(void)state;
	IN(tagged(1, FRIEND, 8080), PASS);
	IN(tagged(1, STRANGER, 8080), DROP);
	IN(tagged(1, FRIEND, 22), DROP);
	IN(tagged(2, FRIEND, 8080), PASS);
	IN(tagged(2, STRANGER, 8080), DROP);
	IN(tagged(3, FRIEND, 8080), DROP);
}

static struct frame with_options(const char *from, uint16_t port, const void *options, size_t bytes)
{
	struct frame frame = ethernet();

	ip4(&frame, from, POD, IPPROTO_TCP, options, bytes);
	tcp(&frame, 1000, port, SYN);
	return frame;
}

static void ip_options(void **state)
{
	static const uint8_t nops[40] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
					 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	static const uint8_t record[8] = {7, 7, 4, 0, 0, 0, 0, 0};
	static const uint8_t loose[8] = {131, 7, 4, 10, 0, 0, 1, 0};
	static const uint8_t strict[8] = {1, 137, 7, 4, 10, 0, 0, 1};
	static const uint8_t endless[4] = {7, 0, 0, 0};

	(void)state;
	IN(with_options(FRIEND, 8080, nops, 4), PASS);
	IN(with_options(FRIEND, 8080, nops, 40), PASS);
	IN(with_options(FRIEND, 22, nops, 40), DROP);
	IN(with_options(STRANGER, 8080, nops, 40), DROP);
	IN(with_options(FRIEND, 8080, record, 8), PASS);
	IN(with_options(FRIEND, 8080, loose, 8), DROP);
	IN(with_options(FRIEND, 8080, strict, 8), DROP);
	IN(with_options(FRIEND, 8080, endless, 4), DROP);
}

static void malformed(void **state)
{
	struct frame frame;
	size_t length;

	(void)state;
	frame = tcp4(FRIEND, 1000, POD, 8080, SYN);
	for (length = 14 + 20; length < frame.length; length++) {
		struct frame cut = frame;

		cut.length = length;
		assert_int_equal(in(&cut), DROP);
	}
	frame.bytes[14] = 0x44; /* header of 16 bytes */
	assert_int_equal(in(&frame), DROP);
	frame.bytes[14] = 0x55; /* version 5 */
	assert_int_equal(in(&frame), DROP);
	frame.bytes[14] = 0x4f; /* a header longer than the packet */
	assert_int_equal(in(&frame), DROP);
	frame.bytes[14] = 0x45;
	assert_int_equal(in(&frame), PASS);
	frame = tcp6("fd00::20", 1000, "fd00::10", 8080, SYN);
	for (length = 14 + 40; length < frame.length; length++) {
		struct frame cut = frame;

		cut.length = length;
		assert_int_equal(in(&cut), DROP);
	}
	frame.bytes[14] = 0x40;
	assert_int_equal(in(&frame), DROP);
}

/* One fragment of a datagram; `at` in units of eight bytes. */
static struct frame piece4(const char *from, uint16_t port, uint8_t protocol, uint16_t id,
			   uint16_t at, bool more)
{
	struct frame frame = ethernet();

	ip4(&frame, from, POD, protocol, NULL, 0);
	frame_poke16(&frame, IP4_ID, id);
	frame_poke16(&frame, IP4_FRAGMENT, at | (more ? IP_MF : 0));
	if (at)
		frame_add(&frame, "later bytes that are no header: ", 32);
	else if (protocol == IPPROTO_UDP)
		udp(&frame, 1000, port);
	else
		tcp(&frame, 1000, port, SYN);
	return frame;
}

static void fragments4(void **state)
{
	(void)state;
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 1, 5, true), DROP);
	IN(piece4(FRIEND, 53, IPPROTO_UDP, 1, 0, true), PASS);
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 1, 5, true), PASS);
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 1, 9, false), PASS);
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 2, 9, false), DROP);
	IN(piece4(STRANGER, 0, IPPROTO_UDP, 1, 9, false), DROP);
	IN(piece4(FRIEND, 22, IPPROTO_UDP, 3, 0, true), DROP);
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 3, 5, false), DROP);
	IN(piece4(STRANGER, 53, IPPROTO_UDP, 4, 0, true), DROP);
	IN(piece4(STRANGER, 0, IPPROTO_UDP, 4, 5, false), DROP);
	/* a fragment that would write over the first one's TCP header */
	IN(piece4(FRIEND, 8080, IPPROTO_TCP, 5, 0, true), PASS);
	IN(piece4(FRIEND, 0, IPPROTO_TCP, 5, 1, true), DROP);
	IN(piece4(FRIEND, 0, IPPROTO_TCP, 5, 2, true), DROP);
	IN(piece4(FRIEND, 0, IPPROTO_TCP, 5, 3, true), PASS);
}

static struct frame piece6(const char *from, uint16_t port, uint32_t id, uint16_t at, bool more,
			   bool hidden)
{
	struct frame frame = ethernet();
	uint8_t *part;
	uint16_t place = htons(at << 3 | more);

	ip6(&frame, from, "fd00::10", IPPROTO_UDP);
	part = extension6(&frame, 44, 0, 8);
	memcpy(part + 2, &place, 2);
	memcpy(part + 4, &id, 4);
	/* the transport header may stand behind another extension header */
	if (hidden) {
		if (at)
			part[0] = 60;
		else
			extension6(&frame, 60, 0, 8);
	}
	if (at)
		frame_add(&frame, "later bytes that are no header: ", 32);
	else
		udp(&frame, 1000, port);
	return frame;
}

static void fragments6(void **state)
{
	struct frame cut;

	(void)state;
	IN(piece6("fd00::20", 0, 1, 5, false, false), DROP);
	IN(piece6("fd00::20", 53, 1, 0, true, false), PASS);
	IN(piece6("fd00::20", 0, 1, 5, false, false), PASS);
	IN(piece6("fd00::21", 0, 1, 5, false, false), DROP);
	IN(piece6("fd00::20", 22, 2, 0, true, false), DROP);
	IN(piece6("fd00::20", 0, 2, 5, false, false), DROP);
	IN(piece6("fd00::20", 53, 3, 0, true, true), PASS);
	IN(piece6("fd00::20", 0, 3, 5, false, true), PASS);
	IN(piece6("fd00::20", 22, 4, 0, true, true), DROP);
	IN(piece6("fd00::20", 0, 4, 5, false, true), DROP);
	/* whole, in one "fragment" */
	IN(piece6("fd00::20", 53, 5, 0, false, false), PASS);
	IN(piece6("fd00::20", 22, 5, 0, false, false), DROP);
	/* a header that does not end within the packet's own length comes with the next one */
	cut = piece6("fd00::20", 53, 6, 0, true, false);
	frame_poke16(&cut, IP6_LENGTH, 8 + 8);
	IN(cut, PASS);
	frame_poke16(&cut, IP6_LENGTH, 8 + 7);
	IN(cut, DROP);
}

static struct frame extended(const char *from, uint16_t port, const uint8_t *types, size_t count)
{
	struct frame frame = ethernet();
	size_t i;

	ip6(&frame, from, "fd00::10", IPPROTO_TCP);
	for (i = 0; i < count; i++) {
		/* authentication headers count in other units */
		if (types[i] == 51)
			extension6(&frame, 51, 4, 24);
		else
			extension6(&frame, types[i], 1, 16);
	}
	tcp(&frame, 1000, port, SYN);
	return frame;
}

static void extension_headers(void **state)
{
	static const uint8_t some[] = {0, 60, 43, 51, 60};
	static const uint8_t many[] = {0, 60, 60, 60, 60, 60, 60, 60, 60, 60};
	struct frame frame;

	(void)state;
	IN(extended("fd00::20", 8080, some, 1), PASS);
	IN(extended("fd00::20", 8080, some, 5), PASS);
	IN(extended("fd00::20", 22, some, 5), DROP);
	IN(extended("fd00::21", 8080, some, 5), DROP);
	IN(extended("fd00::20", 8080, many, 7), PASS);
	IN(extended("fd00::20", 22, many, 7), DROP);
	IN(extended("fd00::20", 8080, many, 10), DROP);
	/* a route that has not ended: the destination is not the last one */
	frame = extended("fd00::20", 8080, (uint8_t[]){43}, 1);
	frame.bytes[14 + 40 + 3] = 1;
	assert_int_equal(in(&frame), DROP);
}

static void echoes(void **state)
{
	(void)state;
	IN(icmp4(FRIEND, POD, 8, 1), PASS);
	OUT(icmp4(POD, FRIEND, 0, 1), PASS);
	OUT(icmp4(POD, FRIEND, 0, 2), DROP);
	IN(icmp4(STRANGER, POD, 8, 1), DROP);
	OUT(icmp4(POD, STRANGER, 8, 1), DROP);
	/* the pod's own ping lets answers in, not questions */
	OUT(icmp4(POD, SERVER, 8, 7), PASS);
	IN(icmp4(SERVER, POD, 0, 7), PASS);
	IN(icmp4(SERVER, POD, 8, 7), DROP);
	/* other types have no flows */
	IN(icmp4(FRIEND, POD, 13, 1), DROP);
	IN(icmp4(FRIEND, POD, 0, 9), DROP);
}

static struct frame error4(const char *from, const char *to, uint8_t type,
			   const struct frame *about)
{
	struct frame frame = ethernet();

	ip4(&frame, from, to, IPPROTO_ICMP, NULL, 0);
	icmp(&frame, type, 4, 0);
	quote(&frame, about, 28);
	return frame;
}

static void icmp_errors(void **state)
{
	struct frame forth = tcp4(POD, 1000, SERVER, 443, SYN);
	struct frame back = tcp4(SERVER, 443, POD, 1000, ACK);
	struct frame never = tcp4(POD, 1001, SERVER, 443, SYN);
	struct frame other = tcp4("10.0.0.11", 1000, SERVER, 443, SYN);
	struct frame asked = tcp4(FRIEND, 5, POD, 8080, SYN), ping = icmp4(POD, SERVER, 8, 7);
	struct frame request = udp4(FRIEND, 6, POD, 53);

	(void)state;
	assert_int_equal(out(&forth), PASS);
	assert_int_equal(out(&ping), PASS);
	/* a router in between may speak about a flow that it saw */
	IN(error4("192.0.2.1", POD, 3, &forth), PASS);
	IN(error4("192.0.2.1", POD, 11, &forth), PASS);
	IN(error4("192.0.2.1", POD, 3, &ping), PASS);
	IN(error4("192.0.2.1", POD, 3, &never), DROP);
	IN(error4("192.0.2.1", POD, 3, &back), DROP);
	IN(error4("192.0.2.1", POD, 3, &other), DROP);
	IN(error4("192.0.2.1", POD, 5, &forth), DROP);
	OUT(error4(POD, FRIEND, 3, &asked), DROP);
	assert_int_equal(in(&asked), PASS);
	OUT(error4(POD, FRIEND, 3, &asked), PASS);
	assert_int_equal(in(&request), PASS);
	OUT(error4(POD, FRIEND, 3, &request), PASS);
	/* a revoked flow is not spoken of either */
	force(ALL & ~4u);
	IN(error4("192.0.2.1", POD, 3, &forth), DROP);
}

static void icmp6_errors(void **state)
{
	struct frame forth = tcp6("fd00::10", 1000, "fd00::40", 443, SYN);
	struct frame never = tcp6("fd00::10", 1001, "fd00::40", 443, SYN), error;

	(void)state;
	assert_int_equal(out(&forth), PASS);
	error = ethernet();
	ip6(&error, "2001:db8::1", "fd00::10", IPPROTO_ICMPV6);
	icmp(&error, 2, 0, 0);
	quote(&error, &forth, 60);
	assert_int_equal(in(&error), PASS);
	error = ethernet();
	ip6(&error, "2001:db8::1", "fd00::10", IPPROTO_ICMPV6);
	icmp(&error, 2, 0, 0);
	quote(&error, &never, 60);
	assert_int_equal(in(&error), DROP);
}

static struct frame neighbour(const char *from, uint8_t type, uint8_t hops)
{
	struct frame frame = ethernet();

	ip6(&frame, from, "ff02::1", IPPROTO_ICMPV6);
	frame.bytes[IP6_HOPS] = hops;
	icmp(&frame, type, 0, 0);
	frame_add(&frame, "target addressxx", 16);
	return frame;
}

static struct frame bare(uint16_t type)
{
	struct frame frame = ethernet();

	ether_type(&frame, type);
	frame_add(&frame, "forty bytes of something that is not IP.", 40);
	return frame;
}

static void neighbours(void **state)
{
	uint8_t type;

	(void)state;
	for (type = 133; type <= 136; type++) {
		IN(neighbour("fe80::1", type, 255), PASS);
		IN(neighbour("fe80::1", type, 64), DROP);
	}
	OUT(neighbour("::", 135, 255), PASS);
	IN(neighbour("fe80::1", 137, 255), DROP);
	OUT(neighbour("::", 143, 1), PASS);
	OUT(neighbour("::", 143, 64), DROP);
	IN(bare(ETH_P_ARP), PASS);
	OUT(bare(ETH_P_ARP), PASS);
	IN(bare(0x88cc), DROP);
	OUT(bare(0x0042), DROP);
}

static void spoofed(void **state)
{
	(void)state;
	OUT(tcp4("10.0.0.11", 1000, SERVER, 443, SYN), DROP);
	OUT(tcp4("0.0.0.0", 1000, SERVER, 443, SYN), DROP);
	OUT(tcp6("fd00::11", 1000, "fd00::40", 443, SYN), DROP);
	OUT(tcp6("fe80::99", 1000, "fd00::40", 443, SYN), DROP);
	OUT(tcp6("::", 1000, "fd00::40", 443, SYN), DROP);
	/* where nothing is enforced, too: others trust the address */
	force(3);
	OUT(tcp4("10.0.0.11", 1000, STRANGER, 443, SYN), DROP);
	OUT(tcp4(POD, 1000, STRANGER, 443, SYN), PASS);
	OUT(tcp6("fd00::11", 1000, "fd00::40", 443, SYN), DROP);
	/* a wrapped lie is one as well */
	OUT(piece4(FRIEND, 0, IPPROTO_UDP, 9, 5, true), DROP);
	OUT(with_options("10.0.0.11", 1000, (uint8_t[]){131, 3, 4, 0}, 4), DROP);
}

static void unenforced(void **state)
{
	(void)state;
	force(0);
	IN(tcp4(STRANGER, 1000, POD, 22, SYN), PASS);
	IN(bare(0x88cc), PASS);
	IN(tagged(3, STRANGER, 22), PASS);
	OUT(tcp4(POD, 1000, STRANGER, 22, SYN), PASS);
	/* flows are known all the same: an answer is one when policy comes */
	force(1);
	IN(tcp4(STRANGER, 22, POD, 1000, ACK), PASS);
	IN(tcp4(STRANGER, 22, POD, 1001, ACK), DROP);
	IN(tcp4(STRANGER, 1000, POD, 22, ACK), DROP);
}

/* Revoking a rule stops what runs, from both sides, and for good. */
static void generations(void **state)
{
	(void)state;
	force(1);
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), PASS);
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), PASS);
	force(2); /* another rule: the pod stays isolated, its friend is one no more */
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), DROP);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), DROP);
	/* egress is free; the server's packets must still not begin the flow anew */
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), DROP);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), DROP);
	/* it goes on when it is allowed again */
	force(1);
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), PASS);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), PASS);
	/* a change that does not touch it does not stop it */
	force(5);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), PASS);
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), PASS);
}

static void lifetimes(void **state)
{
	uint32_t *lifetime = sandbox->settings->lifetime, was = lifetime[LIFE_UDP_OPENING], half;
	struct timespec tick;

	(void)state;
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick); /* a jiffy */
	half = (uint32_t)(500000000 / tick.tv_nsec);
	lifetime[LIFE_UDP_OPENING] = half;
	IN(udp4(FRIEND, 1000, POD, 53), PASS);
	IN(udp4(FRIEND, 1001, POD, 53), PASS);
	OUT(udp4(POD, 53, FRIEND, 1001), PASS); /* answered: lives longer */
	usleep(700000);
	OUT(udp4(POD, 53, FRIEND, 1000), DROP);
	OUT(udp4(POD, 53, FRIEND, 1001), PASS);
	lifetime[LIFE_UDP_OPENING] = was;
	was = lifetime[LIFE_TCP_CLOSING];
	lifetime[LIFE_TCP_CLOSING] = half;
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), PASS);
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), PASS);
	IN(tcp4(FRIEND, 1000, POD, 8080, FIN | ACK), PASS);
	usleep(700000);
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), PASS); /* half closed is open */
	OUT(tcp4(POD, 8080, FRIEND, 1000, FIN | ACK), PASS);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), PASS);
	usleep(700000);
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), DROP);
	lifetime[LIFE_TCP_CLOSING] = was;
}

/* What user space found in the pod's socket table, nobody has judged yet. */
static void seeded(void **state)
{
	struct flow flow = {.initiator = INGRESS, .lifetime = LIFE_TCP};
	struct flow4_key key = {.ifindex = 1,
				.local_port = htons(8080),
				.remote_port = htons(1000),
				.protocol = IPPROTO_TCP};
	int fd = bpf_map__fd(sandbox->programs->maps.flows4);

	(void)state;
	force(1); /* egress is free: without the seed, the pod's packet would begin a flow */
	inet_pton(AF_INET, POD, &key.local);
	inet_pton(AF_INET, STRANGER, &key.remote);
	assert_int_equal(bpf_map_update_elem(fd, &key, &flow, BPF_ANY), 0);
	OUT(tcp4(POD, 8080, STRANGER, 1000, ACK), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, ACK), DROP);
	inet_pton(AF_INET, FRIEND, &key.remote);
	assert_int_equal(bpf_map_update_elem(fd, &key, &flow, BPF_ANY), 0);
	force(5);
	OUT(tcp4(POD, 8080, FRIEND, 1000, ACK), PASS);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), PASS);
}

static struct frame other_protocol(const char *from, uint8_t protocol)
{
	struct frame frame = ethernet();

	ip4(&frame, from, POD, protocol, NULL, 0);
	frame_add(&frame, "\x03\xe8\x1f\x90 more than eight bytes", 26);
	return frame;
}

static void protocols(void **state)
{
	(void)state;
	IN(other_protocol(FRIEND, IPPROTO_SCTP), DROP); /* port 8080 is not 99 */
	IN(other_protocol(FRIEND, 47), DROP);
	IN(other_protocol(FRIEND, IPPROTO_IPIP), DROP);
	IN(other_protocol(FRIEND, IPPROTO_UDP), DROP);
	IN(udp4(FRIEND, 1000, POD, 8080), DROP);
	IN(tcp4(FRIEND, 1000, POD, 53, SYN), DROP);
	IN(tcp4(FRIEND, 1000, POD, 99, SYN), DROP);
	IN(icmp4(FRIEND, POD, 9, 1), DROP);
}

static void oneself(void **state)
{
	(void)state;
	IN(tcp4(POD, 1000, POD, 22, SYN), PASS);
	OUT(tcp4(POD, 1000, POD, 22, SYN), PASS);
	IN(tcp6("fd00::10", 1000, "fd00::10", 22, SYN), PASS);
}

static void no_subject(void **state)
{
	struct plan *kept = plan_of(ALL), empty = *kept;

	(void)state;
	empty.subject_count = 0;
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), PASS);
	assert_int_equal(sandbox_force(sandbox, &empty), 0);
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), DROP);
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), DROP);
	assert_int_equal(sandbox_force(sandbox, kept), 0);
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), PASS);
	plan_free(kept);
}

static struct counter counted(const char *name)
{
	struct counter sum = {};
	uint32_t i;

	for (i = 0; i < sandbox->datapath.rule_limit; i++)
		if (!strcmp(sandbox->datapath.rules[i].name, name))
			assert_int_equal(apply_counter(sandbox->datapath.maps.counters, i, &sum),
					 0);
	return sum;
}

static void every_packet_is_counted(void **state)
{
	struct frame syn = tcp4(FRIEND, 1000, POD, 8080, SYN);
	struct frame ack = tcp4(FRIEND, 1000, POD, 8080, ACK);
	struct plan *plan = plan_of(1);
	const char *rule = NULL;
	struct counter before, after;
	size_t i;

	(void)state;
	force(1);
	for (i = 0; i < plan->rule_count; i++)
		if (plan->rules[i].tier == TIER_RULE)
			rule = plan->rules[i].name;
	assert_non_null(rule);
	before = counted(rule);
	assert_int_equal(in(&syn), PASS);
	for (i = 0; i < 10; i++)
		assert_int_equal(in(&ack), PASS);
	after = counted(rule);
	assert_int_equal(after.packets - before.packets, 11);
	assert_int_equal(after.bytes - before.bytes, 11 * syn.length);
	plan_free(plan);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, setup)
	const struct CMUnitTest tests[] = {
	    TEST(syn_is_judged),
	    TEST(replies_pass),
	    TEST(syn_on_a_known_tuple),
	    TEST(vlan_tags),
	    TEST(no_flow_without_syn),
	    TEST(ip_options),
	    TEST(malformed),
	    TEST(fragments4),
	    TEST(fragments6),
	    TEST(echoes),
	    TEST(extension_headers),
	    TEST(icmp_errors),
	    TEST(icmp6_errors),
	    TEST(neighbours),
	    TEST(spoofed),
	    TEST(unenforced),
	    TEST(generations),
	    TEST(lifetimes),
	    TEST(seeded),
	    TEST(protocols),
	    TEST(oneself),
	    TEST(no_subject),
	    TEST(every_packet_is_counted),
	};
	struct plan *plan;
	int failed;

	plan = plan_of(ALL);
	if (sandbox_open(&sandbox, plan)) {
		printf("1..0 # SKIP %s\n", failure());
		return 0;
	}
	plan_free(plan);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sandbox_close(sandbox);
	return failed;
}
