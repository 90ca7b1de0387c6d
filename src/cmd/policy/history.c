// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* policy history, blame: what changed, when, and by whom. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cmd/policy/policy.h"
#include "manifest/schema.h"
#include "questions/changes.h"
#include "store/history.h"

#define SHOWN 3 /* changes of one commit in a table */

const struct option policy_history_options[] = {
    {"last", VALUE_NUMBER, "N", "only the last N", 'n', false},
    {0},
};

struct telling {
	json_t *rows;
	uint64_t most;
	const char *about; /* NULL: everything */
};

static json_t *time_text(const json_t *entry)
{
	time_t when = (time_t)field_number(entry, "time", 0);
	char text[32] = "";
	struct tm broken;

	if (gmtime_r(&when, &broken))
		strftime(text, sizeof(text), "%FT%TZ", &broken);
	return json_string(text);
}

/* Who sat at it, if anybody did, rather than whom it ran as. */
static json_t *user_text(const json_t *entry)
{
	uid_t uid = (uid_t)field_number(entry, "login", field_number(entry, "uid", 0));
	const struct passwd *user = getpwuid(uid);
	json_t *name = user ? json_string(user->pw_name) : NULL;

	return name ? name : json_sprintf("%u", uid);
}

/* "3", "default/be" or "NetworkPolicy default/be". */
static bool is_about(const json_t *change, const char *word)
{
	const char *what = field_text(change, "what", ""), *space = strchr(what, ' ');

	return !strcmp(what, word) || (space && !strcmp(space + 1, word));
}

static json_t *changes_about(const json_t *entry, const json_t *after, const char *word)
{
	json_t *changes = changes_rows(entry, after);

	for (size_t i = json_array_size(changes); word && i-- > 0;)
		if (!is_about(json_array_get(changes, i), word))
			json_array_remove(changes, i);
	return changes;
}

static int tell(uint32_t version, const json_t *entry, const json_t *after, void *data)
{
	struct telling *telling = data;
	json_t *changes = changes_about(entry, after, telling->about);

	if (!telling->about || json_array_size(changes))
		json_array_append_new(telling->rows,
				      json_pack("{s:I, s:o, s:o, s:O, s:O*, s:O, s:O, s:O*, s:O*}",
						"version", (json_int_t)version, "time",
						time_text(entry), "user", user_text(entry), "uid",
						json_object_get(entry, "uid"), "login",
						json_object_get(entry, "login"), "command",
						json_object_get(entry, "command"), "changes",
						changes, "others", json_object_get(entry, "others"),
						"lost", json_object_get(entry, "lost")));
	json_decref(changes);
	return json_array_size(telling->rows) >= telling->most;
}

static void print_changes(FILE *to, const json_t *row)
{
	const json_t *changes = json_object_get(row, "changes");
	size_t count = json_array_size(changes);
	const char *before = "";

	for (size_t i = 0; i < count && i < SHOWN; i++, before = "; ") {
		char *text = change_text(json_array_get(changes, i));

		fprintf(to, "%s%s", before, text);
		free(text);
	}
	if (count > SHOWN)
		fprintf(to, "; and %zu more", count - SHOWN);
	if (json_object_get(row, "lost"))
		fprintf(to, "%ssomething that was not kept", before);
}

/* What else there was, where the user's own word did not change. */
static void print_others(FILE *to, const json_t *row)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(row, "others"), i, name)
		fprintf(to, "%s%s", i ? ", " : "", json_string_value(name));
}

static json_t *for_table(const json_t *row)
{
	json_t *shown = json_copy((json_t *)row);
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		abort();
	print_changes(to, row);
	fflush(to);
	if (!size)
		print_others(to, row);
	fclose(to);
	json_object_set_new(shown, "change", out_string(text));
	free(text);
	return shown;
}

static void show(struct context *context, json_t *rows, const char *nothing)
{
	static const struct column columns[] = {
	    {.key = "version", .right = true},
	    {.key = "time"},
	    {.key = "user"},
	    {.key = "command"},
	    {.key = "change"},
	};
	json_t *shown, *row;
	size_t i;

	if (context->out.json) {
		out_json(&context->out, rows);
		return;
	}
	shown = json_array();
	json_array_foreach (rows, i, row)
		json_array_append_new(shown, for_table(row));
	out_table(&context->out, shown, columns, ARRAY_SIZE(columns), nothing);
	json_decref(rows);
}

static int collect(struct context *context, struct telling *telling)
{
	struct instance *instance;
	int error = instance_open(&instance, context->root, ACCESS_READ);

	telling->rows = json_array();
	if (!error)
		error = history_each(instance, tell, telling);
	if (error < 0)
		json_decref(telling->rows);
	instance_close(instance);
	return error < 0 ? error : 0;
}

int policy_history(struct context *context, const struct words *words)
{
	struct telling telling = {.most = UINT64_MAX};
	int error = word_number(words, "last", 1, UINT32_MAX, &telling.most);

	if (!error)
		error = collect(context, &telling);
	if (!error)
		show(context, telling.rows, "nothing changed as far back as history goes");
	return error;
}

int policy_blame(struct context *context, const struct words *words)
{
	struct telling telling = {.most = UINT64_MAX, .about = words->word[0]};
	int error = collect(context, &telling);

	if (!error && !json_array_size(telling.rows)) {
		json_decref(telling.rows);
		return fail("history knows nothing of a rule or policy \"%s\"", telling.about);
	}
	if (!error)
		show(context, telling.rows, "");
	return error;
}
