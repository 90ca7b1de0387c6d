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
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "bench.skel.h"
#include "frame.h"
#include "datapath/apply.h"
#include "datapath/sandbox.h"
#include "datapath/apply.h"
#include "datapath/sets.h"
#include "model/model.h"

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
#define OWN6 "fd00::10"

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
    "{'kind':'Rule','id':5,'action':'allow','direction':'ingress','peer':'10.9.9.9/32'}",
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
	flow_tables_clear(&sandbox->flows);
	forget(sandbox->programs->maps.fragments);
	forget(sandbox->programs->maps.buckets);
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
	if (more && !at)
		frame_add(&frame, "1234", protocol == IPPROTO_TCP ? 4 : 0);
	frame_measure(&frame);
	return frame;
}

static void fragments4(void **state)
{
	struct frame cut;

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
	/* a known first of the other direction is none */
	cut = piece4(POD, 0, IPPROTO_UDP, 1, 5, true);
	inet_pton(AF_INET, FRIEND, cut.bytes + 30);
	OUT(cut, DROP);
	/* what the receiver discards speaks for nobody */
	cut = piece4(FRIEND, 53, IPPROTO_UDP, 6, 0, true);
	frame_poke16(&cut, 16, cut.length - 14 + 8);
	IN(cut, DROP);
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 6, 5, true), DROP);
	cut = piece4(FRIEND, 53, IPPROTO_UDP, 7, 0, true);
	frame_poke16(&cut, 16, 20 + 4);
	IN(cut, DROP);
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 7, 5, true), DROP);
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
	frame_measure(&frame);
	return frame;
}

/* Neither the denied nor the allowed push out what is under way. */
static void fragments_have_shares(void **state)
{
	int i;

	(void)state;
	IN(piece4(FRIEND, 53, IPPROTO_UDP, 77, 0, true), PASS);
	IN(piece6("fd00::20", 53, 77, 0, true, false), PASS);
	for (i = 0; i < 40000; i++) {
		IN(piece4(STRANGER, 53, IPPROTO_UDP, (uint16_t)i, 0, true), DROP);
		IN(piece4("10.0.0.21", 53, IPPROTO_UDP, (uint16_t)i, 0, true), DROP);
	}
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 77, 5, true), PASS);
	IN(piece6("fd00::20", 0, 77, 5, false, false), PASS);
	/* with all of them allowed */
	force(0);
	for (i = 0; i < 40000; i++)
		IN(piece4(STRANGER, 53, IPPROTO_UDP, (uint16_t)i, 0, true), PASS);
	force(ALL);
	IN(piece4(FRIEND, 0, IPPROTO_UDP, 77, 9, false), PASS);
	IN(piece4(STRANGER, 0, IPPROTO_UDP, 39999, 9, false), DROP);
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
	frame_poke16(&cut, IP6_LENGTH, 8 + 16);
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

/* Two fragment headers, at each place, in each order of first, later and whole. */
static struct frame twice_cut(uint16_t first, uint16_t second, bool between)
{
	struct frame frame = ethernet();
	uint8_t *part;

	ip6(&frame, "fd00::20", "fd00::10", IPPROTO_UDP);
	part = extension6(&frame, 44, 0, 8);
	part[2] = first >> 8, part[3] = first & 255;
	if (between)
		extension6(&frame, 60, 0, 8);
	part = extension6(&frame, 44, 0, 8);
	part[2] = second >> 8, part[3] = second & 255;
	udp(&frame, 1000, 53);
	frame_measure(&frame);
	return frame;
}

static void fragment_headers_twice(void **state)
{
	static const uint16_t places[] = {0, 1, 8, 9, 800, 801};
	size_t i, j;

	(void)state;
	IN(piece6("fd00::20", 53, 0, 0, true, false), PASS);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (j = 0; j < ARRAY_SIZE(places); j++) {
			/* behind a later one nobody looks; as the first thing there it shows */
			if (places[i] < 8)
				IN(twice_cut(places[i], places[j], true), DROP);
			IN(twice_cut(places[i], places[j], false), DROP);
		}
}

/* Whatever is behind the length that the network header gives is not there. */
static void beyond_the_length(void **state)
{
	struct frame frame;
	uint16_t length;

	(void)state;
	frame = tcp4(FRIEND, 1000, POD, 8080, SYN);
	for (length = 0; length < 40; length++) {
		frame_poke16(&frame, 16, length);
		IN(frame, DROP);
	}
	frame_poke16(&frame, 16, 40);
	IN(frame, PASS);
	frame = udp4(FRIEND, 1000, POD, 53);
	frame_poke16(&frame, 16, 27);
	IN(frame, DROP);
	frame = icmp4(FRIEND, POD, 8, 1);
	frame_poke16(&frame, 16, 27);
	IN(frame, DROP);
	frame = tcp6("fd00::20", 1000, "fd00::10", 8080, SYN);
	for (length = 0; length < 20; length++) {
		frame_poke16(&frame, IP6_LENGTH, length);
		IN(frame, DROP);
	}
	frame_poke16(&frame, IP6_LENGTH, 20);
	IN(frame, PASS);
	/* the same behind extension headers */
	frame = extended("fd00::20", 8080, (uint8_t[]){60, 43}, 2);
	for (length = 1; length < 2 * 16 + 20; length++) {
		frame_poke16(&frame, IP6_LENGTH, length);
		IN(frame, DROP);
	}
	frame_poke16(&frame, IP6_LENGTH, 2 * 16 + 20);
	IN(frame, PASS);
}

