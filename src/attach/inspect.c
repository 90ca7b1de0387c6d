// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What stands on the machine's interfaces, npctl's and others', and what is wrong with it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attach/attach.h"
#include "attach/attach_cgroup.h"
#include "attach/attach_point.h"
#include "attach/attach_tc.h"
#include "store/pins.h"
#include "datapath/objects.h"
#include "store/documents.h"
#include "kernel/privileges.h"

/* Programs that one side of an interface can have at once. */
#define CHAIN_LIMIT 64

/* A program that the document "attachments" puts somewhere. */
struct recorded {
	struct point point;
	const char *subject; /* NULL: a user's own */
	uint32_t id;	     /* what runs there, 0: nothing */
};

struct view {
	struct instance *instance; /* may be NULL */
	json_t *attachments;
	struct recorded *recorded;
	size_t recorded_count;
	struct qdiscs qdiscs;
	json_t *rows;
};

/* One program that packets meet on one side of an interface. */
struct link {
	uint32_t id;
	const struct filter *filter; /* NULL: tcx */
	const struct recorded *recorded;
};

static void view_records(struct view *view)
{
	size_t i, j, count, total = json_array_size(view->attachments);
	struct point points[DIRECTIONS];
	json_t *row;

	view->recorded = xalloc((total * DIRECTIONS + 1) * sizeof(*view->recorded));
	json_array_foreach (view->attachments, i, row) {
		count = attach_points(row, points);
		for (j = 0; j < count; j++)
			view->recorded[view->recorded_count++] = (struct recorded){
			    .point = points[j],
			    .subject = json_string_value(json_object_get(row, "subject")),
			    .id = point_program(view->instance, &points[j]),
			};
	}
}

static const struct recorded *find_record(const struct view *view, int ifindex, bool egress,
					  const struct link *link)
{
	size_t i;

	for (i = 0; i < view->recorded_count; i++) {
		const struct recorded *recorded = &view->recorded[i];

		if (recorded->point.ifindex == ifindex && recorded->point.egress == egress &&
		    recorded->point.clsact == (link->filter != NULL) && recorded->id &&
		    recorded->id == link->id)
			return recorded;
	}
	return NULL;
}

static json_t *row_make(const char *interface, int ifindex, bool egress, bool clsact)
{
	return json_pack("{s:s,s:i,s:s,s:s,s:[]}", "interface", interface, "ifindex", ifindex,
			 "hook", egress ? "egress" : "ingress", "by", clsact ? "clsact" : "tcx",
			 "warnings");
}

static void row_set(json_t *row, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(row, key, json_string(text));
}

static void row_warn(json_t *row, char *sentence)
{
	json_array_append_new(json_object_get(row, "warnings"), json_string(sentence));
	free(sentence);
}

/* Needs CAP_SYS_ADMIN; without it the filter's own words have to do. */
static bool program_info(uint32_t id, struct bpf_prog_info *info)
{
	int fd = bpf_prog_get_fd_by_id(id);
	__u32 size = sizeof(*info);
	bool known;

	memset(info, 0, sizeof(*info));
	known = fd >= 0 && !bpf_obj_get_info_by_fd(fd, info, &size);
	if (fd >= 0)
		close(fd);
	return known;
}

static const char *type_name(int type)
{
	const char *name = libbpf_bpf_prog_type_str(type);

	return name ? name : "unknown";
}

static void row_program(json_t *row, const struct link *link)
{
	struct bpf_prog_info info;

	if (!link->id) {
		row_set(row, "program", *link->filter->name ? link->filter->name : "?");
		return;
	}
	json_object_set_new(row, "id", json_integer(link->id));
	if (link->recorded) {
		row_set(row, "program", link->recorded->point.program);
	} else if (program_info(link->id, &info)) {
		row_set(row, "program", *info.name ? info.name : "?");
		row_set(row, "type", type_name(info.type));
		if (info.type != BPF_PROG_TYPE_SCHED_CLS)
			row_warn(row, xprintf("it is of type %s, but interfaces take sched_cls",
					      type_name(info.type)));
	} else {
		row_set(row, "program", link->filter ? link->filter->name : "?");
	}
}

