// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "commit/shadow.h"

#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"
#include "model/rule.h"
#include "store/documents.h"
#include "store/history.h"

static bool meant;

bool shadow_is_meant(void)
{
	return meant;
}

bool shadow_exists(struct instance *instance)
{
	size_t size;
	void *bytes = document_get_bytes(instance, "shadow", &size);

	free(bytes);
	return bytes;
}

bool shadow_changes(struct instance *instance)
{
	json_t *before = document_before(instance, "shadow");
	json_t *now = document_get(instance, "shadow");
	bool changes = !json_equal(before, now) && (before || now);

	json_decref(before);
	json_decref(now);
	return changes;
}

static size_t place_of(const json_t *array, const json_t *value)
{
	const json_t *each;
	size_t i;

	json_array_foreach ((json_t *)array, i, each)
		if (json_equal(each, value))
			break;
	return i;
}

static bool is_in(const json_t *array, const json_t *value)
{
	return place_of(array, value) < json_array_size(array);
}

/* The candidate on */

static bool is_same_rule(const json_t *now, const json_t *then)
{
	struct signature one = line_sameness(now), two = line_sameness(then);

	return signature_equal(&one, &two);
}

/* A number may have become another rule's since: then the candidate's gets a fresh one. */
static int rule_take_on(struct rule_store *rules, json_t *rule)
{
	json_t *now = rule_store_get(rules, field_number(rule, "id", 0));
	bool free = !now || is_same_rule(now, rule);
	enum line_change change;
	json_t *copy;
	long id;

	json_decref(now);
	if (free)
		return rule_store_set(rules, rule);
	copy = json_copy(rule);
	json_object_del(copy, "id");
	return rule_store_put(rules, copy, &change, &id);
}

static int rules_take_on(struct instance *instance, const json_t *old, const json_t *new)
{
	struct rule_store *rules = instance_rules(instance);
	json_t *rule, *now;
	int error = rules ? 0 : FAILED;
	size_t i;

	json_array_foreach ((json_t *)old, i, rule) {
		now = error ? NULL : rule_store_get(rules, field_number(rule, "id", 0));
		if (now && is_same_rule(now, rule))
			rule_store_remove(rules, field_number(rule, "id", 0));
		json_decref(now);
	}
	json_array_foreach ((json_t *)new, i, rule)
		if (!error)
			error = rule_take_on(rules, rule);
	return error;
}

static void array_take_on(struct instance *instance, const char *name, const json_t *old,
			  const json_t *new)
{
	json_t *array = document_get(instance, name), *value;
	size_t i, place;

	if (!array)
		array = json_array();
	json_array_foreach ((json_t *)old, i, value) {
		place = place_of(array, value);
		if (place < json_array_size(array))
			json_array_remove(array, place);
	}
	json_array_foreach ((json_t *)new, i, value)
		json_array_append(array, value);
	document_put(instance, name, json_array_size(array) ? json_incref(array) : NULL);
	json_decref(array);
}

static bool is_list(const char *name)
{
	return !strncmp(name, "lists/", 6);
}

static int document_take_on(struct instance *instance, const char *name, const json_t *old,
			    const json_t *new)
{
	json_t *list = json_array_get(new, 0);

	if (!strcmp(name, "rules"))
		return rules_take_on(instance, old, new);
	if (is_list(name) && list)
		document_put(instance, name, json_incref(list));
	else if (!is_list(name))
		array_take_on(instance, name, old, new);
	return 0;
}

int shadow_take_on(struct instance *instance)
{
	json_t *shadow = document_get(instance, "shadow"), *value;
	json_t *old = json_object_get(shadow, "old"), *new = json_object_get(shadow, "new");
	const char *name;
	int error = 0;

	json_object_foreach (old, name, value)
		if (!error)
			error = document_take_on(instance, name, value, json_object_get(new, name));
	json_object_foreach (new, name, value)
		if (!error && !json_object_get(old, name))
			error = document_take_on(instance, name, NULL, value);
	json_decref(shadow);
	return error;
}

/* The candidate made */

struct making {
	struct instance *instance;
	json_t *old, *new;
	int error;
};

static void set_unless_empty(json_t *object, const char *name, json_t *array)
{
	if (json_array_size(array))
		json_object_set(object, name, array);
	json_decref(array);
}

/* The elements of one that the other lacks; a value that is no array is its own element. */
static json_t *lacking(const json_t *all, const json_t *from)
{
	json_t *rows = json_array(), *value;
	size_t i;

	if (json_is_object(all) && !json_equal(all, from))
		json_array_append(rows, (json_t *)all);
	json_array_foreach ((json_t *)all, i, value)
		if (!is_in(from, value))
			json_array_append(rows, value);
	return rows;
}