/* One of several segments that are yet to be cut. */
static int in_super(const struct frame *frame)
{
	struct __sk_buff context = {.gso_size = 1400, .gso_segs = 2};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->bytes,
		    .data_size_in = frame->length, .ctx_in = &context,
		    .ctx_size_in = sizeof(context), .repeat = 1);
	int fd = bpf_program__fd(sandbox->programs->progs.pod_ingress);

	assert_int_equal(bpf_prog_test_run_opts(fd, &options), 0);
	return (int)options.retval;
}

/* One of more than 64 KiB has no length, which nothing else may lack. */
static void super_packets(void **state)
{
	static const size_t lengths[] = {16, IP6_LENGTH};
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct frame good = i ? tcp6("fd00::20", 1000, OWN6, 8080, SYN)
				      : tcp4(FRIEND, 1000, POD, 8080, SYN);
		struct frame bad =
		    i ? tcp6("fd00::20", 1000, OWN6, 22, SYN) : tcp4(FRIEND, 1000, POD, 22, SYN);

		assert_int_equal(in_super(&good), PASS);
		assert_int_equal(in_super(&bad), DROP);
		frame_poke16(&good, lengths[i], 0);
		frame_poke16(&bad, lengths[i], 0);
		assert_int_equal(in_super(&good), PASS);
		assert_int_equal(in_super(&bad), DROP);
		IN(good, DROP);
		frame_poke16(&good, lengths[i], 19);
		assert_int_equal(in_super(&good), DROP);
	}
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
	struct frame request = udp4(FRIEND, 6, POD, 53), longer, cut;
	static const uint8_t filling[600];
	int i, passed;

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
	IN(error4("192.0.2.1", "10.0.0.11", 3, &forth), DROP);
	IN(error4("192.0.2.1", POD, 5, &forth), DROP);
	OUT(error4(POD, FRIEND, 3, &asked), DROP);
	assert_int_equal(in(&asked), PASS);
	OUT(error4(POD, FRIEND, 3, &asked), PASS);
	assert_int_equal(in(&request), PASS);
	OUT(error4(POD, FRIEND, 3, &request), PASS);
	/* what a pod says is for the flow's peer, and brief */
	OUT(error4(POD, STRANGER, 3, &asked), DROP);
	OUT(error4(POD, "192.0.2.1", 3, &asked), DROP);
	longer = error4(POD, FRIEND, 3, &asked);
	frame_add(&longer, filling, 576 - 56);
	OUT(longer, PASS);
	frame_add(&longer, "x", 1);
	OUT(longer, DROP);
	/* a quoted fragment is of no known flow, and neither is one of others */
	cut = error4(POD, FRIEND, 3, &asked);
	cut.bytes[14 + 28 + 7] = 1;
	OUT(cut, DROP);
	cut = error4(POD, FRIEND, 3, &asked);
	inet_pton(AF_INET, "10.0.0.11", cut.bytes + 14 + 28 + 16);
	OUT(cut, DROP);
	/* what others were sent by this wire began no flow to speak of */
	IN(udp4(FRIEND, 1000, "10.0.0.11", 53), PASS);
	request = udp4("10.0.0.11", 53, FRIEND, 1000);
	IN(error4("192.0.2.1", "10.0.0.11", 3, &request), DROP);
	/* nor are they without end */
	for (i = passed = 0; i < 2000; i++) {
		struct frame frame = error4(POD, FRIEND, 3, &asked);

		passed += out(&frame) == PASS;
	}
	assert_in_range(passed, 1, 1000);
	/* a revoked flow is not spoken of either */
	force(ALL & ~4u);
	IN(error4("192.0.2.1", POD, 3, &forth), DROP);
}

static struct frame error6(const char *from, const char *to, const struct frame *about, size_t more)
{
	static const uint8_t filling[1300];
	struct frame error = ethernet();

	ip6(&error, from, to, IPPROTO_ICMPV6);
	icmp(&error, 1, 4, 0);
	quote(&error, about, 60);
	frame_add(&error, filling, more);
	return error;
}

static void icmp6_errors(void **state)
{
	struct frame asked = tcp6("fd00::20", 5, "fd00::10", 8080, SYN);
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
	/* about a known flow, but of another address here */
	error = ethernet();
	ip6(&error, "2001:db8::1", "fd00::11", IPPROTO_ICMPV6);
	icmp(&error, 2, 0, 0);
	quote(&error, &forth, 60);
	assert_int_equal(in(&error), DROP);
	assert_int_equal(in(&asked), PASS);
	OUT(error6("fd00::10", "fd00::20", &asked, 0), PASS);
	OUT(error6("fd00::10", "fd00::20", &asked, 1280 - 108), PASS);
	OUT(error6("fd00::10", "fd00::20", &asked, 1280 - 107), DROP);
	OUT(error6("fd00::10", "fd00::21", &asked, 0), DROP);
	OUT(error6("fd00::10", "2001:db8::1", &asked, 0), DROP);
}

