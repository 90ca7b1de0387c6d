/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* policy refresh: what names stand for now, of addresses, users and groups. */
#include "cmd/policy/policy.h"
#include "agent/domains.h"
#include "commit/enforce.h"

/* Users, groups and the time zone are looked up by every commit. */
static int commit(const char *root)
{
	struct instance *instance;
	int error = instance_open(&instance, root, ACCESS_WRITE);

	if (error)
		return error;
	error = enforce_commit(instance);
	instance_close(instance);
	return error;
}

int policy_refresh(struct context *context, const struct words *words)
{
	static const struct column columns[] = {{.key = "name"},
						{.key = "state"},
						{.key = "lifetime", .right = true},
						{.key = "addresses"},
						{.key = "problem"}};
	json_t *rows;
	int error = domains_refresh(context->root, NULL, &rows);

	(void)words;
	if (error && !json_array_size(rows))
		json_decref(rows);
	else
		out_table(&context->out, rows, columns, ARRAY_SIZE(columns),
			  "no rule speaks of a name");
	if (!error)
		return commit(context->root);
	if (!context->out.json)
		return error;
	failure_clear(); /* the rows have said it */
	return REPORTED;
}
