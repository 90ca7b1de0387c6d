// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/sandbox.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.skel.h"
#include "datapath/apply.h"
#include "silent.skel.h"

#define SAMPLES 65536
#define RULES_SPARE 64 /* numbers that are not the plan's */
#define LOOPBACK 1     /* the interface of a test run */
#define LIFETIME_JIFFIES 1000000

static int flows_size(struct bench_bpf *programs, uint32_t flows)
{
	programs->rodata->flow_buckets4 = flow_buckets(flows, 4);
	programs->rodata->flow_buckets6 = flow_buckets(flows, 6);
	return bpf_map__set_max_entries(programs->maps.flows4, flow_buckets(flows, 4)) ||
	       bpf_map__set_max_entries(programs->maps.flows6, flow_buckets(flows, 6));
}

/* The map of rules that the object asks for is enough for most plans. */
static int rules_size(struct bench_bpf *programs, size_t rules)
{
	uint32_t count = rules + RULES_SPARE;

	if (count <= bpf_map__max_entries(programs->maps.rules))
		return 0;
	return bpf_map__set_max_entries(programs->maps.rules, count) ||
	       bpf_map__set_max_entries(programs->maps.counters, count) ||
	       bpf_map__set_max_entries(programs->maps.rates, count);
}

static int programs_open(struct sandbox *sandbox, size_t rules, uint32_t flows)
{
	struct flow_secret secret;
	struct bpf_map *map;
	int error;

	sandbox->programs = bench_bpf__open();
	if (!sandbox->programs)
		return fail("cannot open the benchmark's programs: %s", strerror(errno));
	bpf_object__for_each_map(map, sandbox->programs->obj) bpf_map__set_pin_path(map, NULL);
	flow_secret_draw(&secret);
	memcpy(sandbox->programs->rodata->flow_multiplier, &secret, sizeof(secret));
	if (rules_size(sandbox->programs, rules) || (flows && flows_size(sandbox->programs, flows)))
		return fail("cannot size the benchmark's tables: %s", strerror(errno));
	error = bench_bpf__load(sandbox->programs);
	if (error)
		return fail("cannot load the benchmark's programs: %s", strerror(-error));
	if (flow_tables_map(&sandbox->flows, bpf_map__fd(sandbox->programs->maps.flows4),
			    bpf_map__fd(sandbox->programs->maps.flows6), &secret))
		return FAILED;
	sandbox->settings = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
				 bpf_map__fd(sandbox->programs->maps.settings), 0);
	if (sandbox->settings == MAP_FAILED)
		return fail("cannot map the benchmark's settings: %s", strerror(errno));
	return 0;
}

/* Over the same maps. */
static int silent_open(struct sandbox *sandbox)
{
	struct bpf_map *map, *ours;
	int error;

	sandbox->silent = silent_bpf__open();
	if (!sandbox->silent)
		return fail("cannot open the programs without events: %s", strerror(errno));
	memcpy(sandbox->silent->rodata->flow_multiplier, sandbox->programs->rodata->flow_multiplier,
	       sizeof(struct flow_secret));
	sandbox->silent->rodata->flow_buckets4 = sandbox->programs->rodata->flow_buckets4;
	sandbox->silent->rodata->flow_buckets6 = sandbox->programs->rodata->flow_buckets6;
	bpf_object__for_each_map(map, sandbox->silent->obj)
	{
		bpf_map__set_pin_path(map, NULL);
		ours = bpf_object__find_map_by_name(sandbox->programs->obj, bpf_map__name(map));
		error = ours ? bpf_map__reuse_fd(map, bpf_map__fd(ours)) : 0;
		if (error)
			return fail("cannot share a map of the benchmark: %s", strerror(-error));
	}
	error = silent_bpf__load(sandbox->silent);
	return error ? fail("cannot load the programs without events: %s", strerror(-error)) : 0;
}

static int datapath_of(struct sandbox *sandbox)
{
	struct datapath_maps maps = {
	    .subjects = bpf_map__fd(sandbox->programs->maps.subjects),
	    .subjects_more = bpf_map__fd(sandbox->programs->maps.subjects_more),
	    .peers4 = bpf_map__fd(sandbox->programs->maps.peers4),
	    .rules = bpf_map__fd(sandbox->programs->maps.rules),
	    .counters = bpf_map__fd(sandbox->programs->maps.counters),
	    .runs = bpf_map__fd(sandbox->programs->maps.runs),
	    .runs6 = bpf_map__fd(sandbox->programs->maps.runs6),
	    .rates = -1,
	    .users = -1,
	    .containers = -1,
	    .shadows = -1,
	};
	int i;

	for (i = 0; i < LIFETIMES; i++)
		sandbox->settings->lifetime[i] = LIFETIME_JIFFIES;
	sandbox->settings->formats = FORMATS;
	return datapath_open_maps(&sandbox->datapath, sandbox->settings, &maps, NULL);
}