static struct frame bare(uint16_t type)
{
	struct frame frame = ethernet();

	ether_type(&frame, type);
	frame_add(&frame, "forty bytes of something that is not IP.", 40);
	return frame;
}

#define SOLICITED "ff02::1:ff00:99"

/* What passes is what a link needs, and nothing that only looks like it. */
static void neighbours_received(void **state)
{
	uint8_t type;

	(void)state;
	for (type = 133; type <= 136; type++) {
		IN(neighbour6("fe80::1", "ff02::1", type, 255, "fe80::2", 0), PASS);
		IN(neighbour6("fe80::1", "ff02::1", type, 64, "fe80::2", 0), DROP);
		IN(neighbour6("fe80::1", "ff02::1", type, 255, "ff02::2", 0), DROP);
		IN(neighbour6("fe80::1", "ff05::1", type, 255, "fe80::2", 0), DROP);
		/* nobody else has the pod's address */
		IN(neighbour6(OWN6, "ff02::1", type, 255, "fe80::2", 0), DROP);
	}
	IN(neighbour6("fe80::1", OWN6, 135, 255, OWN6, 24), PASS);
	IN(neighbour6("fe80::1", OWN6, 135, 255, OWN6, 25), DROP);
	IN(neighbour6("fe80::1", OWN6, 136, 255, "fe80::1", 1200), DROP);
	IN(neighbour6("fd00::1", "ff02::1", 134, 255, "fe80::1", 0), DROP);
	IN(neighbour6("fe80::1", "ff02::1", 137, 255, "fe80::2", 0), DROP);
	IN(neighbour6("fe80::1", "ff02::1", 130, 1, "::", 0), PASS);
	IN(neighbour6("fe80::1", "ff05::1", 130, 1, "::", 0), DROP);
	IN(arp(1, "10.0.0.1", POD), PASS);
	IN(arp(2, "10.0.0.1", POD), PASS);
	IN(arp(8, "10.0.0.1", POD), DROP);
	IN(bare(ETH_P_ARP), DROP);
	IN(bare(0x88cc), DROP);
}

static void neighbours_sent(void **state)
{
	(void)state;
	/* is an address free, who has one, is a neighbour still there */
	OUT(neighbour6("::", SOLICITED, 135, 255, "fd00::99", 0), PASS);
	OUT(neighbour6(OWN6, SOLICITED, 135, 255, "fd00::99", 8), PASS);
	OUT(neighbour6(OWN6, "fd00::99", 135, 255, "fd00::99", 8), PASS);
	OUT(neighbour6(OWN6, "fe80::99", 135, 255, "fe80::99", 8), PASS);
	OUT(neighbour6(OWN6, "fd00::98", 135, 255, "fd00::99", 8), DROP);
	OUT(neighbour6(OWN6, "2001:db8::1", 135, 255, "2001:db8::1", 8), DROP);
	OUT(neighbour6(OWN6, "ff02::1", 135, 255, "fd00::99", 8), DROP);
	OUT(neighbour6(OWN6, SOLICITED, 135, 255, "fd00::99", 25), DROP);
	OUT(neighbour6("fd00::11", SOLICITED, 135, 255, "fd00::99", 8), DROP);
	/* here it is: of its own addresses alone, to neighbours alone */
	OUT(neighbour6(OWN6, "fd00::20", 136, 255, OWN6, 8), PASS);
	OUT(neighbour6(OWN6, "ff02::1", 136, 255, OWN6, 8), PASS);
	OUT(neighbour6(OWN6, "ff02::1", 136, 255, "fd00::11", 8), DROP);
	OUT(neighbour6(OWN6, "2001:db8::1", 136, 255, OWN6, 8), DROP);
	OUT(neighbour6(OWN6, "fd00::20", 136, 255, OWN6, 1200), DROP);
	OUT(neighbour6(OWN6, "ff05::1", 136, 255, OWN6, 8), DROP);
	/* is there a router; but a pod is none */
	OUT(neighbour6("::", "ff02::2", 133, 255, "::", 0), PASS);
	OUT(neighbour6("::", "fd00::20", 133, 255, "::", 0), DROP);
	OUT(neighbour6(OWN6, "ff02::1", 134, 255, "::", 0), DROP);
	OUT(neighbour6(OWN6, "fd00::20", 137, 255, "::", 0), DROP);
	/* which groups it is in */
	OUT(neighbour6("::", "ff02::16", 143, 1, "::", 0), PASS);
	OUT(neighbour6("::", "ff02::16", 143, 64, "::", 0), DROP);
	OUT(neighbour6("::", "ff02::16", 143, 1, "::", 1200), DROP);
	OUT(neighbour6(OWN6, "fd00::20", 143, 1, "::", 0), DROP);
	OUT(neighbour6(OWN6, "2001:db8::1", 143, 1, "::", 0), DROP);
	OUT(neighbour6("::", "ff02::fb", 131, 1, "ff02::fb", 0), PASS);
	OUT(neighbour6("::", "ff02::fb", 131, 1, "ff02::fc", 0), DROP);
	OUT(neighbour6("::", "ff02::2", 132, 1, "ff02::fb", 0), PASS);
	OUT(neighbour6("::", "ff02::1", 130, 1, "::", 0), DROP);
	OUT(arp(1, POD, "10.0.0.1"), PASS);
	OUT(arp(1, "0.0.0.0", POD), PASS);
	OUT(arp(2, "10.0.0.1", FRIEND), DROP);
	OUT(bare(0x0042), DROP);
	/* where nothing is enforced, others' addresses are still others' */
	force(0);
	OUT(neighbour6(OWN6, "ff02::1", 136, 255, "fd00::11", 8), DROP);
	OUT(neighbour6(OWN6, "ff02::1", 134, 255, "::", 0), DROP);
	OUT(arp(2, "10.0.0.1", FRIEND), DROP);
}

