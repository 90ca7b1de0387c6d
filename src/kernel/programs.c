// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* npctl's own programs: loading, upgrading in place, taking away. */
#include "kernel/programs.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "kernel/attach.h"
#include "kernel/enforce.h"
#include "kernel/pins.h"
#include "pod.skel.h"

/* The maps whose size is the user's choice. */
static const struct {
	const char *map, *option;
	size_t offset;	  /* in struct load_sizes */
	uint32_t divisor; /* IPv6 has half of the flows that IPv4 has */
} sized[] = {
    {"flows4", "flows", offsetof(struct load_sizes, flows), 1},
    {"flows6", "flows", offsetof(struct load_sizes, flows), 2},
    {"rules", "rules", offsetof(struct load_sizes, rules), 1},
    {"counters", "rules", offsetof(struct load_sizes, rules), 1},
    {"fragments", "fragments", offsetof(struct load_sizes, fragments), 1},
};

static const uint32_t default_seconds[LIFETIMES] = {
    [LIFE_TCP_OPENING] = 60, [LIFE_TCP] = 24 * 3600, [LIFE_TCP_CLOSING] = 10, [LIFE_SCTP] = 3600,
    [LIFE_UDP_OPENING] = 30, [LIFE_UDP] = 180,	     [LIFE_ICMP] = 30,	      [LIFE_FRAGMENT] = 30,
};

int program_open(const struct instance *instance, const char *name)
{
	char *path = instance_path(instance, "progs", name);
	int program = bpf_obj_get(path);

	if (program < 0 && errno == ENOENT) {
		fail("program \"%s\" is not loaded", name);
		instance_mend(instance, programs_are_own(name) ? "load" : "load FILE.o");
	} else if (program < 0) {
		fail("open %s: %s", path, strerror(errno));
	}
	free(path);
	return program < 0 ? FAILED : program;
}

int program_check_type(int program, const char *name)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	const char *type;

	if (bpf_obj_get_info_by_fd(program, &info, &size))
		return fail("look at program \"%s\": %s", name, strerror(errno));
	if (info.type == BPF_PROG_TYPE_SCHED_CLS)
		return 0;
	type = libbpf_bpf_prog_type_str(info.type);
	return fail("program \"%s\" is of type %s, but interfaces take sched_cls: SEC(\"tc\")",
		    name, type ? type : "unknown");
}

bool programs_are_own(const char *name)
{
	return !strcmp(name, "pod_ingress") || !strcmp(name, "pod_egress");
}

/* The datapath's maps, as distinct from those that are made before it is loaded. */
static bool is_state(const char *name)
{
	return !strcmp(name, "settings") || !strcmp(name, "documents");
}

static bool is_datapath(const char *name)
{
	struct pod_bpf *pod;
	bool found;

	if (is_state(name))
		return false;
	if (!strncmp(name, "runs-", 5) || !strncmp(name, "runs6-", 6))
		return true;
	pod = pod_bpf__open();
	found = pod && bpf_object__find_map_by_name(pod->obj, name);
	pod_bpf__destroy(pod);
	return found;
}

bool maps_are_own(const char *name)
{
	return is_state(name) || is_datapath(name);
}

static uint32_t wanted_size(const struct load_sizes *sizes, const char *name, uint32_t *divisor,
			    const char **option)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sized); i++) {
		if (strcmp(sized[i].map, name) != 0)
			continue;
		*divisor = sized[i].divisor;
		*option = sized[i].option;
		return *(const uint32_t *)((const char *)sizes + sized[i].offset);
	}
	return 0;
}

/* A map that is pinned already keeps its size, and must have the right shape. */
static int fit_map(const struct instance *instance, struct bpf_map *map,
		   const struct load_sizes *sizes)
{
	const char *name = bpf_map__name(map), *option = "";
	uint32_t divisor = 1, size = wanted_size(sizes, name, &divisor, &option);
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	int fd, error;

	if (!pin_exists(instance, "maps", name)) {
		uint32_t entries = size / divisor ? size / divisor : 1;

		if (size && bpf_map__set_max_entries(map, entries))
			return fail("give map %s %u entries: %s", name, entries, strerror(errno));
		return 0;
	}
	fd = instance_map(instance, name);
	if (fd < 0)
		return fd;
	error = bpf_obj_get_info_by_fd(fd, &info, &length) || info.type != bpf_map__type(map) ||
		info.key_size != bpf_map__key_size(map) ||
		info.value_size != bpf_map__value_size(map);
	close(fd);
	if (error) {
		fail("%s/maps/%s is of another version of npctl", instance->root, name);
		return instance_mend(instance, "load --unload");
	}
	if (size && info.max_entries != size / divisor) {
		fail("already loaded with %u %s", info.max_entries * divisor, option);
		return instance_mend(instance, "load --unload");
	}
	bpf_map__set_max_entries(map, info.max_entries);
	return 0;
}

