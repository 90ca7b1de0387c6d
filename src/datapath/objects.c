// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/objects.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include "container.skel.h"
#include "kernel/clock.h"
#include "datapath/flow_tables.h"
#include "pod.skel.h"
#include "user.skel.h"
#include "kernel/verifier_log.h"

static const struct {
	const char *name;
	const void *(*bytes)(size_t *size);
} parts[PARTS] = {
    [PART_POD] = {"pod", pod_bpf__elf_bytes},
    [PART_USER] = {"user", user_bpf__elf_bytes},
    [PART_CONTAINER] = {"container", container_bpf__elf_bytes},
};

/* The constants of a part, still to be changed. */
static void *constants(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	size_t size;

	return map ? (void *)bpf_map__initial_value(map, &size) : NULL;
}

static uint64_t secret_draw(void)
{
	uint64_t secret = 0;

	if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) != sizeof(secret))
		secret = (uint64_t)time(NULL) << 32 ^ (uint64_t)getpid();
	return secret;
}

bool objects_read_secret(int map, struct flow_secret *secret)
{
	uint32_t zero = 0;

	*secret = (struct flow_secret){};
	if (bpf_map_lookup_elem(map, &zero, secret))
		return false;
	return secret->multiplier[0];
}

static uint32_t room(const struct objects *objects, enum part part, const char *map)
{
	return bpf_map__max_entries(bpf_object__find_map_by_name(objects->part[part], map));
}

/* What this kernel's programs may ask, and where flows are, is known before they are loaded. */
static void set_constants(struct objects *objects)
{
	struct container_bpf__rodata *container = constants(objects->part[PART_CONTAINER]);
	struct pod_bpf__rodata *pod = constants(objects->part[PART_POD]);
	struct user_bpf__rodata *user = constants(objects->part[PART_USER]);

	if (!container || !pod || !user)
		return;
	container->task_known = libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
							BPF_FUNC_get_current_pid_tgid, NULL) == 1;
	pod->tai_known = user->tai_known = container->tai_known = clock_has_tai();
	pod->fragment_secret = secret_draw();
	user->fragment_secret = secret_draw();
	if (!objects->secret.multiplier[0])
		flow_secret_draw(&objects->secret);
	memcpy(pod->flow_multiplier, &objects->secret, sizeof(objects->secret));
	memcpy(user->flow_multiplier, &objects->secret, sizeof(objects->secret));
	pod->flow_buckets4 = room(objects, PART_POD, "flows4");
	pod->flow_buckets6 = room(objects, PART_POD, "flows6");
	user->flow_buckets4 = room(objects, PART_USER, "flows4");
	user->flow_buckets6 = room(objects, PART_USER, "flows6");
}

/* For those who read the tables, and for the next programs over them. */
static int store_secret(const struct objects *objects)
{
	struct bpf_map *map = bpf_object__find_map_by_name(objects->part[PART_POD], "flow_secrets");
	uint32_t zero = 0;

	return bpf_map_update_elem(bpf_map__fd(map), &zero, &objects->secret, BPF_ANY);
}

int objects_open(struct objects *objects, const char *pins)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .pin_root_path = pins);
	size_t i, size;

	*objects = (struct objects){};
	for (i = 0; i < PARTS; i++) {
		const void *bytes = parts[i].bytes(&size);

		options.object_name = parts[i].name;
		objects->part[i] = bpf_object__open_mem(bytes, size, &options);
		if (!objects->part[i])
			return -errno;
	}
	return 0;
}

void objects_close(struct objects *objects)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		bpf_object__close(objects->part[i]);
	*objects = (struct objects){};
}

int objects_load(const struct instance *instance, struct objects *objects)
{
	int error = 0;
	size_t i;

	set_constants(objects);
	instance->settings->tai = clock_has_tai();
	for (i = 0; i < PARTS && !error; i++) {
		step("bpftool prog loadall %s.bpf.o %s/progs pinmaps %s/maps", parts[i].name,
		     instance->root, instance->root);
		error = bpf_object__load(objects->part[i]);
		if (!error || i != PART_CONTAINER ||
		    libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, NULL) == 1)
			continue;
		warn("this kernel refuses the programs for cgroups (%s): no policy for containers "
		     "here",
		     strerror(-error));
		bpf_object__close(objects->part[i]);
		objects->part[i] = NULL;
		error = 0;
	}
	return error ? error : store_secret(objects);
}

/* Nothing of it stays: its maps are its own, and go with it. */
int objects_try(enum part part)
{
	struct objects objects;
	struct bpf_map *map;
	int error;

	libbpf_listen();
	error = objects_open(&objects, NULL);
	if (!error) {
		set_constants(&objects);
		bpf_object__for_each_map(map, objects.part[part]) bpf_map__set_pin_path(map, NULL);
		error = bpf_object__load(objects.part[part]);
	}
	objects_close(&objects);
	return error;
}

uint32_t objects_checksum(void)
{
	uint32_t sum = 0;
	size_t i, size;

	for (i = 0; i < PARTS; i++) {
		const void *bytes = parts[i].bytes(&size);

		sum = crc32(sum, bytes, size);
	}
	return sum;
}

/* Opened once for all questions, and never loaded. */
static const struct objects *embedded(void)
{
	static struct objects objects;

	if (!objects.part[PART_POD] && objects_open(&objects, NULL))
		objects_close(&objects);
	return &objects;
}

bool objects_have_program(const char *name)
{
	const struct objects *objects = embedded();
	size_t i;

	objects_each(objects,
		     i) if (bpf_object__find_program_by_name(objects->part[i], name)) return true;
	return false;
}

bool objects_have_map(const char *name)
{
	const struct objects *objects = embedded();
	size_t i;

	objects_each(objects,
		     i) if (bpf_object__find_map_by_name(objects->part[i], name)) return true;
	return false;
}

int program_open(const struct instance *instance, const char *name)
{
	char *path = instance_path(instance, "progs", name);
	int program = bpf_obj_get(path);

	if (program < 0 && errno == ENOENT) {
		fail("program \"%s\" is not loaded", name);
		instance_mend(instance, objects_have_program(name) ? "load" : "load FILE.o");
	} else if (program < 0) {
		fail("open %s: %s", path, strerror(errno));
	}
	free(path);
	return program < 0 ? FAILED : program;
}