/* As if a plan had bound the subject with these addresses. */
static void subject_rebind(const char *routed, const char *link_local)
{
	int fd = bpf_map__fd(sandbox->programs->maps.subjects), i;
	struct subject subject;
	uint32_t slot = 1;

	assert_int_equal(bpf_map_lookup_elem(fd, &slot, &subject), 0);
	for (i = 0; i < 2; i++) {
		inet_pton(AF_INET6, routed, subject.half[i].address6);
		inet_pton(AF_INET6, link_local, subject.half[i].link_local6);
	}
	assert_int_equal(bpf_map_update_elem(fd, &slot, &subject, BPF_ANY), 0);
}

/* Its link-local address is the pod's own, too, and no other one is. */
static void link_local(void **state)
{
	(void)state;
	force(3);
	subject_rebind(OWN6, "fe80::10");
	OUT(tcp6("fe80::10", 1000, "fe80::40", 443, SYN), PASS);
	OUT(tcp6("fe80::11", 1000, "fe80::40", 443, SYN), DROP);
	IN(tcp6("fe80::10", 1000, OWN6, 8080, SYN), DROP);
	OUT(neighbour6("fe80::10", SOLICITED, 135, 255, "fd00::99", 8), PASS);
	OUT(neighbour6("fe80::11", SOLICITED, 135, 255, "fd00::99", 8), DROP);
	OUT(neighbour6("fe80::10", "ff02::1", 136, 255, "fe80::10", 8), PASS);
	OUT(neighbour6("fe80::10", "ff02::1", 136, 255, "fe80::11", 8), DROP);
}

/* Without a routed address, what is not known is nobody's, and nobody is near by it. */
static void neighbours_without_address(void **state)
{
	(void)state;
	subject_rebind("::", "fe80::10");
	OUT(neighbour6("fe80::10", "fe80::1", 136, 255, "fe80::10", 8), PASS);
	OUT(neighbour6("fe80::10", "2001:db8::1", 136, 255, "fe80::10", 8), DROP);
	OUT(neighbour6("::", "2001:db8::1", 136, 255, "fe80::10", 8), DROP);
	OUT(neighbour6("::", "fe80::1", 136, 255, "::", 8), DROP);
	OUT(neighbour6("::", "2001:db8::1", 135, 255, "2001:db8::1", 8), DROP);
}

/* A fragmented one is none. */
static void neighbours_in_pieces(void **state)
{
	struct frame frame = ethernet();
	uint8_t *part;

	(void)state;
	ip6(&frame, "fe80::1", "ff02::1", IPPROTO_ICMPV6);
	frame.bytes[IP6_HOPS] = 255;
	part = extension6(&frame, 44, 0, 8);
	part[3] = 1;
	icmp(&frame, 136, 0, 0);
	frame_add(&frame, "target addressxx", 16);
	frame_measure(&frame);
	IN(frame, DROP);
	part[3] = 0;
	IN(frame, DROP);
	/* nor is a report whose end is yet to come */
	frame = ethernet();
	ip6(&frame, "::", "ff02::16", IPPROTO_ICMPV6);
	frame.bytes[IP6_HOPS] = 1;
	part = extension6(&frame, 44, 0, 8);
	part[3] = 1;
	icmp(&frame, 143, 0, 0);
	frame_add(&frame, "a group's record", 16);
	frame_measure(&frame);
	OUT(frame, DROP);
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
	/* or one that cannot be seen through */
	force(0);
	OUT(tagged(3, "10.0.0.11", 22), DROP);
	OUT(tagged(6, "10.0.0.11", 22), DROP);
	OUT(bare(0x8847), DROP);
	OUT(bare(0x88cc), DROP);
}

