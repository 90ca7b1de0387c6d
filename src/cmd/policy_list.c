/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy list and delete. */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cmd/policy.h"
#include "kernel/apply.h"
#include "kernel/enforce.h"
#include "policy/lines.h"
#include "policy/listing.h"

const struct option policy_list_options[] = {{0}};

int hits_open(struct hits *hits, struct instance *instance)
{
	*hits = (struct hits){.counters = -1};
	if (!instance_loaded(instance))
		return 0;
	if (enforce_numbers(instance, &hits->numbers))
		return FAILED;
	hits->counters = instance_map(instance, "counters");
	return hits->counters < 0 ? FAILED : 0;
}

void hits_close(struct hits *hits)
{
	numbers_free(hits->numbers);
	if (hits->counters >= 0)
		close(hits->counters);
}

bool hits_count(void *data, const struct signature *rule, struct counter *counter)
{
	const struct hits *hits = data;
	const struct numbered *number;

	*counter = (struct counter){0};
	if (hits->counters < 0)
		return false;
	number = numbers_find(hits->numbers, NUMBER_RULE, rule);
	return !number || apply_counter(hits->counters, number->number, counter) == 0;
}

static enum paint paint_tier(const char *text)
{
	(void)text;
	return DIM;
}

int policy_list(struct context *context, const struct words *words)
{
	static const struct column columns[] = {
	    {.key = "rule"},
	    {.key = "tier", .paint = paint_tier},
	    {.key = "verdict", .paint = paint_verdict},
	    {.key = "direction"},
	    {.key = "subject"},
	    {.key = "peer"},
	    {.key = "ports"},
	    {.key = "packets", .right = true},
	    {.key = "bytes", .right = true},
	};
	struct instance *instance;
	struct model *model = NULL;
	struct plan *plan = NULL;
	struct hits hits = {.counters = -1};
	int error = instance_open(&instance, context->root, ACCESS_TRY);

	(void)words;
	if (error)
		return error;
	if (!instance) {
		out_table(&context->out, json_array(), columns, ARRAY_SIZE(columns), "no rules");
		return 0;
	}
	error = enforce_model(instance, &model);
	if (!error)
		error = plan_compile(model, &plan);
	if (!error)
		error = hits_open(&hits, instance);
	if (!error)
		out_table(&context->out, listing_rows(model, plan, NULL, hits_count, &hits),
			  columns, ARRAY_SIZE(columns), "no rules");
	hits_close(&hits);
	plan_free(plan);
	model_free(model);
	instance_close(instance);
	return error;
}