static const struct link *policy_behind(const struct link *link, const struct link *end)
{
	for (; link < end; link++)
		if (link->recorded && link->recorded->subject)
			return link;
	return NULL;
}

static void row_judge(const struct view *view, json_t *row, const struct link *link,
		      const struct link *end)
{
	const struct link *behind = policy_behind(link + 1, end);

	if (link->filter && !link->filter->direct && !link->filter->actions)
		row_warn(row, xprintf("it was attached without direct-action: its verdict is "
				      "ignored and every packet passes"));
	if (!link->recorded && behind)
		row_warn(row, xprintf("it runs before %s, which never judges what it ends "
				      "with TC_ACT_OK",
				      behind->recorded->point.program));
	if (link->recorded &&
	    link->id != program_pin_id(view->instance, link->recorded->point.program))
		row_warn(row,
			 xprintf("it is not the %s that is loaded", link->recorded->point.program));
}

static void add_chain(struct view *view, const char *interface, int ifindex, bool egress,
		      const struct link *links, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct recorded *recorded = links[i].recorded;
		json_t *row = row_make(interface, ifindex, egress, links[i].filter != NULL);

		json_object_set_new(row, "npctl", json_boolean(recorded));
		row_set(row, "subject", recorded ? recorded->subject : NULL);
		row_program(row, &links[i]);
		row_judge(view, row, &links[i], links + count);
		json_array_append_new(view->rows, row);
	}
}

static int add_side(struct view *view, const char *interface, int ifindex, bool egress)
{
	struct link links[CHAIN_LIMIT] = {};
	__u32 ids[CHAIN_LIMIT], count = CHAIN_LIMIT;
	struct filters filters = {};
	size_t i, total = 0;
	int error = 0;

	if (bpf_prog_query(ifindex, egress ? TCX_EGRESS : TCX_INGRESS, 0, NULL, ids, &count)) {
		if (errno == EPERM)
			return fail_privileges("ask for the programs of interfaces");
		count = 0; /* a kernel without tcx */
	}
	while (total < count) {
		links[total].id = ids[total];
		total++;
	}
	if (qdisc_of(&view->qdiscs, ifindex) != QDISC_NONE)
		error = filters_list(ifindex, egress, &filters);
	for (i = 0; i < filters.count && total < CHAIN_LIMIT; i++)
		if (!strcmp(filters.filter[i].kind, "bpf"))
			links[total++] =
			    (struct link){.id = filters.filter[i].id, .filter = &filters.filter[i]};
	for (i = 0; i < total; i++)
		links[i].recorded = find_record(view, ifindex, egress, &links[i]);
	if (!error)
		add_chain(view, interface, ifindex, egress, links, total);
	free(filters.filter);
	return error;
}

static const char *why_gone(const struct view *view, const struct point *point)
{
	char name[IF_NAMESIZE];

	if (!if_indextoname(point->ifindex, name))
		return "the interface is gone";
	if (point->clsact && qdisc_of(&view->qdiscs, point->ifindex) != QDISC_CLSACT)
		return "the clsact qdisc is gone, and the filter with it";
	return point->clsact ? "the filter is gone" : "the link is gone";
}

/* What should be attached and is not. */
static void add_missing(struct view *view)
{
	size_t i;

	for (i = 0; i < view->recorded_count; i++) {
		const struct recorded *recorded = &view->recorded[i];
		const struct point *point = &recorded->point;
		json_t *row;

		if (recorded->id)
			continue;
		row = row_make(point->interface, point->ifindex, point->egress, point->clsact);
		json_object_set_new(row, "npctl", json_true());
		row_set(row, "subject", recorded->subject);
		row_set(row, "program", point->program);
		row_warn(row, xprintf("%s: nothing is judged here", why_gone(view, point)));
		json_array_append_new(view->rows, row);
	}
}

