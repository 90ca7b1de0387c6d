// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/watch/trace_stack.h"
#include "cmd/watch/trace_filter.h"
#include "base/interrupt.h"
#include "watch/stacks.h"
#include "net/netns.h"
#include "store/documents.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 50

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

struct interfaces {
	struct stacks_interface *interface;
	size_t count, capacity;
};

/* `ifindex`, and what is known of the pod behind it. */
static void add_interface(struct interfaces *interfaces, const json_t *topology,
			  const struct names *names, uint32_t ifindex)
{
	const char *subject = names_subject(names, ifindex);
	json_t *pod;
	size_t i;

	GROW(interfaces->interface, interfaces->count, interfaces->capacity);
	interfaces->interface[interfaces->count++] = (struct stacks_interface){.ifindex = ifindex};
	json_array_foreach (json_object_get(topology, "pods"), i, pod)
		if (subject && !strcmp(text_of(pod, "pod"), subject))
			interfaces->interface[interfaces->count - 1].netns =
			    netns_number(text_of(pod, "netns"));
}

/* Of one pod, or all that are attached. */
static int read_interfaces(struct instance *instance, const struct names *names, uint32_t only,
			   struct interfaces *interfaces)
{
	json_t *attachments = document_get(instance, "attachments"), *one;
	json_t *topology = document_get(instance, "topology");
	size_t i;

	json_array_foreach (attachments, i, one) {
		json_int_t ifindex = json_integer_value(json_object_get(one, "ifindex"));

		if (ifindex > 0 && (!only || only == ifindex))
			add_interface(interfaces, topology, names, (uint32_t)ifindex);
	}
	json_decref(attachments);
	json_decref(topology);
	if (interfaces->count)
		return 0;
	fail("no pod is attached: there is no interface to watch");
	return fail_mend("npctl attach pod POD");
}

/* "default/backend ingress, by the kernel, in the pod" */
static char *about(const json_t *row)
{
	const char *direction = text_of(row, "direction"), *by = text_of(row, "by");
	const char *where = text_of(row, "where");

	return xprintf("%s%s%s%s%s%s", text_of(row, "subject"), *direction ? " " : "", direction,
		       *by ? ", by " : "", strcmp(by, "kernel") ? by : "the kernel",
		       strcmp(where, "pod") ? "" : ", in the pod");
}

static void print_stack(const struct out *out, const json_t *row)
{
	const char *verdict = text_of(row, "verdict"), *reason = text_of(row, "reason");
	json_t *frames = json_object_get(row, "frames"), *frame;
	char *what = about(row);
	size_t i;

	printf("%lld %s%s%s  %s\n", json_integer_value(json_object_get(row, "count")),
	       painted(out, strcmp(verdict, "drop") ? GREEN : RED,
		       strcmp(verdict, "drop") ? "PASS" : "DROP"),
	       *reason ? " " : "", reason, what);
	free(what);
	json_array_foreach (frames, i, frame)
		printf("    %s\n", json_string_value(frame));
	putchar('\n');
}

/* subject;drop REASON;outermost;…;innermost count, or pass DIRECTION */
static void print_folded(const json_t *row)
{
	const char *reason = text_of(row, "reason"), *where = text_of(row, "where");
	json_t *frames = json_object_get(row, "frames");

	printf("%s;%s %s%s", text_of(row, "subject"), text_of(row, "verdict"),
	       *reason ? reason : text_of(row, "direction"),
	       strcmp(where, "pod") ? "" : " in the pod");
	for (size_t i = json_array_size(frames); i-- > 0;)
		printf(";%s", json_string_value(json_array_get(frames, i)));
	printf(" %lld\n", json_integer_value(json_object_get(row, "count")));
}

/* Users are on this side of their interface. */
static void turn_direction(json_t *row)
{
	const char *direction = text_of(row, "direction");

	if (*direction)
		json_object_set_new(
		    row, "direction",
		    json_string(strcmp(direction, "egress") ? "egress" : "ingress"));
}

