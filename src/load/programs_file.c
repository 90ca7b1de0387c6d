// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A user's own BPF object: its maps and programs pinned under their names. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include "attach/attach.h"
#include "store/pins.h"
#include "load/programs.h"
#include "datapath/objects.h"

static int open_object(const char *file, struct bpf_object **object)
{
	char message[128];
	int error;

	*object = bpf_object__open_file(file, NULL);
	if (*object)
		return 0;
	error = errno;
	libbpf_strerror(error, message, sizeof(message));
	fail("%s: %s", file, message);
	if (error != ENOENT)
		fail_mend("npctl -d load %s", file);
	return FAILED;
}

/* Names that are npctl's, or that no directory can hold, are refused. */
static int check_names(const char *file, const struct bpf_object *object)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
	{
		if (objects_have_program(bpf_program__name(program)))
			return fail("%s: npctl itself has a program \"%s\"", file,
				    bpf_program__name(program));
	}
	bpf_object__for_each_map(map, object)
	{
		if (!bpf_map__is_internal(map) && maps_are_own(bpf_map__name(map)))
			return fail("%s: npctl itself has a map \"%s\"", file, bpf_map__name(map));
	}
	return 0;
}

/* Sections of names that libbpf does not know hold what tc has always run. */
static void choose_types(struct bpf_object *object)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
	{
		if (bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC)
			bpf_program__set_type(program, BPF_PROG_TYPE_SCHED_CLS);
	}
	bpf_object__for_each_map(map, object) bpf_map__set_pin_path(map, NULL);
}

static int place_programs(struct instance *instance, const struct bpf_object *object,
			  json_t *report)
{
	struct bpf_program *program;
	int error = 0;

	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);
		bool old = pin_exists(instance, "progs", name);
		json_t *row;

		if (!error)
			error = pin_replace(instance, "progs", name, bpf_program__fd(program));
		if (!error)
			error = attach_upgrade(instance, name, bpf_program__fd(program));
		if (error)
			break;
		row = report_row(instance, "program", name, program_pin_id(instance, name),
				 old ? "upgraded" : "new");
		json_object_set_new(
		    row, "type", json_string(libbpf_bpf_prog_type_str(bpf_program__type(program))));
		json_array_append_new(report, row);
	}
	return error;
}

static int place_maps(struct instance *instance, const struct bpf_object *object, json_t *report)
{
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);
		bool old = pin_exists(instance, "maps", name);

		if (bpf_map__is_internal(map))
			continue;
		error = pin_replace(instance, "maps", name, bpf_map__fd(map));
		if (error)
			break;
		json_array_append_new(report,
				      report_row(instance, "map", name, map_pin_id(instance, name),
						 old ? "replaced" : "new"));
	}
	return error;
}

int programs_load_file(struct instance *instance, const char *file, json_t **report)
{
	struct bpf_object *object = NULL;
	int error;

	*report = json_array();
	error = open_object(file, &object);
	if (!error)
		error = check_names(file, object);
	if (error)
		goto out;
	choose_types(object);
	step("bpftool prog loadall %s %s/progs pinmaps %s/maps", file, instance->root,
	     instance->root);
	error = bpf_object__load(object);
	if (error)
		error = load_failed(instance, file, error);
	if (!error)
		error = place_maps(instance, object, *report);
	if (!error)
		error = place_programs(instance, object, *report);
out:
	bpf_object__close(object);
	return error;
}

int programs_unload_file(struct instance *instance, const char *file)
{
	struct bpf_object *object = NULL;
	struct bpf_program *program;
	struct bpf_map *map;
	int error, found = 0;

	error = open_object(file, &object);
	if (!error)
		error = check_names(file, object);
	if (error)
		goto out;
	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);

		if (error || !pin_exists(instance, "progs", name))
			continue;
		found++;
		error = detach_program(instance, NULL, name);
		if (!error)
			error = pin_remove(instance, "progs", name);
	}
	bpf_object__for_each_map(map, object)
	{
		const char *name = bpf_map__name(map);

		if (error || bpf_map__is_internal(map) || !pin_exists(instance, "maps", name))
			continue;
		found++;
		error = pin_remove(instance, "maps", name);
	}
	if (!error && !found)
		error = fail("%s: nothing of it is loaded", file);
	if (!error)
		instance_remove_if_empty(instance);
out:
	bpf_object__close(object);
	return error;
}
