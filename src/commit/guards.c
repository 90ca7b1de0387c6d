// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "commit/guards.h"

#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"
#include "questions/claims.h"
#include "questions/reach.h"
#include "store/documents.h"

static bool for_others;

void guards_for_others(void)
{
	for_others = true;
}

bool guards_exist(struct instance *instance)
{
	size_t size;
	void *bytes = document_get_bytes(instance, "guards", &size);

	free(bytes);
	return bytes;
}

size_t guard_place(const json_t *guards, const char *name)
{
	const json_t *guard;
	size_t i;

	json_array_foreach ((json_t *)guards, i, guard)
		if (!strcmp(field_text(guard, "name", ""), name))
			break;
	return i;
}

/* What speaks of a pod that is gone is not asked: nothing comes from it or reaches it. */
static json_t *claim_prove(struct model *model, const struct plan *plan, const json_t *guard,
			   json_t *claim)
{
	json_t *one = json_pack("[O]", claim), *rows = NULL, *row;

	if (prove(model, plan, one, field_text(guard, "name", ""), &rows)) {
		row = json_pack("{s:b, s:s}", "holds", true, "problem", failure());
		failure_clear();
	} else {
		row = json_incref(json_array_get(rows, 0));
	}
	json_decref(rows);
	json_decref(one);
	json_object_set(row, "claim", claim);
	json_object_set(row, "guard", json_object_get(guard, "name"));
	json_object_set(row, "then", json_object_get(guard, "then"));
	return row;
}

json_t *guards_rows(struct instance *instance, struct model *model, const struct plan *plan)
{
	json_t *guards = document_get(instance, "guards"), *rows = json_array(), *guard, *claim;
	size_t i, j;

	json_array_foreach (guards, i, guard)
		json_array_foreach (json_object_get(guard, "claims"), j, claim)
			json_array_append_new(rows, claim_prove(model, plan, guard, claim));
	json_decref(guards);
	return rows;
}

static bool is_among(const json_t *claims, const json_t *claim)
{
	json_t *each;
	size_t i;

	json_array_foreach ((json_t *)claims, i, each)
		if (json_equal(each, claim))
			return true;
	return false;
}

/* "guard web: {…} would not hold: a/b to a/c TCP/80: allow, by …" */
static char *sentence_of(const json_t *row)
{
	const json_t *witness = json_object_get(row, "counterexample");
	const char *egress = witness_rule(witness, "egress");
	const char *ingress = witness_rule(witness, "ingress");
	char *text = witness_text(witness), *sentence;

	sentence =
	    xprintf("guard %s: %s would not hold: %s%s%s%s%s", field_text(row, "guard", ""),
		    field_text(row, "rule", ""), text, egress || ingress ? ", by " : "",
		    egress ? egress : "", egress && ingress ? " and " : "", ingress ? ingress : "");
	free(text);
	return sentence;
}

static void refuse(struct instance *instance, const char *name, const char *sentence)
{
	json_t *before = document_before(instance, "guards");

	fail("%s", sentence);
	if (guard_place(before, name) < json_array_size(before))
		fail_mend("npctl policy guard delete %s", name);
	json_decref(before);
}

static int take_broken(struct instance *instance, json_t *guard, const json_t *row, json_t *broken)
{
	bool known = is_among(json_object_get(guard, "broken"), json_object_get(row, "claim"));
	bool alarm = !strcmp(field_text(guard, "then", ""), "alarm");
	char *sentence;

	if (json_object_get(row, "problem"))
		warn("guard %s is not asked: %s", field_text(guard, "name", ""),
		     field_text(row, "problem", ""));
	if (json_is_true(json_object_get(row, "holds")))
		return 0;
	json_array_append(broken, json_object_get(row, "claim"));
	if (known)
		return 0;
	sentence = sentence_of(row);
	if (for_others && alarm)
		warn("%s", sentence);
	else
		refuse(instance, field_text(guard, "name", ""), sentence);
	free(sentence);
	return for_others && alarm ? 0 : FAILED;
}

static int guard_check(struct instance *instance, json_t *guard, struct model *model,
		       const struct plan *plan)
{
	json_t *broken = json_array(), *claim, *row;
	int error = 0;
	size_t i;

	json_array_foreach (json_object_get(guard, "claims"), i, claim) {
		row = claim_prove(model, plan, guard, claim);
		error = take_broken(instance, guard, row, broken);
		json_decref(row);
		if (error)
			break;
	}
	if (json_array_size(broken))
		json_object_set(guard, "broken", broken);
	else
		json_object_del(guard, "broken");
	json_decref(broken);
	return error;
}

int guards_check(struct instance *instance, struct model *model, const struct plan *plan)
{
	json_t *guards = document_get(instance, "guards"), *now = json_deep_copy(guards), *guard;
	int error = 0;
	size_t i;

	json_array_foreach (now, i, guard) {
		error = guard_check(instance, guard, model, plan);
		if (error)
			break;
	}
	if (!error && !json_equal(guards, now))
		document_put(instance, "guards", json_incref(now));
	json_decref(now);
	json_decref(guards);
	return error;
}
