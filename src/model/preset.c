/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a preset comes to once its settings are put in: one-line rules. */
#include "model/preset.h"

#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "model/rule.h"
#include "manifest/schema.h"

struct putting {
	struct model *model;
	const struct preset_words *words;
	json_t *preset, *settings; /* settings: KEY -> array of texts */
	json_t *made;		   /* rules, not yet in the document */
	bool may_allow, allows;
};

/* Commas part texts, but not the terms of a label selector. */
static void add_text(json_t *items, const char *text)
{
	size_t length;

	for (; *text; text += text[length] ? length + 1 : length) {
		text += strspn(text, " ");
		length = strchr(text, '=') ? strlen(text) : strcspn(text, ",");
		if (length)
			json_array_append_new(items, json_stringn(text, length));
	}
}

/* A value as an array of texts; to YAML, on and off are no texts. */
static json_t *items_of(const json_t *value)
{
	json_t *items = json_array(), *each, *inner;
	size_t index;

	if (json_is_string(value))
		add_text(items, json_string_value(value));
	else if (json_is_boolean(value))
		json_array_append_new(items, json_string(json_is_true(value) ? "on" : "off"));
	else if (json_is_integer(value))
		json_array_append_new(items, json_sprintf("%lld", json_integer_value(value)));
	json_array_foreach (value, index, each) {
		inner = items_of(each);
		json_array_extend(items, inner);
		json_decref(inner);
	}
	return items;
}

static int settings_make(struct putting *putting)
{
	const json_t *known = field_get(putting->preset, "settings");
	const json_t *given = putting->words->settings;
	const char *key, *name = putting->words->name;
	json_t *value;

	json_object_foreach ((json_t *)given, key, value) {
		if (!json_object_get(known, key)) {
			fail("preset %s has no setting \"%.60s\"", name, key);
			return fail_mend("npctl policy preset %s --show", name);
		}
	}
	json_object_foreach ((json_t *)known, key, value) {
		const json_t *mine = json_object_get(given, key);

		if (!mine && json_is_null(value)) {
			fail("preset %s needs a setting: %s", name, key);
			return fail_mend("npctl policy preset %s --set %s=…", name, key);
		}
		json_object_set_new(putting->settings, key, items_of(mine ? mine : value));
	}
	return 0;
}

static int fail_setting(const struct putting *putting, const char *key)
{
	return fail("%s: rules speak of a setting \"%.60s\" that settings do not have",
		    field_text(putting->preset, "file", ""), key);
}

/* The texts of a field, each "$KEY" replaced by what the setting has. */
static int expand(const struct putting *putting, const json_t *field, json_t **expanded)
{
	json_t *items = items_of(field), *item, *setting;
	size_t index;
	int error = 0;

	*expanded = json_array();
	json_array_foreach (items, index, item) {
		const char *text = json_string_value(item);

		setting = json_object_get(putting->settings, text + (*text == '$'));
		if (*text != '$')
			json_array_append(*expanded, item);
		else if (setting)
			json_array_extend(*expanded, setting);
		else
			error = fail_setting(putting, text + 1);
	}
	json_decref(items);
	return error;
}

/* -1: neither on nor off. */
static int switch_of(const json_t *setting)
{
	const char *text = json_string_value(json_array_get(setting, 0));

	if (!text || json_array_size(setting) != 1)
		return -1;
	return strcmp(text, "on") == 0 ? 1 : strcmp(text, "off") == 0 ? 0 : -1;
}

static int is_wanted(const struct putting *putting, const json_t *rule, bool *wanted)
{
	const char *key = field_text(rule, "when", NULL);
	const json_t *setting = key ? json_object_get(putting->settings, key) : NULL;
	int on = switch_of(setting);

	*wanted = !key || on == 1;
	if (key && !setting)
		return fail_setting(putting, key);
	if (key && on < 0)
		return fail("preset %s: %s is on or off, nothing else", putting->words->name, key);
	return 0;
}

static int make_rule(struct putting *putting, const char *peer, const json_t *rule, json_t *ports)
{
	struct line_words line = {
	    .allow = field_get(rule, "allow"),
	    .egress = true,
	    .peer = peer,
	    .subject = putting->words->subject,
	    .rate = field_text(rule, "rate", NULL),
	    .preset = putting->words->name,
	    .ports = ports,
	};
	json_t *made;
	int error = line_make(putting->model, &line, &made);

	if (!error)
		json_array_append_new(putting->made, made);
	putting->allows |= line.allow;
	return error;
}

