// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/trace_stack.h"
#include "cmd/filter.h"
#include "interrupt.h"
#include "kernel/stacks.h"
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

/* The interfaces of one pod, or of all that are attached. */
static int read_interfaces(struct instance *instance, const struct names *names,
			   const struct words *words, uint32_t **interfaces, size_t *count)
{
	const char *pod = word_value(words, "pod");
	json_t *attachments = NULL, *one;
	int error = 0;
	size_t i;

	*count = 0;
	if (!pod)
		attachments = document_get(instance, "attachments");
	*interfaces = xalloc((json_array_size(attachments) + 1) * sizeof(**interfaces));
	if (pod)
		error = filter_pod(pod, names, &(*interfaces)[(*count)++]);
	json_array_foreach (attachments, i, one) {
		json_int_t ifindex = json_integer_value(json_object_get(one, "ifindex"));

		if (ifindex > 0)
			(*interfaces)[(*count)++] = (uint32_t)ifindex;
	}
	json_decref(attachments);
	if (!error && !*count) {
		fail("no pod is attached: there is no interface to watch");
		return fail_mend("npctl attach pod POD");
	}
	return error;
}

static void print_stack(const struct out *out, const json_t *row)
{
	const char *verdict = text_of(row, "verdict"), *reason = text_of(row, "reason");
	json_t *frames = json_object_get(row, "frames"), *frame;
	size_t i;

	printf("%lld %s%s%s  %s\n", json_integer_value(json_object_get(row, "count")),
	       painted(out, strcmp(verdict, "drop") ? GREEN : RED,
		       strcmp(verdict, "drop") ? "PASS" : "DROP"),
	       *reason ? " " : "", reason, text_of(row, "subject"));
	json_array_foreach (frames, i, frame)
		printf("    %s\n", json_string_value(frame));
	putchar('\n');
}

/* subject;verdict;outermost;…;innermost count */
static void print_folded(const json_t *row)
{
	const char *reason = text_of(row, "reason");
	json_t *frames = json_object_get(row, "frames");

	printf("%s;%s%s%s", text_of(row, "subject"), text_of(row, "verdict"), *reason ? " " : "",
	       reason);
	for (size_t i = json_array_size(frames); i-- > 0;)
		printf(";%s", json_string_value(json_array_get(frames, i)));
	printf(" %lld\n", json_integer_value(json_object_get(row, "count")));
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

static int open_stacks(struct context *context, const struct words *words, struct names **names,
		       struct stacks **stacks)
{
	uint32_t *interfaces = NULL;
	struct instance *instance;
	size_t count;
	int error = instance_open(&instance, context->root, ACCESS_READ);

	if (error)
		return error;
	error = names_read(instance, names);
	if (!error)
		error = read_interfaces(instance, *names, words, &interfaces, &count);
	if (!error)
		error = stacks_open(interfaces, count, !word_flag(words, "drops"), stacks);
	free(interfaces);
	instance_close(instance);
	return error;
}

static int check_words(const struct words *words)
{
	static const char *const others[] = {"all",   "from", "to",	   "port",
					     "proto", "rule", "ring-size", "pcap"};

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
	error = open_stacks(context, words, &names, &stacks);
	if (!error) {
		if (!quiet)
			fprintf(stderr, "npctl: listening for stacks, shown at the end\n");
		enough = wait_for(stacks, wanted, timeout_s);
		error = print_all(context, words, names, stacks);
	}
	if (!error && !enough)
		error = REPORTED;
	stacks_close(stacks);
	names_free(names);
	return error;
}
