// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `npctl test`: every step of a set-up, looked at. */
#include "cmd/test/test.h"
#include "cmd/test/reach.h"
#include "attach/attach.h"
#include "load/checks.h"
#include "commit/enforce.h"
#include "maps/map.h"
#include "store/pins.h"
#include "net/topo.h"
#include "store/documents.h"
#include <string.h>

#define NEARLY_FULL 90 /* per cent */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void add_failure(json_t *rows, const char *part, const char *name)
{
	json_t *row = check_add(rows, part, name, MARK_FAIL, "%s", failure());

	if (*failure_mend())
		check_mend(row, "%s", failure_mend());
	failure_clear();
}

static void skip(json_t *rows, const char *part, const char *why, const char *mend)
{
	check_mend(check_add(rows, part, "-", MARK_SKIP, "%s", why), "%s", mend);
}

/* What is well needs but one line. */
static void status_environment(const char *root, json_t *rows)
{
	json_t *all = json_array(), *row;
	size_t i;

	checks_machine(root, all);
	if (!check_count(all, MARK_FAIL))
		check_add(rows, "environment", "machine", MARK_PASS, "%zu of %zu checks passed",
			  check_count(all, MARK_PASS), json_array_size(all));
	json_array_foreach (all, i, row)
		if (strcmp(text_of(row, "result"), "PASS") != 0)
			json_array_append(rows, row);
	json_decref(all);
}

static void status_network(struct instance *instance, json_t *rows)
{
	json_t *topology = instance ? document_get(instance, "topology") : NULL, *pods, *pod;
	size_t i;

	if (!topology) {
		skip(rows, "network", "no topology is up", "npctl topo up");
		return;
	}
	pods = topo_rows(topology);
	json_array_foreach (pods, i, pod) {
		const char *state = text_of(pod, "state");

		check_add(rows, "network", text_of(pod, "pod"),
			  !strcmp(state, "up") ? MARK_PASS : MARK_FAIL, "%s, %s: %s",
			  text_of(pod, "netns"), text_of(pod, "interface"), state);
	}
	json_decref(pods);
	if (topo_is_made(topology))
		check_add(rows, "network", "topology", MARK_PASS,
			  "bridge, links and servers are as they were made");
	else
		check_mend(
		    check_add(rows, "network", "topology", MARK_FAIL, "not all is as it was made"),
		    "npctl topo up");
	failure_clear();
	json_decref(topology);
}

static bool status_programs(struct instance *instance, json_t *rows)
{
	static const char *const names[] = {"pod_ingress", "pod_egress"};

	if (!instance || !instance_loaded(instance)) {
		skip(rows, "programs", "the datapath is not loaded", "npctl load");
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		uint32_t id = program_pin_id(instance, names[i]);

		if (id)
			check_add(rows, "programs", names[i], MARK_PASS, "id %u", id);
		else
			check_mend(check_add(rows, "programs", names[i], MARK_FAIL, "not pinned"),
				   "npctl load");
	}
	return true;
}

static void add_attached(const json_t *program, json_t *rows)
{
	json_t *warnings = json_object_get(program, "warnings"), *warning;
	bool ours = json_is_true(json_object_get(program, "npctl"));
	char *name = xprintf("%s %s", text_of(program, "interface"), text_of(program, "hook"));
	size_t i;

	if (ours && !json_array_size(warnings))
		check_add(rows, "attachments", name, MARK_PASS, "%s by %s%s%s",
			  text_of(program, "program"), text_of(program, "by"),
			  *text_of(program, "subject") ? " for " : "", text_of(program, "subject"));
	json_array_foreach (warnings, i, warning)
		check_add(rows, "attachments", name, ours ? MARK_FAIL : MARK_WARN, "%s: %s",
			  text_of(program, "program"), json_string_value(warning));
	free(name);
}

static bool status_attachments(struct instance *instance, json_t *rows)
{
	json_t *attachments = document_get(instance, "attachments"), *programs, *program;
	bool attached = json_array_size(attachments) > 0;
	size_t i;

	json_decref(attachments);
	if (!attached) {
		skip(rows, "attachments", "nothing is attached", "npctl attach pod POD");
		return false;
	}
	if (attach_list(instance, &programs)) {
		add_failure(rows, "attachments", "interfaces");
		return true;
	}
	json_array_foreach (programs, i, program)
		add_attached(program, rows);
	json_decref(programs);
	return true;
}

/* A table that forgets its oldest entries when it is full is meant to be. */
static void add_if_full(const json_t *map, json_t *rows)
{
	json_int_t entries = json_integer_value(json_object_get(map, "entries"));
	json_int_t most = json_integer_value(json_object_get(map, "max_entries"));

	if (strstr(text_of(map, "type"), "hash") && !strstr(text_of(map, "type"), "lru") &&
	    entries * 100 >= most * NEARLY_FULL)
		check_add(rows, "maps", text_of(map, "name"), MARK_WARN,
			  "nearly full: %lld of %lld entries", (long long)entries, (long long)most);
}