static int fit_maps(const struct instance *instance, struct pod_bpf *pod,
		    const struct load_sizes *sizes)
{
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, pod->obj)
	{
		if (!error && bpf_map__pin_path(map))
			error = fit_map(instance, map, sizes);
	}
	return error;
}

/* Lifetimes are written in jiffies, which the datapath reads at no cost. */
static void set_lifetimes(struct instance *instance, const struct load_sizes *sizes)
{
	struct timespec jiffy = {.tv_nsec = 4000000};
	uint32_t *lifetime = instance->settings->lifetime;
	int i;

	clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy);
	for (i = 0; i < LIFETIMES; i++) {
		uint64_t seconds = sizes->lifetime_seconds[i];

		if (!seconds && lifetime[i])
			continue;
		if (!seconds)
			seconds = default_seconds[i];
		lifetime[i] = seconds * 1000000000 / jiffy.tv_nsec;
	}
}

/* Names the embedded object and the programs made of it. */
static char *build_name(uint32_t ingress, uint32_t egress)
{
	size_t size;
	const void *object = pod_bpf__elf_bytes(&size);

	return xprintf("%08lx %u %u", crc32(0, object, size), ingress, egress);
}

/* This very build is loaded, all of it. */
static bool is_current(struct instance *instance, struct pod_bpf *pod)
{
	uint32_t ingress = program_pin_id(instance, "pod_ingress");
	uint32_t egress = program_pin_id(instance, "pod_egress");
	json_t *stored = document_get(instance, "build");
	char *build = build_name(ingress, egress);
	bool current = ingress && egress && json_is_string(stored) &&
		       !strcmp(json_string_value(stored), build);
	struct bpf_map *map;

	bpf_object__for_each_map(map, pod->obj)
	{
		if (bpf_map__pin_path(map) && !pin_exists(instance, "maps", bpf_map__name(map)))
			current = false;
	}
	json_decref(stored);
	free(build);
	return current;
}

static uint32_t program_id(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) ? 0 : info.id;
}

json_t *report_row(const struct instance *instance, const char *kind, const char *name, uint32_t id,
		   const char *state)
{
	bool program = !strcmp(kind, "program");
	char *pin = instance_path(instance, program ? "progs" : "maps", name);
	json_t *row = json_pack("{s:s,s:s,s:I,s:s,s:s}", "kind", kind, "name", name, "id",
				(json_int_t)id, "pin", pin, "state", state);

	free(pin);
	return row;
}

/* What is pinned before anything is loaded tells new from kept. */
static json_t *report_make(const struct instance *instance, struct pod_bpf *pod, bool current)
{
	struct bpf_program *program;
	json_t *report = json_array();
	struct bpf_map *map;

	bpf_object__for_each_program(program, pod->obj)
	{
		const char *name = bpf_program__name(program);
		uint32_t id = program_pin_id(instance, name);

		json_array_append_new(report, report_row(instance, "program", name, id,
							 current ? "kept"
							 : id	 ? "upgraded"
								 : "new"));
	}
	bpf_object__for_each_map(map, pod->obj)
	{
		const char *name = bpf_map__name(map);
		uint32_t id = map_pin_id(instance, name);

		if (bpf_map__pin_path(map))
			json_array_append_new(
			    report, report_row(instance, "map", name, id, id ? "kept" : "new"));
	}
	return report;
}

static void report_ids(const struct instance *instance, json_t *report)
{
	json_t *row;
	size_t i;

	json_array_foreach (report, i, row) {
		const char *name = json_string_value(json_object_get(row, "name"));
		bool program = !strcmp(json_string_value(json_object_get(row, "kind")), "program");

		json_object_set_new(row, "id",
				    json_integer(program ? program_pin_id(instance, name)
							 : map_pin_id(instance, name)));
	}
}

