// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* npctl's own programs: loading, upgrading in place, taking away. */
#include "load/programs.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "attach/attach.h"
#include "commit/enforce.h"
#include "datapath/flow_tables.h"
#include "datapath/flows_carry.h"
#include "store/networks.h"
#include "datapath/objects.h"
#include "store/pins.h"
#include "store/number_store.h"
#include "store/documents.h"
#include "kernel/privileges.h"
#include "kernel/verifier_log.h"

/* The maps whose size is the user's choice, beside those of flows. */
static const struct {
	const char *map, *option;
	size_t offset; /* in struct load_sizes */
} sized[] = {
    {"rules", "rules", offsetof(struct load_sizes, rules)},
    {"counters", "rules", offsetof(struct load_sizes, rules)},
    {"rates", "rules", offsetof(struct load_sizes, rules)},
    {"fragments", "fragments", offsetof(struct load_sizes, fragments)},
};

static const uint32_t default_seconds[LIFETIMES] = {
    [LIFE_TCP_OPENING] = 60, [LIFE_TCP] = 24 * 3600, [LIFE_TCP_CLOSING] = 10, [LIFE_SCTP] = 3600,
    [LIFE_UDP_OPENING] = 30, [LIFE_UDP] = 180,	     [LIFE_ICMP] = 30,	      [LIFE_FRAGMENT] = 30,
};

static bool is_state(const char *name)
{
	return !strcmp(name, "settings") || !strcmp(name, "documents");
}

static bool is_datapath(const char *name)
{
	if (is_state(name))
		return false;
	return !strncmp(name, "runs-", 5) || !strncmp(name, "runs6-", 6) || flows_are_aside(name) ||
	       objects_have_map(name);
}

bool maps_are_own(const char *name)
{
	return is_state(name) || is_datapath(name);
}

static uint32_t wanted_size(const struct load_sizes *sizes, const char *name, const char **option)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sized); i++) {
		if (strcmp(sized[i].map, name) != 0)
			continue;
		*option = sized[i].option;
		return *(const uint32_t *)((const char *)sizes + sized[i].offset);
	}
	return 0;
}

/* What it holds is of no use in a few seconds: another version's is replaced. */
static bool is_passing(const char *name)
{
	return !strcmp(name, "fragments");
}

/* A map that is pinned already keeps its size, and must have the right shape. */
static int fit_map(const struct instance *instance, struct bpf_map *map,
		   const struct load_sizes *sizes)
{
	const char *name = bpf_map__name(map), *option = "";
	uint32_t size = wanted_size(sizes, name, &option);
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	int fd, error;

	if (!pin_exists(instance, "maps", name)) {
		if (size && bpf_map__set_max_entries(map, size))
			return fail("give map %s %u entries: %s", name, size, strerror(errno));
		return 0;
	}
	fd = instance_map(instance, name);
	if (fd < 0)
		return fd;
	error = bpf_obj_get_info_by_fd(fd, &info, &length) || info.type != bpf_map__type(map) ||
		info.key_size != bpf_map__key_size(map) ||
		info.value_size != bpf_map__value_size(map);
	close(fd);
	if (error && is_passing(name))
		return pin_remove(instance, "maps", name);
	if (error) {
		fail("%s/maps/%s is of another version of npctl", instance->root, name);
		return instance_mend(instance, "load --unload");
	}
	if (size && info.max_entries != size) {
		fail("already loaded with %u %s", info.max_entries, option);
		return instance_mend(instance, "load --unload");
	}
	bpf_map__set_max_entries(map, info.max_entries);
	return 0;
}

/* The secret of the tables that are pinned; false when they cannot be read any more. */
static bool read_secret(const struct instance *instance, struct flow_secret *secret)
{
	bool known = pin_exists(instance, "maps", "flow_secrets");
	int fd = known ? instance_map(instance, "flow_secrets") : -1;

	known = fd >= 0 && objects_read_secret(fd, secret);
	if (fd >= 0)
		close(fd);
	return known;
}

/*
 * How many buckets the table of a family is to have. One of another size, or
 * of an older npctl, is put aside for another: see flows_carry.h.
 */
static int fit_flows(const struct instance *instance, int family, const struct load_sizes *sizes,
		     bool readable, uint32_t *buckets)
{
	enum flows_pinned pinned, aside;
	uint32_t room, before;
	int error = flows_pinned(instance, family, &pinned, &room);

	if (!error)
		error = flows_aside(instance, family, &aside, &before);
	if (error)
		return error;
	if (pinned == FLOWS_FOREIGN) {
		fail("%s/maps/flows%d is of another version of npctl", instance->root, family);
		return instance_mend(instance, "load --unload");
	}
	if (pinned == FLOWS_NONE && aside != FLOWS_NONE)
		room = before;
	if (room)
		*buckets = flow_buckets(family == 4 ? room : 2 * room, family);
	if (sizes->flows)
		*buckets = flow_buckets(sizes->flows, family);
	if (pinned == FLOWS_NONE ||
	    (pinned == FLOWS_OURS && readable && room == *buckets * FLOW_WAYS))
		return 0;
	return flows_put_aside(instance, family);
}

