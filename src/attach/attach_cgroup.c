// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attach/attach_cgroup.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "kernel/cgroup.h"
#include "datapath/objects.h"
#include "store/pins.h"

static const struct {
	const char *program, *hook, *bpftool; /* what bpftool calls the hook */
	enum bpf_attach_type type;
} hooks[CGROUP_HOOKS] = {
    {"container_connect4", "connect4", "inet4_connect", BPF_CGROUP_INET4_CONNECT},
    {"container_connect6", "connect6", "inet6_connect", BPF_CGROUP_INET6_CONNECT},
    {"container_sendmsg4", "sendmsg4", "udp4_sendmsg", BPF_CGROUP_UDP4_SENDMSG},
    {"container_sendmsg6", "sendmsg6", "udp6_sendmsg", BPF_CGROUP_UDP6_SENDMSG},
    {"container_socket", "socket", "inet_sock_create", BPF_CGROUP_INET_SOCK_CREATE},
};

bool cgroup_row(const json_t *row)
{
	return json_object_get(row, "cgroup_id") != NULL;
}

const char *cgroup_row_path(const json_t *row)
{
	return json_string_value(json_object_get(row, "subject")) + strlen("cgroup:");
}

static uint64_t row_id(const json_t *row)
{
	return json_integer_value(json_object_get(row, "cgroup_id"));
}

static char *link_pin(const struct instance *instance, const json_t *row, size_t index)
{
	char *name = xprintf("cgroup-%llu:%s", (unsigned long long)row_id(row), hooks[index].hook);
	char *path = instance_path(instance, "links", name);

	free(name);
	return path;
}

/* A link outlives its cgroup, but judges nothing any more. */
static uint32_t link_program(const struct instance *instance, const json_t *row, size_t index)
{
	char *pin = link_pin(instance, row, index);
	int link = bpf_obj_get(pin);
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	uint32_t program = 0;

	if (link >= 0 && !bpf_obj_get_info_by_fd(link, &info, &size) &&
	    info.cgroup.cgroup_id == row_id(row))
		program = info.prog_id;
	if (link >= 0)
		close(link);
	free(pin);
	return program;
}

uint32_t cgroup_row_program(const struct instance *instance, const json_t *row, size_t index,
			    const char **program, const char **hook)
{
	*program = hooks[index].program;
	*hook = hooks[index].hook;
	return link_program(instance, row, index);
}

static size_t links_alive(const struct instance *instance, const json_t *row)
{
	size_t i, alive = 0;

	for (i = 0; i < CGROUP_HOOKS; i++)
		alive += link_program(instance, row, i) != 0;
	return alive;
}

bool cgroup_row_exists(const json_t *row)
{
	return cgroup_id(cgroup_row_path(row)) == row_id(row);
}

const json_t *cgroup_row_cover(const struct instance *instance, const json_t *rows,
			       const json_t *row, const json_t *except)
{
	json_t *each;
	size_t i;

	json_array_foreach (rows, i, each)
		if (each != row && each != except && cgroup_row(each) &&
		    cgroup_is_below(cgroup_row_path(row), cgroup_row_path(each)) &&
		    links_alive(instance, each) == CGROUP_HOOKS)
			return each;
	return NULL;
}

size_t cgroup_row_alive(const struct instance *instance, const json_t *rows, const json_t *row)
{
	if (!cgroup_row_exists(row))
		return 0;
	if (cgroup_row_cover(instance, rows, row, NULL))
		return CGROUP_HOOKS;
	return links_alive(instance, row);
}

static int link_make(const struct instance *instance, const json_t *row, int cgroup, size_t index)
{
	int program = program_open(instance, hooks[index].program), link = -1, error = 0;
	char *pin;

	if (program < 0)
		return program;
	pin = link_pin(instance, row, index);
	unlink(pin); /* of a cgroup that is gone */
	step("bpftool cgroup attach %s cgroup_%s pinned %s/progs/%s multi", cgroup_row_path(row),
	     hooks[index].bpftool, instance->root, hooks[index].program);
	link = bpf_link_create(program, cgroup, hooks[index].type, NULL);
	if (link < 0 || bpf_obj_pin(link, pin))
		error =
		    fail("attach %s to cgroup %s: %s", hooks[index].program, cgroup_row_path(row),
			 errno == EPERM ? "not permitted, or another program there is exclusive"
					: strerror(errno));
	if (link >= 0)
		close(link);
	close(program);
	free(pin);
	return error;
}

static int links_make(const struct instance *instance, const json_t *row)
{
	char *directory = cgroup_directory(cgroup_row_path(row));
	int cgroup = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int error = cgroup < 0 ? fail("open cgroup %s: %s", cgroup_row_path(row), strerror(errno))
			       : instance_folder(instance, "links");
	size_t i;

	for (i = 0; i < CGROUP_HOOKS && !error; i++)
		if (!link_program(instance, row, i))
			error = link_make(instance, row, cgroup, i);
	if (cgroup >= 0)
		close(cgroup);
	free(directory);
	return error;
}

int cgroup_row_detach(const struct instance *instance, const json_t *row)
{
	int error = 0;
	size_t i;

	for (i = 0; i < CGROUP_HOOKS; i++) {
		char *pin = link_pin(instance, row, i);

		if (link_pin_remove(pin))
			error = FAILED;
		free(pin);
	}
	return error;
}

int cgroups_settle(const struct instance *instance, const json_t *rows, const json_t *except)
{
	int error = 0;
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!error && row != except && cgroup_row(row) && cgroup_row_exists(row) &&
		    !cgroup_row_cover(instance, rows, row, except))
			error = links_make(instance, row);
	json_array_foreach (rows, i, row)
		if (!error && row != except && cgroup_row(row) &&
		    cgroup_row_cover(instance, rows, row, except))
			error = cgroup_row_detach(instance, row);
	return error;
}

int cgroup_row_update(const struct instance *instance, const json_t *row, const char *name,
		      int program)
{
	int error = 0;
	size_t i;

	for (i = 0; i < CGROUP_HOOKS; i++) {
		char *pin = link_pin(instance, row, i);
		int link = strcmp(hooks[i].program, name) ? -1 : bpf_obj_get(pin);

		if (link >= 0 && bpf_link_update(link, program, NULL) && errno != ENOLINK)
			error = fail("upgrade %s on cgroup %s: %s", name, cgroup_row_path(row),
				     strerror(errno));
		if (link >= 0)
			close(link);
		free(pin);
	}
	return error;
}
