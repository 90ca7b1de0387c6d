// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a packet costs, against the least that any program can do. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words/command.h"
#include "cmd/test/bench.h"
#include "datapath/sandbox.h"
#include "model/model.h"

#define ROUNDS 25
#define RUNS 50000
#define MANY 65536 /* flows */
#define RULES_MOST 1000000
#define PEER_ROUNDS 7
#define PEER_RUNS (4 * 65536) /* every sample four times */

const struct option test_bench_options[] = {
    {"rules", VALUE_NUMBER, "N", "packets among N more rules, and nothing else", 0, false},
    {"quick", VALUE_NONE, NULL, "fewer prefixes, fewer runs", 0, false},
    {0},
};

struct frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct tcphdr tcp;
	char data[10];
} __attribute__((packed));

static struct frame frame_make(const char *source, const char *target, uint16_t from, uint16_t to,
			       bool syn)
{
	struct frame frame = {
	    .ethernet.h_proto = htons(ETH_P_IP),
	    .ip = {.version = 4,
		   .ihl = 5,
		   .ttl = 64,
		   .protocol = IPPROTO_TCP,
		   .tot_len = htons(sizeof(frame) - sizeof(struct ethhdr))},
	    .tcp = {.source = htons(from), .dest = htons(to), .doff = 5, .syn = syn, .ack = !syn},
	};

	inet_pton(AF_INET, source, &frame.ip.saddr);
	inet_pton(AF_INET, target, &frame.ip.daddr);
	return frame;
}

struct frame6 {
	struct ethhdr ethernet;
	struct ip6_hdr ip;
	struct tcphdr tcp;
	char data[10];
} __attribute__((packed));

static struct frame6 frame6_make(const char *source, const char *target, uint16_t from, uint16_t to,
				 bool syn)
{
	struct frame6 frame = {
	    .ethernet.h_proto = htons(ETH_P_IPV6),
	    .ip = {.ip6_nxt = IPPROTO_TCP,
		   .ip6_hlim = 64,
		   .ip6_plen = htons(sizeof(struct tcphdr) + 10)},
	    .tcp = {.source = htons(from), .dest = htons(to), .doff = 5, .syn = syn, .ack = !syn},
	};

	frame.ip.ip6_vfc = 6 << 4;
	inet_pton(AF_INET6, source, &frame.ip.ip6_src);
	inet_pton(AF_INET6, target, &frame.ip.ip6_dst);
	return frame;
}

/* More that may reach the backend, scattered over those whom bench_peers denies. */
static int add_rules(struct model *model, uint32_t count)
{
	int result = 0;

	for (uint32_t i = 0; !result && i < count; i++) {
		uint32_t address = htonl(0xc0000000 | (i * 2654435769u >> 8));
		char peer[INET_ADDRSTRLEN], port[16];
		json_t *rule;

		inet_ntop(AF_INET, &address, peer, sizeof(peer));
		snprintf(port, sizeof(port), "tcp/%u", 1 + i % 50000);
		rule = json_pack("{s:s, s:I, s:s, s:s, s:s, s:[s]}", "kind", "Rule", "id",
				 (json_int_t)i + 3, "action", "allow", "direction", "ingress",
				 "peer", peer, "ports", port);
		result = model_add(model, rule, "bench");
		json_decref(rule);
	}
	return result;
}

/* The lab's backend, whom one client may reach on a few ports, and `rules` others. */
static int lab_plan(struct plan **plan, uint32_t rules)
{
	static const char *const objects[] = {
	    "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'backend','namespace':'default'},"
	    "'spec':{'containers':[{'name':'c','image':'i'}]},"
	    "'status':{'podIP':'10.0.0.10','podIPs':[{'ip':'10.0.0.10'},{'ip':'fd00::10'}]}}",
	    "{'kind':'Rule','id':1,'action':'allow','direction':'ingress','peer':'10.0.0.16/28',"
	    "'ports':['tcp/8080','tcp/443','tcp/80','udp/53','tcp/9000-9100']}",
	    "{'kind':'Rule','id':2,'action':'allow','direction':'ingress','peer':'fd00::20/128',"
	    "'ports':['tcp/8080']}",
	};
	struct model *model = model_new();
	int result = FAILED;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(objects); i++) {
		char *text = xstrdup(objects[i]), *quote = text;
		json_t *object;

		while ((quote = strchr(quote, '\'')))
			*quote = '"';
		object = json_loads(text, 0, NULL);
		free(text);
		if (model_add(model, object, "bench")) {
			json_decref(object);
			goto out;
		}
		json_decref(object);
	}
	result = add_rules(model, rules);
	if (!result)
		result = model_subject_add(model, "default/backend");
	if (!result)
		result = plan_compile(model, plan);