/* Sources that nobody on a wire has; the pod and itself need none. */
static void forged(void **state)
{
	static const char *const sources4[] = {POD,	    "127.0.0.1", "127.9.9.9",
					       "224.0.0.1", "239.1.2.3", "255.255.255.255"};
	static const char *const sources6[] = {OWN6, "::1", "::ffff:10.0.0.20", "ff02::1",
					       "ff0e::1"};
	size_t i;
	unsigned int which;

	(void)state;
	for (which = 0; which <= ALL; which += ALL) {
		force(which);
		for (i = 0; i < ARRAY_SIZE(sources4); i++) {
			IN(tcp4(sources4[i], 1000, POD, 8080, SYN), DROP);
			IN(udp4(sources4[i], 1000, POD, 53), DROP);
			IN(piece4(sources4[i], 53, IPPROTO_UDP, 1, 0, true), DROP);
			OUT(tcp4(sources4[i], 1000, SERVER, 443, SYN), i ? DROP : PASS);
		}
		for (i = 0; i < ARRAY_SIZE(sources6); i++) {
			IN(tcp6(sources6[i], 1000, OWN6, 8080, SYN), DROP);
			IN(udp6(sources6[i], 1000, OWN6, 53), DROP);
			OUT(tcp6(sources6[i], 1000, "fd00::40", 443, SYN), i ? DROP : PASS);
		}
		IN(udp4("8.8.8.8", 53, "8.8.8.8", 53), DROP);
		IN(udp6("ff02::1", 53, "ff02::1", 53), DROP);
		OUT(tcp4(POD, 1000, POD, 22, SYN), DROP);
		OUT(tcp6(OWN6, 1000, OWN6, 22, SYN), DROP);
	}
}

static void unenforced(void **state)
{
	(void)state;
	force(0);
	IN(tcp4(STRANGER, 1000, POD, 22, SYN), PASS);
	IN(bare(0x88cc), PASS);
	IN(bare(ETH_P_ARP), PASS);
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

/* What is dropped closes nothing, so the revoked connection never comes back. */
static void revoked_stays_revoked(void **state)
{
	uint32_t *lifetime = sandbox->settings->lifetime, was = lifetime[LIFE_TCP_CLOSING];
	struct timespec tick;

	(void)state;
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	lifetime[LIFE_TCP_CLOSING] = (uint32_t)(200000000 / tick.tv_nsec);
	force(3);
	IN(tcp4(FRIEND, 40000, POD, 8080, SYN), PASS);
	OUT(tcp4(POD, 8080, FRIEND, 40000, SYN | ACK), PASS);
	IN(tcp6("fd00::20", 40000, OWN6, 8080, SYN), PASS);
	OUT(tcp6(OWN6, 8080, "fd00::20", 40000, SYN | ACK), PASS);
	force(16); /* the pod stays isolated; egress is free */
	OUT(tcp4(POD, 8080, FRIEND, 40000, RST | ACK), DROP);
	OUT(tcp4(POD, 8080, FRIEND, 40000, FIN | ACK), DROP);
	IN(tcp4(FRIEND, 40000, POD, 8080, FIN | ACK), DROP);
	IN(tcp4(FRIEND, 40000, POD, 8080, RST), DROP);
	OUT(tcp6(OWN6, 8080, "fd00::20", 40000, FIN | ACK), DROP);
	IN(tcp6("fd00::20", 40000, OWN6, 8080, RST), DROP);
	usleep(400000);
	OUT(tcp4(POD, 8080, FRIEND, 40000, ACK), DROP);
	IN(tcp4(FRIEND, 40000, POD, 8080, ACK), DROP);
	OUT(tcp6(OWN6, 8080, "fd00::20", 40000, ACK), DROP);
	IN(tcp6("fd00::20", 40000, OWN6, 8080, ACK), DROP);
	/* even when nothing is known of it any more */
	flow_tables_clear(&sandbox->flows);
	OUT(tcp4(POD, 8080, FRIEND, 40000, ACK), DROP);
	IN(tcp4(FRIEND, 40000, POD, 8080, ACK), DROP);
	OUT(tcp6(OWN6, 8080, "fd00::20", 40000, ACK), DROP);
	IN(tcp6("fd00::20", 40000, OWN6, 8080, ACK), DROP);
	lifetime[LIFE_TCP_CLOSING] = was;
}

/*
 * In the middle of a connection that is not known: the ephemeral port's side
 * began; where that tells nothing, both sides must have been allowed to.
 */
static void midstream(void **state)
{
	(void)state;
	/* a server that may not begin anything */
	OUT(tcp4(POD, 8080, FRIEND, 40000, ACK), PASS);
	IN(tcp4(FRIEND, 40000, POD, 8080, ACK), PASS);
	IN(tcp4(FRIEND, 40001, POD, 8080, ACK), PASS);
	OUT(tcp4(POD, 22, FRIEND, 40000, ACK), DROP);
	OUT(tcp4(POD, 8080, STRANGER, 40000, ACK), DROP);
	OUT(tcp4(POD, 8080, "192.0.2.1", 40000, ACK), DROP);
	OUT(tcp6(OWN6, 8080, "fd00::20", 40000, ACK), PASS);
	OUT(tcp6(OWN6, 8080, "fd00::21", 40000, ACK), DROP);
	/* a client whose answers nobody else may send */
	IN(tcp4(SERVER, 443, POD, 40000, ACK), PASS);
	OUT(tcp4(POD, 40000, SERVER, 443, ACK), PASS);
	IN(tcp4(STRANGER, 443, POD, 40000, ACK), DROP);
	IN(tcp4(SERVER, 443, POD, 22, ACK), DROP);
	/* ports that tell nothing: either may have begun, so both must be allowed */
	IN(tcp4(FRIEND, 1000, POD, 8080, ACK), DROP);
	OUT(tcp4(POD, 1000, SERVER, 443, ACK), DROP);
	OUT(tcp4(POD, 50000, SERVER, 50000, ACK), DROP);
	force(0);
	OUT(tcp4(POD, 1000, SERVER, 443, ACK), PASS);
	/* a SYN is no middle, and neither is what answers one */
	force(ALL);
	OUT(tcp4(POD, 8080, FRIEND, 40002, SYN | ACK), DROP);
	OUT(tcp4(POD, 8080, FRIEND, 40000, SYN), DROP);
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

	(void)state;
	force(1); /* egress is free: without the seed, the pod's packet would begin a flow */
	inet_pton(AF_INET, POD, &key.local);
	inet_pton(AF_INET, STRANGER, &key.remote);
	assert_true(flow_table_put(&sandbox->flows.ipv4, &key, &flow, 0, false));
	OUT(tcp4(POD, 8080, STRANGER, 1000, ACK), DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, ACK), DROP);
	inet_pton(AF_INET, FRIEND, &key.remote);
	assert_true(flow_table_put(&sandbox->flows.ipv4, &key, &flow, 0, false));
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

/* One whose slot another has is found by its number, which stands in its entry as well. */
static void subject_elsewhere(void **state)
{
	int slots = bpf_map__fd(sandbox->programs->maps.subjects), i;
	int more = bpf_map__fd(sandbox->programs->maps.subjects_more);
	struct subject kept, other;
	uint32_t one = 1;

	(void)state;
	assert_int_equal(bpf_map_lookup_elem(slots, &one, &kept), 0);
	other = kept;
	for (i = 0; i < 2; i++)
		other.half[i].ifindex = 1 + SUBJECT_SLOTS;
	assert_int_equal(bpf_map_update_elem(slots, &one, &other, BPF_ANY), 0);
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), DROP);
	assert_int_equal(bpf_map_update_elem(more, &one, &other, BPF_ANY), 0);
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), DROP);
	assert_int_equal(bpf_map_update_elem(more, &one, &kept, BPF_ANY), 0);
	IN(tcp4(FRIEND, 1000, POD, 8080, SYN), PASS);
	assert_int_equal(bpf_map_delete_elem(more, &one), 0);
	assert_int_equal(bpf_map_update_elem(slots, &one, &kept, BPF_ANY), 0);
}

