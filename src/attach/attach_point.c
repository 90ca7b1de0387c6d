// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "attach/attach_point.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>
#include "attach/attach.h"
#include "datapath/objects.h"
#include "store/pins.h"

/* Newer than Debian 12's headers: before all others in the chain. */
#define FIRST_IN_CHAIN (1U << 3)

/* Where ours stand among clsact's filters; "np" marks them. */
#define POLICY_PRIORITY 1
#define POLICY_HANDLE 0x6e70
#define USERS_HANDLE 0x6e71
#define USER_PRIORITY 2

static const char *side(const struct point *point)
{
	return point->egress ? "egress" : "ingress";
}

/* Links bear the policy's direction: what leaves the host side enters the pod. */
static char *point_pin(const struct instance *instance, const struct point *point)
{
	char *name, *path;

	if (point->users)
		name = xprintf("%s.user-%s", point->interface, side(point));
	else if (point->policy)
		name = xprintf("%s.%s", point->interface, point->egress ? "ingress" : "egress");
	else
		name = xprintf("%s.%s.%s", point->interface, side(point), point->program);
	path = instance_path(instance, "links", name);
	free(name);
	return path;
}

/* libbpf wants the padding zero as well, which only memset promises. */
static void tc_point(struct bpf_tc_hook *tc, const struct point *point)
{
	memset(tc, 0, sizeof(*tc));
	tc->sz = sizeof(*tc);
	tc->ifindex = point->ifindex;
	tc->attach_point = point->egress ? BPF_TC_EGRESS : BPF_TC_INGRESS;
}

static void tc_options(struct bpf_tc_opts *options, const struct point *point)
{
	const void *name = point->program;

	memset(options, 0, sizeof(*options));
	options->sz = sizeof(*options);
	options->priority = point->policy ? POLICY_PRIORITY : USER_PRIORITY;
	options->handle = crc32(0, name, strlen(name)) | 1;
	if (point->policy)
		options->handle = point->users ? USERS_HANDLE : POLICY_HANDLE;
}

static int link_info(int link, struct bpf_link_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_obj_get_info_by_fd(link, info, &size);
}

/* struct bpf_link_info of 6.6 says for tcx: the interface, 0 when that is gone. */
static uint32_t link_ifindex(const struct bpf_link_info *info)
{
	return info->xdp.ifindex;
}

static uint32_t tcx_program(const struct instance *instance, const struct point *point)
{
	char *pin = point_pin(instance, point);
	int link = bpf_obj_get(pin);
	struct bpf_link_info info;
	uint32_t program = 0;

	if (link >= 0 && !link_info(link, &info) && link_ifindex(&info) == (uint32_t)point->ifindex)
		program = info.prog_id;
	if (link >= 0)
		close(link);
	free(pin);
	return program;
}

static uint32_t clsact_program(const struct point *point)
{
	struct bpf_tc_hook tc;
	struct bpf_tc_opts options;

	tc_point(&tc, point);
	tc_options(&options, point);
	return bpf_tc_query(&tc, &options) ? 0 : options.prog_id;
}

uint32_t point_program(const struct instance *instance, const struct point *point)
{
	return point->clsact ? clsact_program(point) : tcx_program(instance, point);
}

static int tcx_attach(const struct instance *instance, const struct point *point, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = point->policy ? FIRST_IN_CHAIN : 0);
	char *pin = point_pin(instance, point);
	struct bpf_link_info info;
	int link = -1, error;

	error = instance_folder(instance, "links");
	if (error)
		goto out;
	unlink(pin); /* of an interface that is gone */
	step("bpftool net attach tcx_%s pinned %s/progs/%s dev %s", side(point), instance->root,
	     point->program, point->interface);
	link = bpf_link_create(program, point->ifindex, point->egress ? TCX_EGRESS : TCX_INGRESS,
			       &options);
	error = link < 0 ? -errno : 0;
	if (!error && !link_info(link, &info)) {
		step("bpftool link pin id %u %s", info.id, pin);
		error = bpf_obj_pin(link, pin) ? -errno : 0;
	}
	if (error)
		error = fail("attach %s to the %s of %s: %s", point->program, side(point),
			     point->interface, strerror(-error));
out:
	if (link >= 0)
		close(link);
	free(pin);
	return error;
}

