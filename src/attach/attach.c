// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The document "attachments" says what is attached: npctl's two programs on
 * the interface of a subject, its four on a cgroup, or, in rows without a
 * subject, one program of the user's own. A row is written before the programs go on and removed
 * after they are off, so whatever a crash leaves on an interface is known.
 */
#include "attach/attach.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "attach/attach_cgroup.h"
#include "attach/attach_point.h"
#include "attach/attach_tc.h"
#include "kernel/cgroup.h"
#include "commit/enforce.h"
#include "datapath/flows.h"
#include "store/pins.h"
#include "datapath/objects.h"
#include "store/documents.h"

bool attach_has_tcx(void)
{
	unsigned int loopback = if_nametoindex("lo");
	__u32 count = 0;

	return !bpf_prog_query(loopback ? loopback : 1, TCX_INGRESS, 0, NULL, NULL, &count);
}

static const char *text(const json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "";
}

static json_t *rows_get(struct instance *instance)
{
	json_t *rows = document_get(instance, "attachments");

	return rows ? rows : json_array();
}

static int rows_commit(struct instance *instance, json_t *rows)
{
	document_put(instance, "attachments", json_array_size(rows) ? json_incref(rows) : NULL);
	return enforce_commit(instance);
}

static bool is_for_users(const json_t *row)
{
	return !strncmp(text(row, "subject"), "user:", 5);
}

/* What a row puts on its interface: npctl's two programs, or one of the user's. */
size_t attach_points(const json_t *row, struct point points[static DIRECTIONS])
{
	const char *program = json_string_value(json_object_get(row, "program"));
	struct point point = {
	    .interface = text(row, "interface"),
	    .ifindex = json_integer_value(json_object_get(row, "ifindex")),
	    .clsact = !strcmp(text(row, "by"), "clsact"),
	    .policy = !program,
	    .users = is_for_users(row),
	    .program = program,
	    .egress = !strcmp(text(row, "hook"), "egress"),
	};

	points[0] = points[1] = point;
	if (cgroup_row(row))
		return 0;
	if (program)
		return 1;
	points[INGRESS].program = point.users ? "user_ingress" : "pod_ingress";
	points[EGRESS].program = point.users ? "user_egress" : "pod_egress";
	/* a pod is behind its interface, users are before it */
	points[point.users ? EGRESS : INGRESS].egress = true;
	return DIRECTIONS;
}

static size_t row_alive(const struct instance *instance, const json_t *rows, const json_t *row)
{
	struct point points[DIRECTIONS];
	size_t i, alive = 0, count = attach_points(row, points);

	if (cgroup_row(row))
		return cgroup_row_alive(instance, rows, row);
	for (i = 0; i < count; i++)
		alive += point_program(instance, &points[i]) != 0;
	return alive;
}

static bool row_is_whole(const struct instance *instance, const json_t *rows, const json_t *row)
{
	struct point points[DIRECTIONS];
	size_t wanted = cgroup_row(row) ? CGROUP_HOOKS : attach_points(row, points);

	return row_alive(instance, rows, row) == wanted;
}

static int row_attach(const struct instance *instance, const json_t *rows, const json_t *row)
{
	struct point points[DIRECTIONS];
	size_t i, count = attach_points(row, points);
	int error = 0;

	if (cgroup_row(row))
		return cgroups_settle(instance, rows, NULL);
	if (points[0].clsact)
		error = clsact_make(points[0].interface, points[0].ifindex);
	for (i = 0; i < count && !error; i++)
		if (!point_program(instance, &points[i]))
			error = point_attach(instance, &points[i]);
	return error;
}

static int row_detach(const struct instance *instance, const json_t *rows, const json_t *row)
{
	struct point points[DIRECTIONS];
	size_t i, count = attach_points(row, points);
	int error = 0;

	if (cgroup_row(row)) {
		error = cgroups_settle(instance, rows, row);
		return error ? error : cgroup_row_detach(instance, row);
	}
	for (i = 0; i < count && !error; i++)
		error = point_detach(instance, &points[i]);
	return error;
}

static bool has_filters(int ifindex)
{
	struct filters filters = {};
	bool some;

	/* in doubt the qdisc stays */
	some = filters_list(ifindex, false, &filters) || filters_list(ifindex, true, &filters) ||
	       filters.count;
	free(filters.filter);
	return some;
}

/*
 * Takes a row off the list. True when the qdisc that npctl added for it should
 * go, too; another row on the interface that needs the qdisc inherits that.
 */