/* Every third address of 172.16.0.0/16 that ends in 0 to 250 may use a port of its own. */
static struct plan *plan_of_many(unsigned int count)
{
	struct model *model = model_new();
	struct plan *plan = NULL;

	model_put(model, backend);
	for (unsigned int i = 0; i < count; i++) {
		char *rule = xprintf("{'kind': 'Rule', 'id': %u, 'action': 'allow', "
				     "'direction': 'ingress', 'peer': '172.16.%u.%u', "
				     "'ports': ['tcp/%u']}",
				     100 + i, i / 80, i % 80 * 3, 1 + i);

		model_put(model, rule);
		free(rule);
	}
	assert_int_equal(model_subject_add(model, "default/backend"), 0);
	assert_int_equal(plan_compile(model, &plan), 0);
	model_free(model);
	return plan;
}

static void each_has_its_port(void)
{
	for (unsigned int i = 0; i < 1000; i += 37) {
		char peer[32], next[32];

		snprintf(peer, sizeof(peer), "172.16.%u.%u", i / 80, i % 80 * 3);
		snprintf(next, sizeof(next), "172.16.%u.%u", i / 80, i % 80 * 3 + 1);
		IN(tcp4(peer, 1000, POD, (uint16_t)(1 + i), SYN), PASS);
		IN(tcp4(peer, 1000, POD, (uint16_t)(2 + i), SYN), DROP);
		IN(tcp4(next, 1000, POD, (uint16_t)(1 + i), SYN), DROP);
	}
	IN(tcp4(STRANGER, 1000, POD, 8080, SYN), DROP);
}

/* Such a set is flat: pages of answers, the last of which ends behind the last identity. */
static void large_set(void **state)
{
	const struct subject_half *half;
	struct plan *plan = plan_of_many(1000);

	(void)state;
	assert_int_equal(sandbox_force(sandbox, plan), 0);
	half = &sandbox->datapath.subjects[1].half[sandbox->settings->version & 1];
	assert_true(half->set[INGRESS].count & SET_FLAT);
	each_has_its_port();
	assert_int_equal(set_answer(&sandbox->datapath, half->set[INGRESS], 60000),
			 set_answer(&sandbox->datapath, half->set[INGRESS], 0));
	plan_free(plan);
}

