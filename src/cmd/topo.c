// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "cmd/table.h"
#include "cmd/lab.h"
#include "net/links.h"
#include "store/documents.h"

#define SUBNETS_MOST 8

/* A relative root means another place tomorrow, and the mark must not. */
static char *mark_of(const struct context *context)
{
	char *root = realpath(context->root, NULL);
	char *mark = xprintf("npctl %s", root ? root : context->root);

	free(root);
	return mark;
}

static int read_wishes(const struct words *words, struct topo_wishes *wishes,
		       struct prefix subnets[SUBNETS_MOST])
{
	const char *text;

	wishes->bridge = word_value(words, "bridge");
	wishes->subnets = subnets;
	while ((text = word_nth(words, "subnet", wishes->subnet_count))) {
		if (wishes->subnet_count == SUBNETS_MOST)
			return misuse("more than %d subnets", SUBNETS_MOST);
		if (prefix_parse(text, &subnets[wishes->subnet_count++]))
			return misuse("option --subnet: \"%s\" is not a prefix", text);
	}
	wishes->only_ipv4 = !links_have_ipv6();
	if (wishes->only_ipv4)
		warn("this machine has no IPv6: the pods get IPv4 addresses alone");
	return 0;
}

static void show_rows(const struct context *context, const json_t *record)
{
	static const struct column columns[] = {
	    {.key = "pod"},
	    {.key = "netns"},
	    {.key = "interface"},
	    {.key = "ifindex", .right = true},
	    {.key = "addresses"},
	    {.key = "ports"},
	    {.key = "state", .paint = paint_verdict},
	};

	out_table(&context->out, record ? topo_rows(record) : json_array(), columns,
		  ARRAY_SIZE(columns), "no topology is up");
}

static int do_up(struct context *context, const struct words *words)
{
	struct topo_wishes wishes = {};
	struct prefix subnets[SUBNETS_MOST];
	struct instance *instance = NULL;
	struct lab lab = {};
	bool already = false;
	char *mark = NULL;
	int error = read_wishes(words, &wishes, subnets);

	if (!error)
		error = lab_read(word_value(words, "file"), &wishes, &lab);
	if (!error)
		error = instance_open(&instance, context->root, ACCESS_CREATE);
	if (!error) {
		mark = mark_of(context);
		json_object_set_new(lab.record, "mark", json_string(mark));
		error = lab_up(instance, &lab, &already);
	}
	if (!error) {
		if (already && !context->out.json)
			puts("the topology was up already");
		show_rows(context, lab.record);
	} else if (instance) {
		instance_remove_if_empty(instance);
	}
	free(mark);
	instance_close(instance);
	lab_release(&lab);
	return error;
}

static int do_show(struct context *context, const struct words *words)
{
	struct instance *instance;
	json_t *record = NULL;
	int error = instance_open(&instance, context->root, ACCESS_TRY);

	(void)words;
	if (error)
		return error;
	if (instance)
		record = document_get(instance, "topology");
	show_rows(context, record);
	json_decref(record);
	instance_close(instance);
	return 0;
}

static int do_exec(struct context *context, const struct words *words)
{
	struct instance *instance;
	const json_t *pod = NULL;
	json_t *record;
	char *netns;
	int error;

	if (!words->rest || !words->rest[0])
		return misuse("topo exec needs a command: topo exec %s -- CMD…", words->word[0]);
	error = instance_open(&instance, context->root, ACCESS_TRY);
	if (error)
		return error;
	record = instance ? document_get(instance, "topology") : NULL;
	if (record)
		pod = topo_pod(record, words->word[0]);
	if (!record) {
		fail("pod \"%s\" does not exist: no topology is up", words->word[0]);
		fail_mend("npctl topo up");
	}
	instance_close(instance);
	if (!pod) {
		json_decref(record);
		return FAILED;
	}
	netns = xstrdup(json_string_value(json_object_get(pod, "netns")));
	json_decref(record);
	step("ip netns exec %s %s", netns, words->rest[0]);
	error = topo_exec(netns, words->rest);
	free(netns);
	return error;
}

/*
 * NULL where there is none, or another version's. One that a crash left in the
 * making is completed, so that it can be taken away.
 */
static int open_to_remove(const struct context *context, struct instance **instance)
{
	if (instance_open(instance, context->root, ACCESS_REMOVE))
		return FAILED;
	if (!*instance || (*instance)->settings)
		return 0;
	instance_close(*instance);
	if (instance_open(instance, context->root, ACCESS_CREATE))
		failure_clear();
	return 0;
}

static int do_down(struct context *context, const struct words *words)
{
	struct instance *instance = NULL;
	char *mark = mark_of(context);
	bool was_up = false, swept = false;
	int error = open_to_remove(context, &instance);

	(void)words;
	if (!error && instance)
		error = lab_down(instance, &was_up);
	/* what no document tells of, marks do */
	if (!error)
		error = topo_sweep(mark, &swept);
	if (!error && instance)
		instance_remove_if_empty(instance);
	instance_close(instance);
	free(mark);
	if (error)
		return error;
	if (context->out.json)
		out_json(&context->out, json_pack("{s:b}", "removed", was_up || swept));
	else if (!was_up && !swept)
		puts("no topology is up");
	return 0;
}

static const struct option up_options[] = {
    {"file", VALUE_FILE, "FILE|DIR", "pods and namespaces as Kubernetes manifests", 'f', false},
    {"bridge", VALUE_TEXT, "NAME", "name of the bridge (br-sim)", 0, false},
    {"subnet", VALUE_TEXT, "PREFIX", "where pods get addresses (10.0.0.0/24, fd00:6e70::/64)", 0,
     true},
    {0},
};

static const struct verb verbs[] = {
    {"up", "", "make pods out of namespaces: three, or those of a file", 0, 0, up_options, do_up,
     NULL},
    {"show", "", "list the pods and whether all of them is there", 0, 0, NULL, do_show, NULL},
    {"exec", "POD -- CMD…", "run a command in a pod's namespace", 1, 1, NULL, do_exec, "POD"},
    {"down", "", "remove what up made, and only that", 0, 0, NULL, do_down, NULL},
    {0},
};

const struct command command_topo = {
    "topo",
    "pods to try policies on: namespaces, links, servers",
    verbs,
};