static bool row_remove(json_t *rows, json_t *row)
{
	bool qdisc = json_is_true(json_object_get(row, "qdisc"));
	json_t *other;
	size_t i;

	for (i = json_array_size(rows); i-- > 0;)
		if (json_array_get(rows, i) == row)
			json_array_remove(rows, i);
	json_array_foreach (rows, i, other) {
		if (qdisc && !strcmp(text(other, "by"), "clsact") &&
		    json_equal(json_object_get(other, "ifindex"),
			       json_object_get(row, "ifindex"))) {
			json_object_set_new(other, "qdisc", json_true());
			return false;
		}
	}
	return qdisc;
}

static int qdisc_remove(const json_t *row)
{
	int ifindex = json_integer_value(json_object_get(row, "ifindex"));
	char name[IF_NAMESIZE];

	if (!if_indextoname(ifindex, name) || has_filters(ifindex))
		return 0;
	return clsact_remove(name, ifindex);
}

static int check_interface(const char *interface, int *ifindex)
{
	struct ifreq request = {};
	int socket_fd, error;

	*ifindex = strlen(interface) < IF_NAMESIZE ? if_nametoindex(interface) : 0;
	if (!*ifindex)
		return fail("interface \"%s\" does not exist", interface);
	strcpy(request.ifr_name, interface);
	socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	error = socket_fd < 0 ? -1 : ioctl(socket_fd, SIOCGIFHWADDR, &request);
	if (error)
		error = fail("look at interface %s: %s", interface, strerror(errno));
	else if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER &&
		 request.ifr_hwaddr.sa_family != ARPHRD_LOOPBACK)
		error = fail("interface %s carries no Ethernet headers, which npctl's programs "
			     "read",
			     interface);
	if (socket_fd >= 0)
		close(socket_fd);
	return error;
}

int interface_check(const char *interface)
{
	int ifindex;

	return check_interface(interface, &ifindex);
}

/* Whether detaching will have to remove the qdisc, too. */
static int check_qdisc(const char *interface, int ifindex, bool *missing)
{
	struct qdiscs qdiscs = {};
	enum qdisc kind;
	int error = qdiscs_list(&qdiscs);

	if (error)
		return error;
	kind = qdisc_of(&qdiscs, ifindex);
	free(qdiscs.row);
	*missing = kind == QDISC_NONE;
	if (kind == QDISC_INGRESS) {
		fail("interface %s has an ingress qdisc, which leaves no room for clsact",
		     interface);
		return fail_mend("tc qdisc del dev %s ingress", interface);
	}
	return 0;
}

static int row_make(const struct attach_request *request, int ifindex, json_t **row)
{
	bool clsact = request->clsact || !attach_has_tcx(), missing = false;
	int error = clsact ? check_qdisc(request->interface, ifindex, &missing) : 0;

	if (error)
		return error;
	*row = json_pack("{s:s,s:i,s:s}", "interface", request->interface, "ifindex", ifindex, "by",
			 clsact ? "clsact" : "tcx");
	if (missing)
		json_object_set_new(*row, "qdisc", json_true());
	if (request->program) {
		json_object_set_new(*row, "program", json_string(request->program));
		json_object_set_new(*row, "hook", json_string(request->hook));
	} else {
		json_object_set_new(*row, "subject", json_string(request->subject));
	}
	if (request->strict)
		json_object_set_new(*row, "strict", json_true());
	if (request->pod_end)
		json_object_update(*row, request->pod_end);
	if (request->for_endpoints)
		json_object_set_new(*row, "endpoints", json_true());
	return 0;
}

/* Both are npctl's of one kind, or the same program of the user's on the same side. */
static bool same_place(const json_t *a, const json_t *b)
{
	if (cgroup_row(a) || cgroup_row(b))
		return json_equal(json_object_get(a, "cgroup_id"), json_object_get(b, "cgroup_id"));
	if (is_for_users(a) != is_for_users(b))
		return false;
	return !strcmp(text(a, "interface"), text(b, "interface")) &&
	       !strcmp(text(a, "program"), text(b, "program")) &&
	       !strcmp(text(a, "hook"), text(b, "hook"));
}

/* Drops a row of which nothing is left, as after a crash or when the interface is gone. */
static void row_drop(struct instance *instance, json_t *rows, json_t *stale, json_t *row)
{
	bool clsact = !strcmp(text(row, "by"), "clsact");

	json_incref(stale);
	row_detach(instance, rows, stale);
	if (row_remove(rows, stale)) {
		if (clsact &&
		    json_equal(json_object_get(stale, "ifindex"), json_object_get(row, "ifindex")))
			json_object_set_new(row, "qdisc", json_true());
		else
			qdisc_remove(stale);
	}
	json_decref(stale);
}