/* More classes than 16 bits can number: here it is enough to begin behind them. */
static void wide_identities(void **state)
{
	struct plan *plan = plan_of_many(1000);
	struct binding binding = {.ifindex = 1};
	uint32_t limits[NUMBER_KINDS];
	struct numbers *numbers;
	bool wide = false;

	(void)state;
	memcpy(binding.address, plan->subjects[0].address, sizeof(binding.address));
	apply_limits(&sandbox->datapath, plan, limits);
	limits[NUMBER_CLASS] = 200000;
	sandbox->numbers->space[NUMBER_CLASS].next = 65500;
	assert_int_equal(numbers_assign(plan, sandbox->numbers, limits, &numbers), 0);
	assert_int_equal(
	    apply_stage(&sandbox->datapath, plan, numbers, sandbox->numbers, &binding, 1), 0);
	apply_flip(sandbox->settings);
	apply_clean(&sandbox->datapath);
	numbers_free(sandbox->numbers);
	sandbox->numbers = numbers;
	for (unsigned int i = 0; i < 2 * PEERS4_HALF; i++)
		wide |= sandbox->datapath.peers4[i].count & PEER_WIDE;
	assert_true(wide);
	each_has_its_port();
	plan_free(plan);
}

static struct counter counted(const char *name)
{
	struct counter sum = {};
	struct rule_info info;
	uint32_t i;

	for (i = 0; i < sandbox->datapath.rule_limit; i++)
		if (!bpf_map_lookup_elem(sandbox->datapath.maps.rules, &i, &info) &&
		    !strcmp(info.name, name))
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

static uint64_t tallied(size_t *entries)
{
	int table = bpf_map__fd(sandbox->programs->maps.tallies);
	int recents = bpf_map__fd(sandbox->programs->maps.tally_recents);
	int processors = libbpf_num_possible_cpus(), i;
	struct tally_recent *own = xalloc((size_t)processors * sizeof(*own));
	struct tally_key key, *last = NULL;
	struct tally tally;
	uint64_t sum = 0;
	uint32_t which;

	for (*entries = 0; !bpf_map_get_next_key(table, last, &key); ++*entries) {
		last = &key;
		assert_int_equal(bpf_map_lookup_elem(table, &key, &tally), 0);
		sum += tally.count;
	}
	for (which = TALLY_LAST; which <= TALLY_OTHERS; which++) {
		assert_int_equal(bpf_map_lookup_elem(recents, &which, own), 0);
		for (i = 0; i < processors; i++)
			sum += own[i].tally.count;
	}
	free(own);
	return sum;
}

/* One who is asked by very many has every denial counted, in few entries. */
static void every_denial_is_counted(void **state)
{
	struct frame syn = tcp4(STRANGER, 1000, POD, 8080, SYN);
	uint32_t verdict, ns;
	uint64_t before;
	size_t entries;

	(void)state;
	before = tallied(&entries);
	assert_int_equal(
	    sandbox_run(sandbox, "bench_peers", syn.bytes, syn.length, 30000, &verdict, &ns), 0);
	assert_int_equal(verdict, DROP);
	IN(tcp4(STRANGER, 1000, POD, 8080, SYN), DROP);
	assert_int_equal(tallied(&entries) - before, 30001);
	assert_in_range(entries, TALLY_SHARE, TALLY_SHARE + 16);
}

/* How often the stranger was turned away from that port, by the entry of its own. */
static uint64_t tallied_stranger(uint16_t port)
{
	int table = bpf_map__fd(sandbox->programs->maps.tallies);
	struct tally_key key, *last = NULL;
	struct tally tally;
	uint64_t sum = 0;
	uint8_t peer[4];

	inet_pton(AF_INET, STRANGER, peer);
	for (; !bpf_map_get_next_key(table, last, &key); last = &key)
		if (key.port == port && !memcmp(key.peer, peer, sizeof(peer)) &&
		    !bpf_map_lookup_elem(table, &key, &tally))
			sum += tally.count;
	return sum;
}

static void tallies_empty(void)
{
	const int maps[] = {bpf_map__fd(sandbox->programs->maps.tallies),
			    bpf_map__fd(sandbox->programs->maps.tally_shares)};
	int recents = bpf_map__fd(sandbox->programs->maps.tally_recents);
	struct tally_recent *none = xalloc((size_t)libbpf_num_possible_cpus() * sizeof(*none));
	uint8_t key[sizeof(struct tally_key)];

	for (uint32_t i = TALLY_LAST; i <= TALLY_OTHERS; i++)
		assert_int_equal(bpf_map_update_elem(recents, &i, none, BPF_ANY), 0);
	free(none);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		while (!bpf_map_get_next_key(maps[i], NULL, key))
			bpf_map_delete_elem(maps[i], key);
}

/* Who had an entry before all that keeps it. */
static void a_known_denial_keeps_its_entry(void **state)
{
	struct frame syn = tcp4(STRANGER, 1000, POD, 8080, SYN);
	struct frame other = tcp4(STRANGER, 1000, POD, 8081, SYN);
	uint32_t verdict, ns;
	int i;

	(void)state;
	tallies_empty();
	IN(syn, DROP);
	IN(other, DROP);
	assert_int_equal(tallied_stranger(8080), 1);
	assert_int_equal(
	    sandbox_run(sandbox, "bench_peers", syn.bytes, syn.length, 30000, &verdict, &ns), 0);
	for (i = 0; i < 100; i++) {
		IN(syn, DROP);
		IN(other, DROP);
	}
	IN(syn, DROP);
	assert_int_equal(tallied_stranger(8080), 101);
	assert_int_equal(tallied_stranger(8081), 101);
}

/* Another sandbox, with room for so few flows that they push each other out. */
static struct sandbox *crowded(uint32_t flows)
{
	struct sandbox *made = NULL;
	struct plan *plan = plan_of(ALL);