int sandbox_force(struct sandbox *sandbox, const struct plan *plan)
{
	struct binding binding = {.ifindex = LOOPBACK};
	uint32_t limits[NUMBER_KINDS];
	struct numbers *numbers = NULL;

	if (plan->subject_count)
		memcpy(binding.address, plan->subjects[0].address, sizeof(binding.address));
	apply_limits(&sandbox->datapath, plan, limits);
	if (numbers_assign(plan, sandbox->numbers, limits, &numbers) ||
	    apply_stage(&sandbox->datapath, plan, numbers, sandbox->numbers, &binding,
			plan->subject_count > 0)) {
		numbers_free(numbers);
		return FAILED;
	}
	apply_flip(sandbox->settings);
	apply_clean(&sandbox->datapath);
	numbers_free(sandbox->numbers);
	sandbox->numbers = numbers;
	return 0;
}

int sandbox_open(struct sandbox **sandbox, const struct plan *plan, uint32_t flows)
{
	struct sandbox *made = xalloc(sizeof(*made));

	if (programs_open(made, plan->rule_count, flows) || datapath_of(made) ||
	    sandbox_force(made, plan)) {
		sandbox_close(made);
		return FAILED;
	}
	*sandbox = made;
	return 0;
}

void sandbox_close(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	datapath_close(&sandbox->datapath);
	flow_tables_close(&sandbox->flows);
	numbers_free(sandbox->numbers);
	if (sandbox->settings && sandbox->settings != MAP_FAILED)
		munmap(sandbox->settings, sysconf(_SC_PAGESIZE));
	silent_bpf__destroy(sandbox->silent);
	bench_bpf__destroy(sandbox->programs);
	free(sandbox);
}

/* NULL when there is none. */
static struct bpf_program *program_find(struct sandbox *sandbox, const char *name)
{
	static const char prefix[] = "silent ";
	struct bpf_object *object = sandbox->programs->obj;

	if (!strncmp(name, prefix, sizeof(prefix) - 1)) {
		if (!sandbox->silent && silent_open(sandbox))
			return NULL;
		object = sandbox->silent->obj;
		name += sizeof(prefix) - 1;
	}
	return bpf_object__find_program_by_name(object, name);
}

int sandbox_run(struct sandbox *sandbox, const char *program, const void *frame, size_t length,
		uint32_t runs, uint32_t *verdict, uint32_t *ns)
{
	struct bpf_program *found = program_find(sandbox, program);
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = length,
		    .repeat = runs);
	int error = found ? bpf_prog_test_run_opts(bpf_program__fd(found), &options) : -ENOENT;

	if (error)
		return fail("cannot run program %s: %s", program, strerror(-error));
	*verdict = options.retval;
	*ns = options.duration;
	return 0;
}

int sandbox_samples(struct sandbox *sandbox, const uint32_t *addresses, size_t count)
{
	int fd = bpf_map__fd(sandbox->programs->maps.samples);
	uint32_t i;

	for (i = 0; i < SAMPLES; i++)
		if (bpf_map_update_elem(fd, &i, &addresses[i % count], BPF_ANY))
			return fail("cannot write sample %u: %s", i, strerror(errno));
	return 0;
}

int sandbox_prefixes(struct sandbox *sandbox, const struct prefix *prefixes, size_t count)
{
	int fd = bpf_map__fd(sandbox->programs->maps.prefixes);
	uint32_t identity = IDENTITY_FIRST;
	size_t i;

	for (i = 0; i < count; i++) {
		struct {
			uint32_t bits;
			uint8_t address[4];
		} key = {.bits = prefixes[i].length};

		memcpy(key.address, prefixes[i].address.bytes, 4);
		if (bpf_map_update_elem(fd, &key, &identity, BPF_ANY))
			return fail("cannot write prefix %zu: %s", i, strerror(errno));
	}
	return 0;
}
