/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy verify and wait: is what was said what is enforced? */
#include <stdio.h>
#include <time.h>
#include "cmd/policy/policy.h"
#include "commit/enforce.h"
#include "watch/verify.h"
#include "store/waiting.h"

const struct option policy_verify_options[] = {{0}};

const struct option policy_wait_options[] = {
    {"generation", VALUE_NUMBER, "N", "that one or a later (default: the latest)", 'g', false},
    {"timeout", VALUE_NUMBER, "SECONDS", "give up after so long (default: 30)", 't', false},
    {0},
};

static int compare(struct instance *instance, json_t *rows)
{
	struct plan *plan;
	int error;

	if (!instance_loaded(instance)) {
		fail("nothing is loaded, so nothing is enforced");
		return instance_mend(instance, "load");
	}
	if (instance->settings->dirty == DIRTY_WRITER)
		json_array_append_new(rows,
				      json_pack("{s:s, s:s, s:s, s:s}", "part", "documents", "what",
						"last change", "expected", "finished", "found",
						"interrupted: the old one is in force"));
	error = enforce_plan(instance, &plan);
	if (!error) {
		error = verify_datapath(instance, plan, rows);
		plan_free(plan);
	}
	return error;
}

int policy_verify(struct context *context, const struct words *words)
{
	static const struct column columns[] = {
	    {.key = "part"}, {.key = "what"}, {.key = "expected"}, {.key = "found"}};
	struct instance *instance;
	json_t *rows;
	bool differs;
	int error = instance_open(&instance, context->root, ACCESS_READ);

	(void)words;
	if (error)
		return error;
	rows = json_array();
	error = compare(instance, rows);
	instance_close(instance);
	if (error) {
		json_decref(rows);
		return error;
	}
	differs = json_array_size(rows) > 0;
	out_table(&context->out, rows, columns, ARRAY_SIZE(columns),
		  "documents, plan, maps and programs agree");
	return differs ? REPORTED : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A change is in force everywhere or nowhere: one word says which. */
static int look(struct context *context, uint32_t *generation, bool *pending)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_READ);

	if (error)
		return error;
	*generation = version_in_force(instance->settings);
	*pending = instance->settings->dirty == DIRTY_WRITER || !instance_loaded(instance);
	instance_close(instance);
	return 0;
}

int policy_wait(struct context *context, const struct words *words)
{
	uint64_t wanted = 0, seconds = 30;
	uint32_t generation;
	int64_t deadline;
	bool pending;

	if (word_number(words, "generation", 0, UINT32_MAX, &wanted) ||
	    word_number(words, "timeout", 0, 86400, &seconds))
		return MISUSED;
	deadline = now_ms() + (int64_t)seconds * 1000;
	for (;;) {
		int error = look(context, &generation, &pending);

		if (error)
			return error;
		if (!pending && generation >= wanted)
			break;
		if (now_ms() >= deadline)
			return fail("generation %u is in force, %s after %llu s", generation,
				    pending ? "and a change is unfinished" : "no later one",
				    (unsigned long long)seconds);
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	}
	if (context->out.json)
		out_json(&context->out, json_pack("{s:I}", "generation", (json_int_t)generation));
	else if (!quiet)
		printf("generation %u is enforced\n", generation);
	return 0;
}