static int print_all(struct context *context, const struct words *words, const struct names *names,
		     struct stacks *stacks)
{
	json_t *rows, *row;
	size_t i;
	int error = stacks_read(stacks, &rows);

	json_array_foreach (rows, i, row) {
		uint32_t ifindex = (uint32_t)json_integer_value(json_object_get(row, "ifindex"));
		const char *subject = names_subject(names, ifindex);

		json_object_set_new(row, "subject", json_string(subject ? subject : "?"));
		if (subject && !strncmp(subject, "user:", 5))
			turn_direction(row);
		if (context->out.json)
			continue;
		if (word_flag(words, "folded"))
			print_folded(row);
		else
			print_stack(&context->out, row);
	}
	out_json(&context->out, rows);
	return error;
}

/* Until a signal, the time's end or enough packets; false when there were too few. */
static bool wait_for(const struct stacks *stacks, uint64_t wanted, uint64_t timeout_s)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	uint64_t left = timeout_s * 1000 / LOOK_MS;

	while (!interrupted && !(wanted && stacks_total(stacks) >= wanted)) {
		if (timeout_s && left-- == 0)
			return !wanted;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* The filter is the programs' alone here. */
static int read_filter(const struct words *words, const struct names *names,
		       struct trace_filter *filter)
{
	int error = trace_filter_parse(words, names, filter);

	if (!error && (filter->prefix_count[0] || filter->prefix_count[1]))
		error = fail("a pod has several addresses of a family: name the one that you mean");
	return error;
}

static int open_stacks(struct instance *instance, const struct words *words,
		       const struct names *names, struct stacks **stacks)
{
	struct interfaces interfaces = {0};
	struct stacks_wanted wanted = {.passes = !word_flag(words, "drops"),
				       .kernel = word_flag(words, "kernel")};
	struct trace_filter filter;
	int error = read_filter(words, names, &filter);

	if (!error)
		error = read_interfaces(instance, names, filter.sink.ifindex, &interfaces);
	if (error)
		goto out;
	filter.sink.ifindex = 0;
	filter.sink.flags |= SINK_ALL;
	if (filter.sink.end[0].given || filter.sink.end[1].given || filter.sink.port ||
	    filter.sink.protocol)
		wanted.filter = &filter.sink;
	wanted.interfaces = interfaces.interface;
	wanted.count = interfaces.count;
	error = stacks_open(&wanted, stacks);
out:
	free(interfaces.interface);
	return error;
}

static int begin(struct context *context, const struct words *words, struct names **names,
		 struct stacks **stacks)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_READ);

	if (error)
		return error;
	error = names_read(instance, names);
	if (!error)
		error = open_stacks(instance, words, *names, stacks);
	instance_close(instance);
	return error;
}

static int check_words(const struct words *words)
{
	static const char *const others[] = {"all", "rule", "user", "cgroup", "ring-size", "pcap"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (word_flag(words, others[i]))
			return misuse("--%s does not go with --stack", others[i]);
	return 0;
}

int trace_stack(struct context *context, const struct words *words)
{
	uint64_t wanted = 0, timeout_s = 0;
	struct stacks *stacks = NULL;
	struct names *names = NULL;
	bool enough = true;
	int error = check_words(words);

	if (!error)
		error = word_number(words, "count", 1, INT64_MAX, &wanted);
	if (!error)
		error = word_number(words, "timeout", 1, INT32_MAX, &timeout_s);
	if (error)
		return error;
	interrupt_catch();
	error = begin(context, words, &names, &stacks);
	if (!error) {
		if (!quiet)
			fprintf(stderr, "npctl: listening for stacks, shown at the end\n");
		enough = wait_for(stacks, wanted, timeout_s);
		error = print_all(context, words, names, stacks);
		if (stacks_lost(stacks))
			warn("%llu packets more, with stacks for which there was no room",
			     (unsigned long long)stacks_lost(stacks));
	}
	if (!error && !enough)
		error = REPORTED;
	stacks_close(stacks);
	names_free(names);
	return error;
}