/* "any" stands for all ports, so that no ports can mean no rule. */
static bool any_port(const json_t *ports)
{
	const char *first = json_string_value(json_array_get(ports, 0));

	return json_array_size(ports) == 1 && strcmp(first, "any") == 0;
}

static int make_rules(struct putting *putting, const json_t *rule)
{
	const json_t *allow = field_get(rule, "allow"), *port_field = field_get(rule, "ports");
	json_t *peers = NULL, *ports = NULL, *peer;
	bool wanted;
	size_t index;
	int error = is_wanted(putting, rule, &wanted);

	putting->may_allow |= allow != NULL;
	if (error || !wanted)
		return error;
	error = expand(putting, allow ? allow : field_get(rule, "deny"), &peers);
	if (!error)
		error = expand(putting, port_field, &ports);
	wanted = !error && (!port_field || json_array_size(ports));
	if (wanted && any_port(ports))
		json_array_clear(ports);
	json_array_foreach (peers, index, peer) {
		if (wanted && !error)
			error = make_rule(putting, json_string_value(peer), rule, ports);
	}
	json_decref(peers);
	json_decref(ports);
	return error;
}

/* Without any allowing rule, what was meant to be strict would let everything through. */
static int make_all(struct putting *putting)
{
	const json_t *rules = field_get(putting->preset, "rules");
	json_t *rule;
	size_t index;
	int error = 0;

	json_array_foreach (rules, index, rule) {
		error = error ? error : make_rules(putting, rule);
	}
	if (!error && !json_array_size(putting->made))
		return fail("preset %s has no rules with these settings", putting->words->name);
	if (!error && putting->may_allow && !putting->allows)
		return fail("preset %s allows nothing with these settings, and so nothing would "
			    "be denied either",
			    putting->words->name);
	return error;
}

static bool is_same_subject(const json_t *rule, const char *subject)
{
	const char *own = field_text(rule, "subject", NULL);

	return own && subject ? strcmp(own, subject) == 0 : own == subject;
}

static void add_row(json_t *rows, json_t *rule, long id, const char *state)
{
	json_t *row = json_deep_copy(rule);

	json_object_del(row, "since");
	json_object_set_new(row, "id", json_integer(id));
	json_object_set_new(row, "state", json_string(state));
	json_array_append_new(rows, row);
}

/* Removes what presets have put there but for the ids in `kept`. */
static size_t remove_others(json_t *rules, const char *subject, const json_t *kept, json_t *rows)
{
	size_t index = 0, removed = 0;
	json_t *rule;
	char id[24];

	while ((rule = json_array_get(rules, index))) {
		snprintf(id, sizeof(id), "%ld", field_number(rule, "id", 0));
		if (!field_get(rule, "preset") || !is_same_subject(rule, subject) ||
		    json_object_get(kept, id)) {
			index++;
			continue;
		}
		if (rows)
			add_row(rows, rule, field_number(rule, "id", 0), "removed");
		json_array_remove(rules, index);
		removed++;
	}
	return removed;
}

size_t preset_remove(json_t *rules, const char *subject, json_t *rows)
{
	return remove_others(rules, subject, NULL, rows);
}

static void put_made(const struct putting *putting, json_t *rules, json_t *rows)
{
	json_t *kept = json_object(), *rule, *subject = NULL;
	size_t index;
	char text[24];
	long id;

	json_array_foreach (putting->made, index, rule) {
		enum line_change change = lines_put(rules, json_deep_copy(rule), &id);

		snprintf(text, sizeof(text), "%ld", id);
		json_object_set_new(kept, text, json_true());
		if (rows)
			add_row(rows, rule, id, line_change_word(change));
		subject = json_object_get(rule, "subject");
	}
	remove_others(rules, json_string_value(subject), kept, rows);
	json_decref(kept);
}

int preset_put(struct model *model, const struct preset_words *words, json_t *rules, json_t *rows)
{
	struct putting putting = {.model = model, .words = words};
	int error = preset_read(words->name, &putting.preset);

	putting.settings = json_object();
	putting.made = json_array();
	if (!error)
		error = settings_make(&putting);
	if (!error)
		error = make_all(&putting);
	if (!error)
		put_made(&putting, rules, rows);
	json_decref(putting.preset);
	json_decref(putting.settings);
	json_decref(putting.made);
	return error;
}
