// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/stacks.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "kernel/instance.h"
#include "kernel/symbols.h"
#include "watch.h"
#include "watch.skel.h"

struct stacks {
	struct watch_bpf *programs;
	struct btf *btf; /* the kernel's own; NULL: reasons stay numbers */
};

static int load(struct stacks *stacks, bool passes)
{
	struct stat netns;
	int error;

	if (stat("/proc/self/ns/net", &netns))
		return fail("look at this network namespace: %s", strerror(errno));
	stacks->programs = watch_bpf__open();
	if (!stacks->programs)
		return fail("open the programs that watch the kernel: %s", strerror(errno));
	stacks->programs->rodata->own_netns = (uint32_t)netns.st_ino;
	stacks->programs->rodata->with_passes = passes;
	bpf_program__set_autoload(stacks->programs->progs.packet_sent, passes);
	error = watch_bpf__load(stacks->programs);
	if (error == -EPERM)
		return fail_privileges("watch where the kernel drops packets");
	if (error)
		return fail("watch where the kernel drops packets: %s (it needs Linux 5.17)",
			    strerror(-error));
	return 0;
}

int stacks_open(const uint32_t *ifindexes, size_t count, bool passes, struct stacks **stacks)
{
	struct stacks *new = xalloc(sizeof(*new));
	uint8_t yes = 1;
	int error = load(new, passes);

	for (size_t i = 0; i < count && !error; i++)
		if (bpf_map_update_elem(bpf_map__fd(new->programs->maps.watched), &ifindexes[i],
					&yes, BPF_ANY))
			error = fail("watch interface %u: %s", ifindexes[i], strerror(errno));
	if (!error && watch_bpf__attach(new->programs))
		error = fail("watch where the kernel drops packets: %s", strerror(errno));
	new->btf = btf__load_vmlinux_btf();
	if (error)
		stacks_close(new);
	else
		*stacks = new;
	return error;
}

uint64_t stacks_total(const struct stacks *stacks)
{
	return __atomic_load_n(&stacks->programs->bss->total, __ATOMIC_RELAXED);
}

/* "TC_EGRESS", as the kernel's enum calls it. */
static json_t *reason_word(const struct stacks *stacks, uint32_t reason)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	int id = stacks->btf ? btf__find_by_name_kind(stacks->btf, "skb_drop_reason", BTF_KIND_ENUM)
			     : -1;
	const struct btf_type *type = id > 0 ? btf__type_by_id(stacks->btf, id) : NULL;

	for (int i = 0; type && i < btf_vlen(type); i++) {
		const char *name;

		if ((uint32_t)btf_enum(type)[i].val != reason)
			continue;
		name = btf__name_by_offset(stacks->btf, btf_enum(type)[i].name_off);
		if (!strncmp(name, prefix, sizeof(prefix) - 1))
			name += sizeof(prefix) - 1;
		return json_string(name);
	}
	return json_sprintf("reason %u", reason);
}

/* Without what the tracepoint itself adds. */
static bool is_tracing(const char *name)
{
	return !strncmp(name, "bpf_", 4) || !strncmp(name, "__bpf_", 6) ||
	       !strncmp(name, "__traceiter_", 12);
}

static json_t *frames(const struct stacks *stacks, const struct symbols *symbols, int32_t stack)
{
	uint64_t address[WATCH_DEPTH] = {0};
	json_t *array = json_array();

	if (stack < 0 ||
	    bpf_map_lookup_elem(bpf_map__fd(stacks->programs->maps.stacks), &stack, address))
		return array;
	for (size_t i = 0; i < WATCH_DEPTH && address[i]; i++) {
		char *name = symbol_name(symbols, address[i]);

		if (json_array_size(array) || !is_tracing(name))
			json_array_append_new(array, json_string(name));
		free(name);
	}
	return array;
}

struct counted {
	struct watch_key key;
	uint64_t count;
};

static int compare(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	return x->count > y->count ? -1 : x->count < y->count;
}

static size_t read_counts(const struct stacks *stacks, struct counted **all)
{
	int map = bpf_map__fd(stacks->programs->maps.counts);
	struct watch_key key, *last = NULL;
	size_t count = 0, capacity = 0;

	*all = NULL;
	while (count < WATCH_STACKS && !bpf_map_get_next_key(map, last, &key)) {
		GROW(*all, count, capacity);
		(*all)[count].key = key;
		last = &key;
		if (!bpf_map_lookup_elem(map, &key, &(*all)[count].count))
			count++;
	}
	qsort(*all, count, sizeof(**all), compare);
	return count;
}

int stacks_read(struct stacks *stacks, json_t **rows)
{
	struct symbols *symbols = symbols_read();
	struct counted *all;
	size_t count = read_counts(stacks, &all);

	*rows = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct watch_key *key = &all[i].key;
		json_t *row =
		    json_pack("{s:I, s:s, s:I, s:o}", "count", (json_int_t)all[i].count, "verdict",
			      key->passed ? "pass" : "drop", "ifindex", (json_int_t)key->ifindex,
			      "frames", frames(stacks, symbols, key->stack));

		if (!key->passed)
			json_object_set_new(row, "reason", reason_word(stacks, key->reason));
		json_array_append_new(*rows, row);
	}
	free(all);
	symbols_free(symbols);
	return 0;
}

void stacks_close(struct stacks *stacks)
{
	if (!stacks)
		return;
	watch_bpf__destroy(stacks->programs);
	btf__free(stacks->btf);
	free(stacks);
}