static int fit_table(const struct instance *instance, struct objects *objects, int family,
		     const struct load_sizes *sizes, bool readable)
{
	const char *name = family == 4 ? "flows4" : "flows6";
	struct bpf_map *map = bpf_object__find_map_by_name(objects->part[PART_POD], name);
	uint32_t buckets = bpf_map__max_entries(map);
	size_t i;

	if (fit_flows(instance, family, sizes, readable, &buckets))
		return FAILED;
	for (i = 0; i < PARTS; i++) {
		map = bpf_object__find_map_by_name(objects->part[i], name);
		if (map && bpf_map__set_max_entries(map, buckets))
			return fail("give map %s %u entries: %s", name, buckets, strerror(errno));
	}
	return 0;
}

static int fit_tables(const struct instance *instance, struct objects *objects,
		      const struct load_sizes *sizes)
{
	bool readable = read_secret(instance, &objects->secret);
	int error = fit_table(instance, objects, 4, sizes, readable);

	return error ? error : fit_table(instance, objects, 6, sizes, readable);
}

static bool is_table(const char *name)
{
	return !strcmp(name, "flows4") || !strcmp(name, "flows6");
}

/* One that is in several objects is asked for each: it must fit them all. */
static int fit_maps(const struct instance *instance, struct objects *objects,
		    const struct load_sizes *sizes)
{
	struct bpf_map *map;
	int error = 0;
	size_t i;

	for (i = 0; i < PARTS; i++)
		bpf_object__for_each_map(map, objects->part[i])
		{
			if (!error && bpf_map__pin_path(map) && !is_table(bpf_map__name(map)))
				error = fit_map(instance, map, sizes);
		}
	return error ? error : fit_tables(instance, objects, sizes);
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

/* Names the embedded objects and the programs made of them. */
static char *build_name(const struct objects *objects,
			uint32_t (*id)(const struct instance *, const struct bpf_program *),
			const struct instance *instance)
{
	char *name = xprintf("%08x", objects_checksum()), *longer;
	struct bpf_program *program;
	size_t i;

	objects_each(objects, i) bpf_object__for_each_program(program, objects->part[i])
	{
		longer = xprintf("%s %u", name, id(instance, program));
		free(name);
		name = longer;
	}
	return name;
}

static uint32_t pinned_id(const struct instance *instance, const struct bpf_program *program)
{
	return program_pin_id(instance, bpf_program__name(program));
}

/* All of an object's maps and programs are there. */
static bool is_whole(const struct instance *instance, const struct bpf_object *object)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
	{
		if (!pinned_id(instance, program))
			return false;
	}
	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__pin_path(map) && !pin_exists(instance, "maps", bpf_map__name(map)))
			return false;
	}
	return true;
}

/* This very build is loaded, all of it that the kernel takes. */
static bool is_current(struct instance *instance, const struct objects *objects)
{
	json_t *stored = document_get(instance, "build");
	char *build = build_name(objects, pinned_id, instance);
	bool current = json_is_string(stored) && !strcmp(json_string_value(stored), build);
	size_t i;

	for (i = 0; i < PARTS; i++)
		current = current && is_whole(instance, objects->part[i]);
	json_decref(stored);
	free(build);
	return current;
}

static uint32_t loaded_id(const struct instance *instance, const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	(void)instance;
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

static void report_programs(const struct instance *instance, const struct bpf_object *object,
			    bool current, json_t *report)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);
		uint32_t id = program_pin_id(instance, name);

		json_array_append_new(report, report_row(instance, "program", name, id,
							 current ? "kept"
							 : id	 ? "upgraded"
								 : "new"));
	}
}

static bool report_has(const json_t *report, const char *name)
{
	json_t *row;
	size_t i;

	json_array_foreach (report, i, row)
		if (!strcmp(json_string_value(json_object_get(row, "name")), name))
			return true;
	return false;
}

static void report_maps(const struct instance *instance, const struct bpf_object *object,
			json_t *report)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		uint32_t id = map_pin_id(instance, name);

		if (bpf_map__pin_path(map) && !report_has(report, name))
			json_array_append_new(
			    report, report_row(instance, "map", name, id, id ? "kept" : "new"));
	}
}

/* What is pinned before anything is loaded tells new from kept. */
static json_t *report_make(const struct instance *instance, const struct objects *objects,
			   bool current)
{
	json_t *report = json_array();
	size_t i;

	for (i = 0; i < PARTS; i++)
		report_programs(instance, objects->part[i], current, report);
	for (i = 0; i < PARTS; i++)
		report_maps(instance, objects->part[i], report);
	return report;
}