/* The row in whose place `row` would stand, or NULL. */
static json_t *row_standing(struct instance *instance, json_t *rows, json_t *row)
{
	json_t *each, *standing = NULL;
	size_t i;

	for (i = json_array_size(rows); i-- > 0;) {
		each = json_array_get(rows, i);
		if (!row_alive(instance, rows, each))
			row_drop(instance, rows, each, row);
		else if (same_place(each, row))
			standing = each;
	}
	return standing;
}

static int row_conflict(const struct instance *instance, const json_t *standing, const json_t *row)
{
	char *words;

	if (cgroup_row(row))
		return 0;
	if (!strcmp(text(standing, "subject"), text(row, "subject")) &&
	    !strcmp(text(standing, "by"), text(row, "by")) &&
	    json_equal(json_object_get(standing, "ifindex"), json_object_get(row, "ifindex")))
		return 0;
	fail("%s is already attached to interface %s by %s",
	     *text(row, "program") ? text(row, "program") : text(standing, "subject"),
	     text(row, "interface"), text(standing, "by"));
	words = xprintf("attach detach %s", text(row, "interface"));
	instance_mend(instance, words);
	free(words);
	return FAILED;
}

/* Connections older than the attachment become flows before their next packet is judged. */
static int seed(struct instance *instance, const json_t *row)
{
	int ifindex = json_integer_value(json_object_get(row, "ifindex"));
	const char *subject = text(row, "subject");
	json_t *topology, *pods, *pod;
	int error = 0;
	size_t i;

	if (is_for_users(row))
		return flows_seed(instance, ifindex, NULL, true);
	if (*text(row, "netns"))
		return flows_seed(instance, ifindex, text(row, "netns"), false);
	topology = document_get(instance, "topology");
	pods = json_object_get(topology, "pods");
	json_array_foreach (pods, i, pod)
		if (!strcmp(text(pod, "pod"), subject) && *text(pod, "netns"))
			error = flows_seed(instance, ifindex, text(pod, "netns"), false);
	json_decref(topology);
	return error;
}

/* Takes back what row_add did; the sentence that says why stays. */
static void row_undo(struct instance *instance, json_t *rows, json_t *row)
{
	char *sentence = xstrdup(failure()), *mend = xstrdup(failure_mend());

	row_detach(instance, rows, row);
	if (row_remove(rows, row))
		qdisc_remove(row);
	rows_commit(instance, rows);
	fail("%s", sentence);
	if (*mend)
		fail_mend("%s", mend);
	free(sentence);
	free(mend);
}

static int row_add(struct instance *instance, json_t *rows, json_t *row)
{
	int error;

	json_array_append(rows, row);
	error = rows_commit(instance, rows);
	if (error)
		return error;
	if (json_object_get(row, "subject"))
		error = seed(instance, row);
	if (!error)
		error = row_attach(instance, rows, row);
	if (error)
		row_undo(instance, rows, row);
	return error;
}

/* All programs are there and of the right type, before anything is written. */
static int check_programs(const struct instance *instance, const struct attach_request *request)
{
	bool users = request->subject && !strncmp(request->subject, "user:", 5);
	const char *names[] = {users ? "user_ingress" : "pod_ingress",
			       users ? "user_egress" : "pod_egress"};
	size_t i;

	if (request->program)
		names[0] = names[1] = request->program;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		int fd = program_open(instance, names[i]);
		int error = fd < 0 ? fd : program_check_type(fd, names[i]);

		if (fd >= 0)
			close(fd);
		if (error)
			return error;
	}
	return 0;
}

/* A row that stands already, made as whole and as strict as the new one would be. */
static int row_mend(struct instance *instance, json_t *rows, json_t *standing, const json_t *row)
{
	json_t *strict = json_object_get(row, "strict");
	int error = row_conflict(instance, standing, row);
	bool changed = false;

	/* by hand it stays when the file goes */
	if (!error && !json_object_get(row, "endpoints") && !json_object_del(standing, "endpoints"))
		changed = true;
	if (!error && !json_object_get(row, "endpoints") &&
	    !strict != !json_object_get(standing, "strict")) {
		changed = true;
		if (strict)
			json_object_set(standing, "strict", strict);
		else
			json_object_del(standing, "strict");
	}
	if (changed)
		error = rows_commit(instance, rows);
	if (!error && !row_is_whole(instance, rows, standing))
		error = row_attach(instance, rows, standing);
	return error;
}

/* The programs look at so many levels of cgroups and no further. */
static int check_depth(const char *path)
{
	const char *letter;
	int depth = 0;

	for (letter = path; *letter; letter++)
		depth += *letter == '/' && letter[1];
	if (depth < CGROUP_LEVELS)
		return 0;
	return fail("cgroup %s is %d levels deep; npctl sees %d", path, depth, CGROUP_LEVELS - 1);
}