	if (sandbox_open(&made, plan, flows))
		REFUSED();
	plan_free(plan);
	return made;
}

/*
 * A question that was asked is answered, whatever number of connections others
 * begin meanwhile, and so is one that is open.
 */
static void floods_take_nothing(void **state)
{
	struct sandbox *whole = sandbox;
	struct frame syn = tcp4(FRIEND, 1000, POD, 8080, SYN);
	uint32_t verdict, ns;
	int i;

	(void)state;
	sandbox = crowded(8192);
	for (i = 0; i < 100; i++) {
		OUT(udp4(POD, 2000 + i, SERVER, 53), PASS);
		OUT(tcp4(POD, 2000 + i, SERVER, 443, SYN), PASS);
		IN(tcp4(SERVER, 443, POD, 2000 + i, SYN | ACK), PASS);
		OUT(tcp4(POD, 2000 + i, SERVER, 443, ACK), PASS);
		OUT(tcp6(OWN6, 2000 + i, "fd00::40", 443, SYN), PASS);
	}
	assert_int_equal(
	    sandbox_run(sandbox, "bench_new_flow", syn.bytes, syn.length, 300000, &verdict, &ns),
	    0);
	for (i = 0; i < 100; i++) {
		IN(udp4(SERVER, 53, POD, 2000 + i), PASS);
		IN(tcp4(SERVER, 443, POD, 2000 + i, ACK), PASS);
		IN(tcp6("fd00::40", 443, OWN6, 2000 + i, SYN | ACK), PASS);
	}
	sandbox_close(sandbox);
	sandbox = whole;
}

struct processor {
	struct sandbox *sandbox;
	int number;
	uint32_t runs;
};

static void *judge_any(void *data)
{
	struct frame frame = tcp4(FRIEND, 40000, POD, 8080, SYN);
	struct processor *processor = data;
	uint32_t verdict, ns;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor->number, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	sandbox_run(processor->sandbox, "bench_any", frame.bytes, frame.length, processor->runs,
		    &verdict, &ns);
	return NULL;
}

/* Two processors change the same few places, and the policy changes under them. */
static void two_processors(void **state)
{
	const char *minutes = getenv("MINUTES");
	uint32_t runs = minutes ? (uint32_t)atoi(minutes) * 100000000u : 1000000u;
	struct sandbox *whole = sandbox;
	struct processor processors[2];
	pthread_t threads[2];
	int i;

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip();
	sandbox = crowded(32);
	for (i = 0; i < 2; i++) {
		processors[i] = (struct processor){sandbox, i, runs};
		assert_int_equal(pthread_create(&threads[i], NULL, judge_any, &processors[i]), 0);
	}
	for (i = 0; sandbox->programs->bss->any_judged < runs && i < 1000; i++)
		force(i & 1 ? ALL : 1);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(sandbox->programs->bss->any_judged, 2ull * runs);
	assert_int_equal(sandbox->programs->bss->any_wrong, 0);
	sandbox_close(sandbox);
	sandbox = whole;
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
	    TEST(neighbours_received),
	    TEST(neighbours_sent),
	    TEST(neighbours_without_address),
	    TEST(neighbours_in_pieces),
	    TEST(link_local),
	    TEST(forged),
	    TEST(fragments_have_shares),
	    TEST(fragment_headers_twice),
	    TEST(beyond_the_length),
	    TEST(super_packets),
	    TEST(revoked_stays_revoked),
	    TEST(midstream),
	    TEST(spoofed),
	    TEST(unenforced),
	    TEST(generations),
	    TEST(lifetimes),
	    TEST(seeded),
	    TEST(protocols),
	    TEST(no_subject),
	    TEST(subject_elsewhere),
	    TEST(large_set),
	    TEST(wide_identities),
	    TEST(every_packet_is_counted),
	    TEST(every_denial_is_counted),
	    TEST(a_known_denial_keeps_its_entry),
	    TEST(floods_take_nothing),
	    TEST(two_processors),
	};
	struct plan *plan;
	int failed;

	plan = plan_of(ALL);
	if (sandbox_open(&sandbox, plan, 0)) {
		printf("1..1\nnot ok 1 - the kernel takes the programs\n# %s\n", failure());
		return 1;
	}
	plan_free(plan);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sandbox_close(sandbox);
	return failed;
}