/* What was left out has no id, and no row. */
static void report_ids(const struct instance *instance, json_t *report)
{
	size_t i;

	for (i = json_array_size(report); i-- > 0;) {
		json_t *row = json_array_get(report, i);
		const char *name = json_string_value(json_object_get(row, "name"));
		bool program = !strcmp(json_string_value(json_object_get(row, "kind")), "program");
		uint32_t id = program ? program_pin_id(instance, name) : map_pin_id(instance, name);

		if (id)
			json_object_set_new(row, "id", json_integer(id));
		else
			json_array_remove(report, i);
	}
}

int load_failed(const struct instance *instance, const char *what, int error)
{
	char message[128];

	if (error == -EPERM || !privileges_suffice())
		return fail_privileges(what);
	if (error == -ENOMEM)
		return fail("%s: not enough memory for its maps", what);
	libbpf_strerror(error, message, sizeof(message));
	fail("%s: the kernel refused it: %s%s%s", what, message, *verifier_reason() ? ": " : "",
	     verifier_reason());
	return debug ? FAILED : instance_mend(instance, "-d load");
}

/* Maps are filled before there is a program that reads them. */
static int bring_up(struct instance *instance, struct objects *objects,
		    const struct load_sizes *sizes)
{
	char *build;
	int error;

	error = objects_load(instance, objects);
	if (error) {
		flows_put_back(instance);
		return load_failed(instance, "load the datapath", error);
	}
	error = flows_carry(instance);
	if (error)
		return error;
	set_lifetimes(instance, sizes);
	build = build_name(objects, loaded_id, instance);
	document_put(instance, "build", json_string(build));
	free(build);
	return enforce_commit(instance);
}

static int put_in_place(struct instance *instance, const struct objects *objects)
{
	struct bpf_program *program;
	int error = 0;
	size_t i;

	objects_each(objects, i) bpf_object__for_each_program(program, objects->part[i])
	{
		const char *name = bpf_program__name(program);
		int fd = bpf_program__fd(program);

		if (!error)
			error = pin_replace(instance, "progs", name, fd);
		if (!error)
			error = attach_upgrade(instance, name, fd);
	}
	/* only now is there no earlier program left that would misread it */
	if (!error)
		instance->settings->formats = FORMATS;
	return error;
}

/* Whatever an earlier datapath left, half loaded or half removed, speaks of other maps. */
static int forget_datapath(struct instance *instance)
{
	struct settings *settings = instance->settings;

	settings->formats = 0;
	memset(settings->peers6, 0, sizeof(settings->peers6));
	memset(settings->lifetime, 0, sizeof(settings->lifetime));
	settings->listening = settings->listening_all = 0;
	document_put(instance, "numbers", NULL);
	number_store_clear(instance->rules.records);
	return pins_remove(instance, "maps", is_datapath);
}

int programs_load(struct instance *instance, const struct load_sizes *sizes, json_t **report)
{
	bool fresh = !instance_loaded(instance), current;
	char *pins = xprintf("%s/maps", instance->root);
	struct objects objects;
	int error = objects_open(&objects, pins);

	*report = NULL;
	if (error)
		error = load_failed(instance, "open the datapath", error);
	if (!error && fresh)
		error = forget_datapath(instance);
	if (!error)
		error = fit_maps(instance, &objects, sizes);
	if (error)
		goto out;
	current = is_current(instance, &objects);
	*report = report_make(instance, &objects, current);
	if (current)
		set_lifetimes(instance, sizes);
	else
		error = bring_up(instance, &objects, sizes);
	if (error && fresh)
		pins_remove(instance, "maps", is_datapath);
	if (!error && !current)
		error = put_in_place(instance, &objects);
	/* with the flows that began meanwhile */
	if (!error)
		error = flows_finish(instance);
	if (!error)
		report_ids(instance, *report);
out:
	objects_close(&objects);
	free(pins);
	return error;
}

static bool belongs_to_topology(const char *name)
{
	return !strcmp(name, "topology") || !strcmp(name, "namespaces") ||
	       !strncmp(name, "pods/", 5);
}

/* Its containers keep their addresses, which must not be given to others. */
static int has_attachments(const char *network, json_t *document, void *data)
{
	(void)network;
	(void)data;
	return json_array_size(json_object_get(document, "attachments")) > 0;
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
	bool containers = networks_each(instance, has_attachments, NULL);
	json_t *topology = document_get(instance, "topology");
	struct names names = {};
	size_t i;

	document_each(instance, collect, &names);
	for (i = 0; i < names.count; i++) {
		if (!(topology && belongs_to_topology(names.name[i])) &&
		    !(containers &&
		      !strncmp(names.name[i], NETWORK_DOCUMENTS, strlen(NETWORK_DOCUMENTS))))
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