static int row_place(struct instance *instance, json_t *row)
{
	json_t *rows = rows_get(instance), *standing = row_standing(instance, rows, row);
	int error =
	    standing ? row_mend(instance, rows, standing, row) : row_add(instance, rows, row);

	json_decref(rows);
	return error;
}

int attach_cgroup(struct instance *instance, const char *path, const char *container)
{
	json_t *row =
	    json_pack("{s:s+,s:I,s:s,s:s*}", "subject", "cgroup:", path, "cgroup_id",
		      (json_int_t)cgroup_id(path), "by", "cgroup", "container", container);
	int program = program_open(instance, "container_connect4");
	int error = program < 0 ? program : check_depth(path);

	if (program >= 0)
		close(program);
	if (!error && !json_integer_value(json_object_get(row, "cgroup_id")))
		error = fail("cgroup %s has no id that could be found out", path);
	if (!error)
		error = row_place(instance, row);
	json_decref(row);
	return error;
}

int attach_interface(struct instance *instance, const struct attach_request *request)
{
	json_t *row = NULL;
	int ifindex, error;

	error = check_interface(request->interface, &ifindex);
	if (!error)
		error = check_programs(instance, request);
	if (!error)
		error = row_make(request, ifindex, &row);
	if (error)
		return error;
	error = row_place(instance, row);
	json_decref(row);
	return error;
}

/* Which rows; NULL stands for any. */
struct selection {
	const char *interface, *program, *subject;
};

static bool row_is_meant(const json_t *row, const struct selection *selection)
{
	const struct selection *s = selection;

	return (!s->interface || !strcmp(text(row, "interface"), s->interface)) &&
	       (!s->program || !strcmp(text(row, "program"), s->program)) &&
	       (!s->subject || !strcmp(text(row, "subject"), s->subject));
}

static int detach_rows(struct instance *instance, const struct selection *selection)
{
	json_t *rows = rows_get(instance), *row;
	bool changed = false;
	int error = 0;
	size_t i;

	for (i = json_array_size(rows); i-- > 0 && !error;) {
		row = json_incref(json_array_get(rows, i));
		if (row_is_meant(row, selection)) {
			error = row_detach(instance, rows, row);
			if (!error && row_remove(rows, row))
				error = qdisc_remove(row);
			changed = true;
		}
		json_decref(row);
	}
	if (!error && changed)
		error = rows_commit(instance, rows);
	json_decref(rows);
	return error;
}

int detach_interface(struct instance *instance, const char *interface)
{
	return detach_rows(instance, &(struct selection){.interface = interface});
}

int detach_program(struct instance *instance, const char *interface, const char *program)
{
	return detach_rows(instance,
			   &(struct selection){.interface = interface, .program = program});
}

int detach_subject(struct instance *instance, const char *subject)
{
	return detach_rows(instance, &(struct selection){.subject = subject});
}

int detach_all(struct instance *instance)
{
	return detach_rows(instance, &(struct selection){});
}

/* A filter that runs one of the programs pinned here. */
static bool filter_is_own(const struct instance *instance, const struct filter *filter)
{
	static const char *const own[] = {"pod_ingress", "pod_egress", "user_ingress",
					  "user_egress"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (filter->id && filter->id == program_pin_id(instance, own[i]))
			return true;
	return false;
}

static int filters_clear(const struct instance *instance, int ifindex, bool egress)
{
	struct filters filters = {};
	int error = filters_list(ifindex, egress, &filters);
	size_t i;

	for (i = 0; i < filters.count && !error; i++)
		if (filter_is_own(instance, &filters.filter[i]))
			error = filter_remove(ifindex, egress, &filters.filter[i]);
	free(filters.filter);
	return error;
}

int detach_unknown(struct instance *instance)
{
	int error = pins_remove(instance, "links", NULL);
	struct qdiscs qdiscs = {};
	size_t i;

	if (!error)
		error = qdiscs_list(&qdiscs);
	for (i = 0; i < qdiscs.count && !error; i++) {
		error = filters_clear(instance, qdiscs.row[i].ifindex, false);
		if (!error)
			error = filters_clear(instance, qdiscs.row[i].ifindex, true);
	}
	free(qdiscs.row);
	return error;
}

int attach_upgrade(struct instance *instance, const char *name, int program)
{
	json_t *rows = rows_get(instance), *row;
	struct point points[DIRECTIONS];
	size_t i, j, count;
	int error = 0;

	json_array_foreach (rows, i, row) {
		count = attach_points(row, points);
		if (cgroup_row(row) && !error)
			error = cgroup_row_update(instance, row, name, program);
		for (j = 0; j < count && !error; j++)
			if (!strcmp(points[j].program, name))
				error = point_update(instance, &points[j], program);
	}
	json_decref(rows);
	return error;
}
