// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* npctl confirm, and --confirm: changes that are taken back unless somebody says so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/confirm.h"
#include "cmd/policy/policy.h"
#include "cmd/table.h"
#include "commit/enforce.h"
#include "commit/shadow.h"
#include "store/waiting.h"

#define LONGEST 86400 /* seconds */

/* "60", "60s", "5m", "1h"; 0 when it is none of these. */
static uint64_t seconds_of(const char *word)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}};
	size_t digits = strspn(word, "0123456789");
	uint64_t number = strtoull(word, NULL, 10);

	if (!digits || number > LONGEST)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(word + digits, units[i].unit))
			return number * units[i].seconds;
	return 0;
}

static int confirm_words(const struct words *words)
{
	const char *word = word_value(words, "confirm");
	uint64_t seconds = word ? seconds_of(word) : 0;

	if (word && (!seconds || seconds > LONGEST))
		return misuse("--confirm %s: expected 1s to 24h", word);
	if (word && instance_holds())
		return misuse("--confirm is for a command of its own, not for one of many");
	enforce_confirm(seconds);
	return 0;
}

/* The next command of a batch is not meant. */
static void tentative_end(void)
{
	enforce_confirm(0);
	enforce_look_at(NULL);
	shadow_end();
}

static int shadow_words(const struct words *words)
{
	if (!word_flag(words, "shadow"))
		return 0;
	if (instance_holds())
		return misuse("--shadow is for a command of its own, not for one of many");
	if (word_flag(words, "dry-run") || word_value(words, "confirm"))
		return misuse("--shadow changes nothing that could be foretold or taken back");
	shadow_begin();
	return 0;
}

int tentative_words(struct context *context, const struct words *words)
{
	context->after = tentative_end;
	if (word_flag(words, "dry-run") && word_value(words, "confirm"))
		return misuse("--dry-run changes nothing that could wait for --confirm");
	if (confirm_words(words) || shadow_words(words))
		return MISUSED;
	return dry_run_words(context, words);
}

static void say(struct context *context, const char *state, uint32_t version)
{
	if (context->out.json)
		out_json(&context->out,
			 json_pack("{s:s, s:I}", "state", state, "version", (json_int_t)version));
	else if (!quiet)
		printf("%s: version %u\n", state, version);
}

/* What the other half had goes now: no other change has to. */
static int clean(struct instance *instance)
{
	if (enforce_commit(instance) == 0)
		return 0;
	warn("%s; the next change cleans up", failure());
	failure_clear();
	return 0;
}

static int confirm(struct context *context, const struct words *words)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_DECIDE);

	(void)words;
	if (error)
		return error;
	if (!waiting_is(instance->settings, NULL))
		error = fail("no change waits to be confirmed");
	else if (!waiting_confirm(instance->settings))
		error = fail("it is too late: what was before comes back");
	if (!error)
		error = clean(instance);
	if (!error)
		say(context, "confirmed", instance->settings->version);
	instance_close(instance);
	return error;
}

int confirm_take_back(struct context *context, bool *waited)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_DECIDE);

	*waited = !error && waiting_is(instance->settings, NULL);
	if (*waited)
		waiting_take_back(instance->settings);
	if (!error)
		instance_close(instance);
	if (error || !*waited)
		return error;
	/* as it was is another directory of documents */
	error = instance_open(&instance, context->root, ACCESS_WRITE);
	if (error)
		return error;
	error = clean(instance);
	if (!error)
		say(context, "taken back", instance->settings->version);
	instance_close(instance);
	return error;
}

const struct command command_confirm = {
    "confirm",
    "keep a change that would be taken back",
    (const struct verb[]){
	{"", "", "keep the change that was made with --confirm", 0, 0, NULL, confirm, NULL},
	{0},
    },
};