static void add_cgroup_hook(struct view *view, const json_t *attachment, size_t index)
{
	const char *program, *hook;
	uint32_t id = cgroup_row_program(view->instance, attachment, index, &program, &hook);
	json_t *row = json_pack("{s:s,s:s,s:s,s:b,s:O,s:[]}", "hook", hook, "by", "cgroup",
				"program", program, "npctl", 1, "subject",
				json_object_get(attachment, "subject"), "warnings");

	row_set(row, "container", json_string_value(json_object_get(attachment, "container")));
	if (!cgroup_row_exists(attachment)) {
		row_warn(row, xprintf("the cgroup is gone: nothing is judged here"));
		id = 0;
	} else if (!id) {
		row_warn(row, xprintf("the link is gone: nothing is judged here"));
	} else {
		json_object_set_new(row, "id", json_integer(id));
	}
	if (id && id != program_pin_id(view->instance, program))
		row_warn(row, xprintf("it is not the %s that is loaded", program));
	json_array_append_new(view->rows, row);
}

/* A cgroup below an attached one is judged by the programs there. */
static void add_cgroups(struct view *view)
{
	const json_t *cover;
	json_t *each, *row;
	size_t i, hook;

	json_array_foreach (view->attachments, i, each) {
		if (!cgroup_row(each))
			continue;
		cover = cgroup_row_cover(view->instance, view->attachments, each, NULL);
		for (hook = 0; hook < CGROUP_HOOKS && !cover; hook++)
			add_cgroup_hook(view, each, hook);
		if (!cover)
			continue;
		row = json_pack("{s:s,s:s,s:O,s:b,s:O,s:[]}", "by", "cgroup", "hook", "inherited",
				"from", json_object_get(cover, "subject"), "npctl", 1, "subject",
				json_object_get(each, "subject"), "warnings");
		row_set(row, "container", json_string_value(json_object_get(each, "container")));
		json_array_append_new(view->rows, row);
	}
}

/* A program that was loaded but that no interface can take. */
static int add_wrong_type(const char *name, void *data)
{
	struct view *view = data;
	char *path = instance_path(view->instance, "progs", name);
	int fd = bpf_obj_get(path);
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);
	json_t *row;

	if (fd >= 0 && !objects_have_program(name) && !bpf_obj_get_info_by_fd(fd, &info, &size) &&
	    info.type != BPF_PROG_TYPE_SCHED_CLS) {
		row =
		    json_pack("{s:s,s:I,s:s,s:b,s:[]}", "program", name, "id", (json_int_t)info.id,
			      "type", type_name(info.type), "npctl", 1, "warnings");
		row_warn(row, xprintf("it is of type %s and cannot be attached to an interface: "
				      "write SEC(\"tc\")",
				      type_name(info.type)));
		json_array_append_new(view->rows, row);
	}
	if (fd >= 0)
		close(fd);
	free(path);
	return 0;
}

int attach_list(struct instance *instance, json_t **rows)
{
	struct view view = {.instance = instance, .rows = json_array()};
	struct if_nameindex *interfaces = if_nameindex(), *each;
	int error = 0;

	if (!interfaces)
		error = fail("list the interfaces: %s", strerror(errno));
	if (!error)
		error = qdiscs_list(&view.qdiscs);
	if (instance && instance->settings) {
		view.attachments = document_get(instance, "attachments");
		view_records(&view);
	}
	for (each = interfaces; each && each->if_index && !error; each++) {
		error = add_side(&view, each->if_name, each->if_index, false);
		if (!error)
			error = add_side(&view, each->if_name, each->if_index, true);
	}
	add_missing(&view);
	add_cgroups(&view);
	if (!error && instance)
		error = pins_each(instance, "progs", add_wrong_type, &view);
	if_freenameindex(interfaces);
	free(view.qdiscs.row);
	free(view.recorded);
	json_decref(view.attachments);
	if (error)
		json_decref(view.rows);
	else
		*rows = view.rows;
	return error;
}
