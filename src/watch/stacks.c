// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch/stacks.h"
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "store/instance.h"
#include "kernel/symbols.h"
#include "watch.h"
#include "watch.skel.h"
#include "kernel/privileges.h"

struct stacks {
	struct watch_bpf *programs;
	struct btf *btf; /* the kernel's own; NULL: reasons stay numbers */
};

static const char prefix[] = "SKB_DROP_REASON_";

/* The kernel's enum of reasons, NULL when it has none. */
static const struct btf_type *reasons(const struct btf *btf)
{
	int id = btf ? btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM) : -1;

	return id > 0 ? btf__type_by_id(btf, id) : NULL;
}

/* "TC_EGRESS", as the kernel calls it; freed by the caller. */
static char *reason_word(const struct stacks *stacks, uint32_t reason)
{
	const struct btf_type *type = reasons(stacks->btf);

	for (int i = 0; type && i < btf_vlen(type); i++) {
		const char *name;

		if ((uint32_t)btf_enum(type)[i].val != reason)
			continue;
		name = btf__name_by_offset(stacks->btf, btf_enum(type)[i].name_off);
		if (!strncmp(name, prefix, sizeof(prefix) - 1))
			name += sizeof(prefix) - 1;
		return xstrdup(name);
	}
	return xprintf("reason %u", reason);
}

/* 0, which no drop has, when the kernel knows no such word. */
static uint32_t reason_number(const struct stacks *stacks, const char *word)
{
	const struct btf_type *type = reasons(stacks->btf);

	for (int i = 0; type && i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(stacks->btf, btf_enum(type)[i].name_off);

		if (!strncmp(name, prefix, sizeof(prefix) - 1) &&
		    !strcmp(name + sizeof(prefix) - 1, word))
			return (uint32_t)btf_enum(type)[i].val;
	}
	return 0;
}

static int set_up(struct stacks *stacks, const struct stacks_wanted *wanted)
{
	struct watch_bpf *programs = watch_bpf__open();
	struct stat netns;

	stacks->programs = programs;
	if (!programs)
		return fail("open the programs that watch the kernel: %s", strerror(errno));
	if (stat("/proc/self/ns/net", &netns))
		return fail("look at this network namespace: %s", strerror(errno));
	programs->rodata->own_netns = (uint32_t)netns.st_ino;
	programs->rodata->with_passes = wanted->passes;
	programs->rodata->tc_reasons[0] = reason_number(stacks, "TC_EGRESS");
	programs->rodata->tc_reasons[1] = reason_number(stacks, "TC_INGRESS");
	/* where they cannot be told apart, all are shown */
	programs->rodata->with_kernel = wanted->kernel || !programs->rodata->tc_reasons[0];
	if (wanted->filter) {
		programs->rodata->filtered = true;
		programs->bss->wanted = *wanted->filter;
	}
	bpf_program__set_autoload(programs->progs.packet_sent, wanted->passes);
	bpf_program__set_autoload(programs->progs.packet_queued, wanted->passes);
	bpf_program__set_autoload(programs->progs.packet_came, wanted->passes);
	return 0;
}

/* Lockdown: programs may not read what the kernel knows. */
static bool kernel_hides(void)
{
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char line[128] = "";
	bool hides = file && fgets(line, sizeof(line), file) && strstr(line, "[confidentiality]");

	if (file)
		fclose(file);
	return hides;
}

static int load(struct stacks *stacks)
{
	int error = watch_bpf__load(stacks->programs);

	if (error == -EPERM && !kernel_hides())
		return fail_privileges("watch where the kernel drops packets");
	if (error)
		return fail("watch where the kernel drops packets: %s (%s)", strerror(-error),
			    kernel_hides() ? "the kernel is locked down for confidentiality"
					   : "it needs Linux 5.17");
	return 0;
}

/* The interface, and all of the namespace that is the pod's own. */
static int watch(struct stacks *stacks, const struct stacks_interface *interface)
{
	int map = bpf_map__fd(stacks->programs->maps.watched);
	struct watched_key key = {.netns = stacks->programs->rodata->own_netns,
				  .ifindex = interface->ifindex};
	bool failed = bpf_map_update_elem(map, &key, &interface->ifindex, BPF_ANY);

	key = (struct watched_key){.netns = interface->netns};
	if (key.netns && !failed)
		failed = bpf_map_update_elem(map, &key, &interface->ifindex, BPF_ANY);
	return failed ? fail("watch interface %u: %s", interface->ifindex, strerror(errno)) : 0;
}

int stacks_open(const struct stacks_wanted *wanted, struct stacks **stacks)
{
	struct stacks *new = xalloc(sizeof(*new));
	int error;

	new->btf = btf__load_vmlinux_btf();
	error = set_up(new, wanted);
	if (!error)
		error = load(new);
	for (size_t i = 0; i < wanted->count && !error; i++)
		error = watch(new, &wanted->interfaces[i]);
	if (!error && watch_bpf__attach(new->programs))
		error = fail("watch where the kernel drops packets: %s", strerror(errno));
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

/* Programs at a pod's interface: its egress is the pod's ingress. */
static const char *tc_direction(const char *reason)
{
	return !strcmp(reason, "TC_EGRESS")    ? "ingress"
	       : !strcmp(reason, "TC_INGRESS") ? "egress"
					       : NULL;
}

static json_t *row_of(const struct stacks *stacks, const struct symbols *symbols,
		      const struct counted *counted)
{
	const struct watch_key *key = &counted->key;
	bool dropped = key->what == WATCH_DROPPED || key->what == WATCH_DROPPED_IN_POD;
	const char *direction = key->what == WATCH_SENT ? "ingress" : "egress";
	json_t *row = json_pack("{s:I, s:s, s:I}", "count", (json_int_t)counted->count, "verdict",
				dropped ? "drop" : "pass", "ifindex", (json_int_t)key->ifindex);
	char *reason = dropped ? reason_word(stacks, key->reason) : NULL;

	if (dropped) {
		direction = key->what == WATCH_DROPPED ? tc_direction(reason) : NULL;
		json_object_set_new(row, "reason", json_string(reason));
		json_object_set_new(row, "by", json_string(direction ? "npctl" : "kernel"));
		json_object_set_new(row, "where",
				    json_string(key->what == WATCH_DROPPED ? "host" : "pod"));
	}
	if (direction)
		json_object_set_new(row, "direction", json_string(direction));
	json_object_set_new(row, "frames", frames(stacks, symbols, key->stack));
	free(reason);
	return row;
}

int stacks_read(struct stacks *stacks, json_t **rows)
{
	struct symbols *symbols = symbols_read();
	struct counted *all;
	size_t count = read_counts(stacks, &all);

	*rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(*rows, row_of(stacks, symbols, &all[i]));
	free(all);
	symbols_free(symbols);
	return 0;
}

uint64_t stacks_lost(const struct stacks *stacks)
{
	return stacks->programs->bss->lost;
}

void stacks_close(struct stacks *stacks)
{
	if (!stacks)
		return;
	watch_bpf__destroy(stacks->programs);
	btf__free(stacks->btf);
	free(stacks);
}