static int clsact_attach(const struct instance *instance, const struct point *point, int program)
{
	struct bpf_tc_hook tc;
	struct bpf_tc_opts options;
	int error;

	tc_point(&tc, point);
	tc_options(&options, point);
	step("tc filter add dev %s %s prio %u handle %#x bpf direct-action "
	     "object-pinned %s/progs/%s",
	     point->interface, side(point), options.priority, options.handle, instance->root,
	     point->program);
	options.prog_fd = program;
	error = bpf_tc_attach(&tc, &options);
	if (error == -EEXIST || error == -ENOSPC)
		return fail("attach %s to the %s of %s: priority %u is another filter's",
			    point->program, side(point), point->interface, options.priority);
	if (error)
		return fail("attach %s to the %s of %s: %s", point->program, side(point),
			    point->interface, strerror(-error));
	return 0;
}

int point_attach(const struct instance *instance, const struct point *point)
{
	int program = program_open(instance, point->program);
	int error;

	if (program < 0)
		return program;
	error = point->clsact ? clsact_attach(instance, point, program)
			      : tcx_attach(instance, point, program);
	close(program);
	return error;
}

static int tcx_detach(const struct instance *instance, const struct point *point)
{
	char *pin = point_pin(instance, point);
	int error = link_pin_remove(pin);

	free(pin);
	return error;
}

static int clsact_detach(const struct point *point)
{
	struct bpf_tc_hook tc;
	struct bpf_tc_opts options;
	int error;

	tc_point(&tc, point);
	tc_options(&options, point);
	if (!clsact_program(point))
		return 0;
	step("tc filter del dev %s %s prio %u handle %#x bpf", point->interface, side(point),
	     options.priority, options.handle);
	error = bpf_tc_detach(&tc, &options);
	if (error && error != -ENOENT && error != -ENODEV)
		return fail("detach %s from the %s of %s: %s", point->program, side(point),
			    point->interface, strerror(-error));
	return 0;
}

int point_detach(const struct instance *instance, const struct point *point)
{
	return point->clsact ? clsact_detach(point) : tcx_detach(instance, point);
}

static int tcx_update(const struct instance *instance, const struct point *point, int program)
{
	char *pin = point_pin(instance, point);
	int link = bpf_obj_get(pin);
	int error;

	/* bpftool has no word for it: the link itself gets the new program */
	step("bpftool net attach tcx_%s pinned %s/progs/%s dev %s overwrite", side(point),
	     instance->root, point->program, point->interface);
	error = link >= 0 && bpf_link_update(link, program, NULL) ? -errno : 0;

	if (link >= 0)
		close(link);
	free(pin);
	return error;
}

int point_update(const struct instance *instance, const struct point *point, int program)
{
	struct bpf_tc_opts options;
	struct bpf_tc_hook tc;
	int error;

	tc_options(&options, point);
	tc_point(&tc, point);
	if (!point_program(instance, point))
		return 0;
	if (point->clsact) {
		options.prog_fd = program;
		options.flags = BPF_TC_F_REPLACE;
		step("tc filter replace dev %s %s prio %u handle %#x bpf direct-action "
		     "object-pinned %s/progs/%s",
		     point->interface, side(point), options.priority, options.handle,
		     instance->root, point->program);
		error = bpf_tc_attach(&tc, &options);
	} else {
		error = tcx_update(instance, point, program);
	}
	if (error)
		return fail("upgrade %s on the %s of %s: %s", point->program, side(point),
			    point->interface, strerror(-error));
	return 0;
}

int filter_remove(int ifindex, bool egress, const struct filter *filter)
{
	LIBBPF_OPTS(bpf_tc_hook, tc, .ifindex = ifindex,
		    .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter->handle, .priority = filter->priority);
	int error = bpf_tc_detach(&tc, &options);

	return error ? fail("remove filter %s: %s", filter->name, strerror(-error)) : 0;
}

int clsact_make(const char *interface, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, tc, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int error;

	step("tc qdisc add dev %s clsact", interface);
	error = bpf_tc_hook_create(&tc);
	if (error && error != -EEXIST)
		return fail("add a clsact qdisc to %s: %s", interface, strerror(-error));
	return 0;
}

int clsact_remove(const char *interface, int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, tc, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int error;

	step("tc qdisc del dev %s clsact", interface);
	error = bpf_tc_hook_destroy(&tc);
	if (error && error != -ENOENT && error != -EINVAL)
		return fail("remove the clsact qdisc of %s: %s", interface, strerror(-error));
	return 0;
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