static int check_document(const char *name, bool was)
{
	if (!strcmp(name, "endpoints"))
		return fail("what endpoints attach cannot be tried out");
	if (!history_is_users(name))
		return fail("\"%s\" is no policy: a candidate is made of policies, rules, defaults "
			    "and lists",
			    name);
	if (is_list(name) && was)
		return fail("list %s is in force: give the candidate's another name", name + 6);
	return 0;
}

static void document_take(const char *name, bool was, bool is, void *data)
{
	struct making *making = data;
	json_t *before, *after;

	if (making->error || !strcmp(name, "rules") || !strcmp(name, "shadow"))
		return;
	making->error = check_document(name, was);
	if (making->error)
		return;
	before = was ? document_before(making->instance, name) : NULL;
	after = is ? document_get(making->instance, name) : NULL;
	set_unless_empty(making->old, name, lacking(before, after));
	set_unless_empty(making->new, name, lacking(after, before));
	json_decref(before);
	json_decref(after);
}

static void rules_take(struct making *making)
{
	struct rule_store *rules = &making->instance->rules;
	json_t *old = json_array(), *new = json_array(), *before, *after;

	list32_sort(&rules->changed);
	for (size_t i = 0; i < rules->changed.count; i++) {
		before = rule_store_before(rules, rules->changed.item[i]);
		after = rule_store_get(rules, rules->changed.item[i]);
		if (!json_equal(before, after)) {
			if (before)
				json_array_append(old, before);
			if (after)
				json_array_append(new, after);
		}
		json_decref(before);
		json_decref(after);
	}
	set_unless_empty(making->old, "rules", old);
	set_unless_empty(making->new, "rules", new);
}

static int rules_restore(struct instance *instance, const json_t *old, const json_t *new)
{
	struct rule_store *rules = instance_rules(instance);
	json_t *rule;
	int error = 0;
	size_t i;

	json_array_foreach ((json_t *)new, i, rule)
		rule_store_remove(rules, field_number(rule, "id", 0));
	json_array_foreach ((json_t *)old, i, rule)
		if (!error)
			error = rule_store_set(rules, rule);
	return error;
}

/* In memory all is again as it is in force. */
static int restore(const struct making *making)
{
	struct instance *instance = making->instance;
	json_t *names = json_object(), *value;
	const char *name;

	json_object_update(names, making->old);
	json_object_update(names, making->new);
	json_object_foreach (names, name, value)
		if (strcmp(name, "rules") != 0)
			document_put(instance, name, document_before(instance, name));
	json_decref(names);
	return rules_restore(instance, json_object_get(making->old, "rules"),
			     json_object_get(making->new, "rules"));
}

int shadow_put(struct instance *instance)
{
	struct making making = {instance, json_object(), json_object(), 0};

	rules_take(&making);
	documents_each_change(instance, document_take, &making);
	if (!making.error)
		making.error = restore(&making);
	if (!making.error && (json_object_size(making.old) || json_object_size(making.new)))
		document_put(instance, "shadow",
			     json_pack("{s:O, s:O}", "old", making.old, "new", making.new));
	else if (!making.error)
		document_put(instance, "shadow", NULL);
	if (!making.error)
		warn("a candidate decides nothing: npctl policy shadow shows what it would do, "
		     "npctl policy promote puts it in force");
	json_decref(making.old);
	json_decref(making.new);
	return making.error;
}

void shadow_begin(void)
{
	meant = true;
	instance_opened = shadow_take_on;
}

void shadow_end(void)
{
	meant = false;
	instance_opened = NULL;
}

/* The candidate compiled */

static int array_add(struct model *model, const json_t *array, unsigned int sides,
		     const char *where)
{
	int error;

	model_sides(model, sides);
	error = model_add_array(model, array, where);
	model_sides(model, SIDES_BOTH);
	return error;
}

static int parts_add(struct model *model, const json_t *array, const json_t *old, const char *where)
{
	json_t *both = json_array(), *force = json_array(), *value;
	size_t i;
	int error;

	json_array_foreach ((json_t *)array, i, value)
		json_array_append(is_in(old, value) ? force : both, value);
	error = array_add(model, both, SIDES_BOTH, where);
	if (!error)
		error = array_add(model, force, 1u << SIDE_FORCE, where);
	json_decref(both);
	json_decref(force);
	return error;
}

bool shadow_add_document(const json_t *shadow, struct model *model, const char *name, char *text,
			 size_t size, int *error)
{
	const json_t *old = json_object_get(json_object_get(shadow, "old"), name);
	json_t *array = old ? json_loadb(text, size, JSON_ALLOW_NUL, NULL) : NULL;

	if (array)
		*error = parts_add(model, array, old, name);
	json_decref(array);
	return array;
}

int shadow_add_new(const json_t *shadow, struct model *model)
{
	json_t *array;
	const char *name;
	int error = 0;

	json_object_foreach (json_object_get(shadow, "new"), name, array)
		if (!error)
			error = array_add(model, array, 1u << SIDE_SHADOW, "the candidate");
	return error;
}