int load_failed(const struct instance *instance, const char *what, int error)
{
	char message[128];

	if (error == -EPERM)
		return fail_privileges(what);
	if (error == -ENOMEM)
		return fail("%s: not enough memory for its maps", what);
	libbpf_strerror(error, message, sizeof(message));
	fail("%s: the kernel refused it: %s", what, message);
	return instance_mend(instance, "-d load");
}

/* Maps are filled before there is a program that reads them. */
static int bring_up(struct instance *instance, struct pod_bpf *pod, const struct load_sizes *sizes)
{
	char *build;
	int error;

	step("bpftool prog loadall pod.bpf.o %s/progs pinmaps %s/maps", instance->root,
	     instance->root);
	error = bpf_object__load(pod->obj);
	if (error)
		return load_failed(instance, "load the datapath", error);
	set_lifetimes(instance, sizes);
	build = build_name(program_id(pod->progs.pod_ingress), program_id(pod->progs.pod_egress));
	document_put(instance, "build", json_string(build));
	free(build);
	return enforce_commit(instance);
}

static int put_in_place(struct instance *instance, const struct bpf_object *object)
{
	struct bpf_program *program;
	int error = 0;

	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);
		int fd = bpf_program__fd(program);

		if (!error)
			error = pin_replace(instance, "progs", name, fd);
		if (!error)
			error = attach_upgrade(instance, name, fd);
	}
	return error;
}

/* Whatever an earlier datapath left, half loaded or half removed, speaks of other maps. */
static int forget_datapath(struct instance *instance)
{
	struct settings *settings = instance->settings;

	memset(settings->peers6, 0, sizeof(settings->peers6));
	memset(settings->lifetime, 0, sizeof(settings->lifetime));
	settings->listening = settings->listening_all = 0;
	document_put(instance, "numbers", NULL);
	return pins_remove(instance, "maps", is_datapath);
}

int programs_load(struct instance *instance, const struct load_sizes *sizes, json_t **report)
{
	bool fresh = !instance_loaded(instance), current;
	char *pins = xprintf("%s/maps", instance->root);
	LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = pins);
	struct pod_bpf *pod = pod_bpf__open_opts(&options);
	int error = pod ? 0 : load_failed(instance, "open the datapath", -errno);

	*report = NULL;
	if (!error && fresh)
		error = forget_datapath(instance);
	if (!error)
		error = fit_maps(instance, pod, sizes);
	if (error)
		goto out;
	current = is_current(instance, pod);
	*report = report_make(instance, pod, current);
	if (current)
		set_lifetimes(instance, sizes);
	else
		error = bring_up(instance, pod, sizes);
	if (error && fresh)
		pins_remove(instance, "maps", is_datapath);
	if (!error && !current)
		error = put_in_place(instance, pod->obj);
	if (!error)
		report_ids(instance, *report);
out:
	pod_bpf__destroy(pod);
	free(pins);
	return error;
}

static bool belongs_to_topology(const char *name)
{
	return !strcmp(name, "topology") || !strcmp(name, "namespaces") ||
	       !strncmp(name, "pods/", 5);
}

struct names {
	char **name;
	size_t count, capacity;
};

static int collect(const char *name, void *data)
{
	struct names *names = data;

	GROW(names->name, names->count, names->capacity);
	names->name[names->count++] = xstrdup(name);
	return 0;
}

static int forget_documents(struct instance *instance)
{
	json_t *topology = document_get(instance, "topology");
	struct names names = {};
	size_t i;

	document_each(instance, collect, &names);
	for (i = 0; i < names.count; i++) {
		if (!topology || !belongs_to_topology(names.name[i]))
			document_put(instance, names.name[i], NULL);
		free(names.name[i]);
	}
	free(names.name);
	json_decref(topology);
	return enforce_commit(instance);
}

static bool is_no_state(const char *name)
{
	return !is_state(name);
}

int programs_unload(struct instance *instance)
{
	int error = instance->settings ? detach_all(instance) : detach_unknown(instance);

	if (!error)
		error = pins_remove(instance, "progs", NULL);
	if (!error)
		error = pins_remove(instance, "links", NULL);
	/* without the subjects it counts as unloaded, whatever happens next */
	if (!error)
		error = pin_remove(instance, "maps", "subjects");
	if (!error && instance->settings)
		error = forget_documents(instance);
	if (!error)
		error = pins_remove(instance, "maps", is_no_state);
	if (!error)
		instance_remove_if_empty(instance);
	return error;
}