out:
	model_free(model);
	return result;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

uint32_t bench_median(uint32_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

struct measure {
	const char *name, *program;
	const void *frame;
	size_t length;
	int verdict;  /* what the program must return */
	size_t floor; /* which of the measures it is held against */
	bool anew;    /* nothing is known before each round */
	uint32_t ns[ROUNDS], median;
};

/* Round by round, so that a slow moment of the machine touches all alike. */
static int measure_all(struct sandbox *sandbox, struct measure *measures, size_t count, int rounds,
		       uint32_t runs)
{
	size_t i;
	int round;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < count; i++) {
			struct measure *m = &measures[i];
			uint32_t verdict;

			if (m->anew)
				flow_tables_clear(&sandbox->flows);
			if (sandbox_run(sandbox, m->program, m->frame, m->length, runs, &verdict,
					&m->ns[round]))
				return FAILED;
			if ((int)verdict != m->verdict)
				return fail("bench: %s returned %d where %d was due", m->name,
					    (int)verdict, m->verdict);
		}
	}
	for (i = 0; i < count; i++) {
		uint32_t sorted[ROUNDS];

		memcpy(sorted, measures[i].ns, sizeof(sorted));
		measures[i].median = bench_median(sorted, rounds);
	}
	return 0;
}

static int compare_real(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The median of what each round came to, both taken over the empty program. */
static double times_floor(const struct measure *measures, const struct measure *m)
{
	double times[ROUNDS];
	int round;

	for (round = 0; round < ROUNDS; round++) {
		double empty = measures[0].ns[round];
		double floor = measures[m->floor].ns[round] - empty;

		times[round] = (m->ns[round] - empty) / (floor > 0 ? floor : 1);
	}
	qsort(times, ROUNDS, sizeof(*times), compare_real);
	return times[ROUNDS / 2];
}

static void add_rows(json_t *rows, const struct measure *measures, size_t from, size_t count)
{
	size_t i;

	for (i = from; i < count; i++) {
		int over = (int)measures[i].median - (int)measures[0].median;
		json_t *row = json_pack("{s:s, s:i, s:i}", "path", measures[i].name, "ns",
					measures[i].median, "over_empty_ns", over);

		if (i)
			json_object_set_new(row, "times_floor",
					    json_real(times_floor(measures, &measures[i])));
		json_array_append_new(rows, row);
	}
}

struct warm_up {
	const char *program;
	const void *frame;
	size_t length;
	uint32_t runs;
};

static int warm_up(struct sandbox *sandbox, const struct warm_up *steps, size_t count)
{
	uint32_t verdict, ns;
	size_t i;

	for (i = 0; i < count; i++)
		if (sandbox_run(sandbox, steps[i].program, steps[i].frame, steps[i].length,
				steps[i].runs, &verdict, &ns))
			return FAILED;
	return 0;
}

#define FRAME(frame) &(frame), sizeof(frame)

/* Packets of connections that are known, one or as many as no cache holds, and of none. */
static int bench_known(struct sandbox *sandbox, json_t *rows, uint32_t runs)
{
	struct frame forth = frame_make("10.0.0.20", "10.0.0.10", 40000, 8080, false);
	struct frame back = frame_make("10.0.0.10", "10.0.0.20", 8080, 40000, false);
	struct frame syn = frame_make("10.0.0.20", "10.0.0.10", 40000, 8080, true);
	struct frame other = frame_make("10.0.0.40", "10.0.0.10", 40000, 8080, true);
	struct frame6 forth6 = frame6_make("fd00::20", "fd00::10", 40000, 8080, false);
	struct frame6 back6 = frame6_make("fd00::10", "fd00::20", 8080, 40000, false);
	struct frame6 syn6 = frame6_make("fd00::20", "fd00::10", 40000, 8080, true);
	enum { EMPTY, FLOOR, FLOOR6, COLD };
	const struct warm_up steps[] = {
	    {"bench_floor_fill", FRAME(forth), MANY}, {"bench_floor_know", FRAME(forth), 1},
	    {"bench_floor_know", FRAME(forth6), 1},   {"bench_new_flow", FRAME(syn), MANY},
	    {"bench_reply", FRAME(back), MANY},	      {"bench_cold", FRAME(forth), MANY},
	    {"pod_ingress", FRAME(syn6), 1},	      {"pod_egress", FRAME(back6), 1},
	    {"pod_ingress", FRAME(forth6), 1},
	};
	struct measure measures[] = {
	    {"empty program", "bench_empty", FRAME(forth), -1, FLOOR, false, {}, 0},
	    {"floor: parse and one LRU look-up",
	     "bench_floor",
	     FRAME(forth),
	     -1,
	     FLOOR,
	     false,
	     {},
	     0},
	    {"the same over IPv6", "bench_floor", FRAME(forth6), -1, FLOOR6, false, {}, 0},
	    {"the same, 65536 flows", "bench_floor_cold", FRAME(forth), -1, COLD, false, {}, 0},
	    {"established", "pod_ingress", FRAME(forth), -1, FLOOR, false, {}, 0},
	    {"established, event code removed",
	     "silent pod_ingress",
	     FRAME(forth),
	     -1,
	     FLOOR,
	     false,
	     {},
	     0},
	    {"reply", "pod_egress", FRAME(back), -1, FLOOR, false, {}, 0},
	    {"established over IPv6", "pod_ingress", FRAME(forth6), -1, FLOOR6, false, {}, 0},
	    {"established, 65536 flows", "bench_cold", FRAME(forth), -1, COLD, false, {}, 0},
	    {"denied", "pod_ingress", FRAME(other), 2, FLOOR, false, {}, 0},
	    {"denied, event code removed",
	     "silent pod_ingress",
	     FRAME(other),
	     2,
	     FLOOR,
	     false,
	     {},
	     0},
	    {"denied, every peer another", "bench_peers", FRAME(other), 2, FLOOR, false, {}, 0},
	};
	int result = warm_up(sandbox, steps, ARRAY_SIZE(steps));

	if (!result)
		result = measure_all(sandbox, measures, ARRAY_SIZE(measures), ROUNDS, runs);
	if (!result)
		add_rows(rows, measures, 0, ARRAY_SIZE(measures));
	return result;
}

/* Connections that begin, where there is room and where there is none. */
static int bench_new(struct sandbox *sandbox, json_t *rows, uint32_t runs, bool crowded)
{
	struct frame syn = frame_make("10.0.0.20", "10.0.0.10", 40000, 8080, true);
	const struct warm_up steps[] = {
	    {"bench_floor_new", FRAME(syn), 4 * MANY},
	    {"bench_crowded", FRAME(syn), 4 * MANY},
	};
	struct measure measures[] = {
	    {"empty program", "bench_empty", FRAME(syn), -1, 1, false, {}, 0},
	    {"floor: one LRU insertion", "bench_floor_new", FRAME(syn), -1, 1, false, {}, 0},
	    {crowded ? "new flow, table full" : "new flow",
	     "bench_crowded",
	     FRAME(syn),
	     -1,
	     1,
	     !crowded,
	     {},
	     0},
	};
	int result = warm_up(sandbox, steps, ARRAY_SIZE(steps));

	if (!result)
		result = measure_all(sandbox, measures, ARRAY_SIZE(measures), ROUNDS, runs);
	if (!result)
		add_rows(rows, measures, crowded ? 2 : 1, ARRAY_SIZE(measures));
	return result;
}

static int bench_packets(json_t **rows, uint32_t runs, uint32_t rules)
{
	struct sandbox *sandbox = NULL;
	struct plan *plan = NULL;
	int result = lab_plan(&plan, rules);

	*rows = json_array();
	if (!result)
		result = sandbox_open(&sandbox, plan, 0);
	if (!result)
		result = bench_known(sandbox, *rows, runs);
	if (!result)
		result = bench_new(sandbox, *rows, runs, false);
	if (!result)
		result = bench_new(sandbox, *rows, runs, true);
	sandbox_close(sandbox);
	plan_free(plan);
	return result;
}

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* As lists of countries and of bad neighbours look: /16 to /32, most of them long. */
struct prefix *bench_prefixes(size_t count, uint32_t *samples)
{
	struct prefix *prefixes = xalloc(count * sizeof(*prefixes));
	uint64_t state = 88172645463325252ull;
	size_t i;

	for (i = 0; i < count; i++) {
		uint8_t length = 16 + (random_next(&state) % 17 | random_next(&state) % 17) % 17;
		uint32_t address = random_next(&state) >> 16;

		address = htonl(address & ~0u << (32 - length));
		prefixes[i].length = length;
		prefixes[i].address.family = 4;
		memcpy(prefixes[i].address.bytes, &address, 4);
	}
	for (i = 0; samples && i < BENCH_SAMPLES; i++) {
		uint32_t any = random_next(&state) >> 16;

		if (i % 2)
			memcpy(&any, prefixes[random_next(&state) % count].address.bytes, 4);
		samples[i] = any ? any : 1;
	}
	return prefixes;
}

char *bench_prefixes_text(const struct prefix *prefixes, size_t count)
{
	char *text = xalloc(count * 20 + 1), *end = text, one[ADDRESS_TEXT];
	size_t i;

	for (i = 0; i < count; i++)
		end += sprintf(end, "%s\n", prefix_text(&prefixes[i], one));
	return text;
}

static int prefixes_plan(const struct prefix *prefixes, size_t count, struct plan **plan)
{
	char *text = bench_prefixes_text(prefixes, count);
	json_t *list =
	    json_pack("{s:s, s:s, s:s}", "kind", "CidrList", "name", "bench", "cidrs", text);
	json_t *rule = json_pack("{s:s, s:i, s:s, s:s, s:{s:s}}", "kind", "Rule", "id", 1, "action",
				 "deny", "direction", "ingress", "peer", "list", "bench");
	struct model *model = model_new();
	int result = FAILED;

	free(text);
	if (!model_add(model, list, "bench") && !model_add(model, rule, "bench") &&
	    !model_subject_add(model, "dev:lo"))
		result = plan_compile(model, plan);
	json_decref(list);
	json_decref(rule);
	model_free(model);
	return result;
}

static int bench_peers(size_t count, json_t *rows)
{
	struct frame frame = frame_make("10.0.0.20", "10.0.0.10", 1, 2, true);
	uint32_t *samples = xalloc(BENCH_SAMPLES * sizeof(*samples));
	struct prefix *prefixes = bench_prefixes(count, samples);
	struct measure measures[] = {
	    {"none", "bench_peer_none", FRAME(frame), -1, 0, false, {}, 0},
	    {"runs", "bench_peer_runs", FRAME(frame), -1, 0, false, {}, 0},
	    {"lpm", "bench_peer_lpm", FRAME(frame), -1, 0, false, {}, 0},
	};
	struct sandbox *sandbox = NULL;
	struct plan *plan = NULL;
	int result = FAILED, ours, theirs;

	/* the last sample of a round is inside a prefix: it must be found */
	if (prefixes_plan(prefixes, count, &plan) || sandbox_open(&sandbox, plan, 0) ||
	    sandbox_samples(sandbox, samples, BENCH_SAMPLES) ||
	    sandbox_prefixes(sandbox, prefixes, count))
		goto out;
	if (measure_all(sandbox, measures, ARRAY_SIZE(measures), PEER_ROUNDS, PEER_RUNS))
		goto out;
	ours = measures[1].median - measures[0].median;
	theirs = measures[2].median - measures[0].median;
	json_array_append_new(rows,
			      json_pack("{s:I, s:i, s:i, s:f}", "prefixes", (json_int_t)count,
					"npctl_ns", ours, "lpm_trie_ns", theirs, "times_faster",
					(double)theirs / (ours > 0 ? ours : 1)));
	result = 0;
out:
	sandbox_close(sandbox);
	plan_free(plan);
	free(samples);
	free(prefixes);
	return result;
}

static const struct column packet_columns[] = {
    {"path", "PATH", false, NULL},
    {"ns", "NS", true, NULL},
    {"over_empty_ns", "OVER EMPTY", true, NULL},
    {"times_floor", "x FLOOR", true, NULL},
};

static const struct column peer_columns[] = {
    {"prefixes", "PREFIXES", true, NULL},
    {"npctl_ns", "NPCTL NS", true, NULL},
    {"lpm_trie_ns", "LPM TRIE NS", true, NULL},
    {"times_faster", "x FASTER", true, NULL},
};

static const struct column connect_columns[] = {
    {"connect", "CONNECT", false, NULL},
    {"policy", "POLICY", false, NULL},
    {"ns", "NS", true, NULL},
    {"over_none_ns", "OVER NONE", true, NULL},
};

static const struct column user_columns[] = {
    {"packet", "PACKET", false, NULL},
    {"program", "PROGRAM", false, NULL},
    {"ns", "NS", true, NULL},
    {"times_pod", "x POD", true, NULL},
};

/* What is measured besides packets; sockets are real: they need cgroups, which may be out of reach.
 */
static int bench_others(bool quick, json_t *results)
{
	static const size_t counts[] = {100, 10000, 100000, 1000000};
	json_t *peers = json_array(), *connects = NULL, *users = NULL;

	json_object_set_new(results, "peers", peers);
	for (size_t i = 0; i < ARRAY_SIZE(counts) - 2 * quick; i++)
		if (bench_peers(counts[i], peers))
			return FAILED;
	if (bench_connects(quick, &connects)) {
		warn("connects were not measured: %s", failure());
		failure_clear();
	}
	if (bench_users(quick, &users)) {
		warn("users' packets were not measured: %s", failure());
		failure_clear();
	}
	json_object_set_new(results, "connects", connects ? connects : json_array());
	json_object_set_new(results, "users", users ? users : json_array());
	return 0;
}

static void show(const struct out *out, json_t *results, bool others)
{
	const struct {
		const char *name;
		const struct column *columns;
		size_t count;
		const char *none;
	} tables[] = {
	    {"packets", packet_columns, ARRAY_SIZE(packet_columns), NULL},
	    {"peers", peer_columns, ARRAY_SIZE(peer_columns), NULL},
	    {"connects", connect_columns, ARRAY_SIZE(connect_columns),
	     "connects were not measured"},
	    {"users", user_columns, ARRAY_SIZE(user_columns), "users' packets were not measured"},
	};

	for (size_t i = 0; i < (others ? ARRAY_SIZE(tables) : 1); i++) {
		if (i)
			putchar('\n');
		out_table(out, json_incref(json_object_get(results, tables[i].name)),
			  tables[i].columns, tables[i].count, tables[i].none);
	}
}

int test_bench(struct context *context, const struct words *words)
{
	json_t *packets = NULL, *results = json_object();
	bool quick = word_flag(words, "quick");
	uint64_t rules = 0;
	int result = word_number(words, "rules", 1, RULES_MOST, &rules);

	if (!result) {
		result = bench_packets(&packets, quick ? RUNS / 10 : RUNS, rules);
		json_object_set_new(results, "packets", packets);
	}
	if (!result && !rules)
		result = bench_others(quick, results);
	if (!result && !context->out.json)
		show(&context->out, results, !rules);
	if (result || !context->out.json)
		json_decref(results);
	else
		out_json(&context->out, results);
	return result;
}