static void status_maps(struct instance *instance, json_t *rows)
{
	uint64_t bytes = 0;
	json_t *maps, *map;
	size_t i;

	if (map_rows(instance->root, &maps)) {
		add_failure(rows, "maps", "pins");
		json_decref(maps);
		return;
	}
	json_array_foreach (maps, i, map) {
		if (!strstr(text_of(map, "type"), "of_maps")) /* what these hold is pinned, too */
			bytes += json_integer_value(json_object_get(map, "memory_bytes"));
		add_if_full(map, rows);
	}
	check_add(rows, "maps", "pins",
		  instance->settings->dirty == DIRTY_WRITER ? MARK_WARN : MARK_PASS,
		  "%zu maps, %s; policy version %u%s", json_array_size(maps), human_bytes(bytes),
		  instance->settings->version,
		  instance->settings->dirty == DIRTY_WRITER
		      ? "; a change was broken off, the next one cleans up"
		      : "");
	json_decref(maps);
}

/* What the datapath has for an interface, in the version in force. */
static int read_subject(struct instance *instance, uint32_t ifindex, struct subject_half *half)
{
	uint32_t slot = ifindex % SUBJECT_SLOTS, keys[2] = {slot, ifindex};
	static const char *const names[2] = {"subjects", "subjects_more"};
	struct subject subject = {0};
	struct map *map;
	int error = FAILED;

	for (int i = 0; i < 2 && error; i++) {
		if (map_open(instance->root, names[i], &map))
			return FAILED;
		error = map_lookup(map, &keys[i], &subject);
		map_close(map);
		*half = subject.half[instance->settings->version & 1];
		if (error || half->ifindex != ifindex)
			error = fail("the datapath has no entry for the interface");
	}
	return error;
}

static const char *enforced_text(bool ingress, bool egress)
{
	static const char *const texts[] = {"nothing is enforced yet", "ingress is enforced",
					    "egress is enforced",
					    "ingress and egress are enforced"};

	return texts[ingress + 2 * egress];
}

static void add_state(struct instance *instance, const struct plan *plan, const json_t *attachment,
		      json_t *rows)
{
	const char *name = text_of(attachment, "subject");
	int index = plan_subject_find(plan, name);
	const struct plan_subject *subject = index < 0 ? NULL : &plan->subjects[index];
	struct subject_half half;
	uint32_t flags;

	if (!*name)
		return; /* a program of the user's own */
	if (read_subject(instance, json_integer_value(json_object_get(attachment, "ifindex")),
			 &half)) {
		add_failure(rows, "state", name);
		return;
	}
	flags = subject ? (subject->enforced[INGRESS] ? SUBJECT_ENFORCED(INGRESS) : 0) |
			      (subject->enforced[EGRESS] ? SUBJECT_ENFORCED(EGRESS) : 0)
			: 0;
	if (!subject || (half.flags & 3) != flags)
		check_add(rows, "state", name, MARK_FAIL,
			  "the datapath does not hold what the policy says");
	else
		check_add(rows, "state", name, MARK_PASS, "%s",
			  enforced_text(subject->enforced[INGRESS], subject->enforced[EGRESS]));
}

static void status_state(struct instance *instance, json_t *rows)
{
	json_t *attachments = document_get(instance, "attachments"), *one;
	struct plan *plan = NULL;
	size_t i;

	if (enforce_plan(instance, &plan))
		add_failure(rows, "state", "policy");
	else
		json_array_foreach (attachments, i, one)
			add_state(instance, plan, one, rows);
	plan_free(plan);
	json_decref(attachments);
}

/* Connections are tried when the instance is closed again: they take their time. */
static struct reach *look(struct context *context, json_t *rows)
{
	struct instance *instance = NULL;
	struct reach *reach = NULL;

	if (instance_open(&instance, context->root, ACCESS_TRY)) {
		add_failure(rows, "instance", context->root);
		return NULL;
	}
	status_network(instance, rows);
	if (status_programs(instance, rows)) {
		bool attached = status_attachments(instance, rows);

		status_maps(instance, rows);
		if (attached)
			status_state(instance, rows);
	}
	if (instance && reach_plan(instance, &reach))
		add_failure(rows, "connectivity", "pods");
	instance_close(instance);
	return reach;
}

int test_status(struct context *context, const struct words *words)
{
	json_t *rows = json_array();
	struct reach *reach;

	(void)words;
	status_environment(context->root, rows);
	reach = look(context, rows);
	reach_try(reach, rows);
	reach_free(reach);
	return test_report(&context->out, rows);
}
