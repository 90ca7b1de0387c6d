/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/schema.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "base/cidr.h"
#include "model/model_private.h"
#include "manifest/schema_kinds.h"

/* Where the check stands: the way from the object down to a value. */
struct step {
	const struct step *up;
	const char *name; /* NULL: the element `index` */
	size_t index;
	const json_t *value;
};

struct check {
	const struct schema_place *place;
	const char *kind, *name;
};

json_t *field_get(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

const char *field_text(const json_t *object, const char *name, const char *fallback)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : fallback;
}

long field_number(const json_t *object, const char *name, long fallback)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? (long)json_integer_value(value) : fallback;
}

static size_t step_text(const struct step *step, char *text, size_t size)
{
	size_t used = step->up ? step_text(step->up, text, size) : 0;

	if (used >= size)
		return used;
	if (!step->name)
		return used + (size_t)snprintf(text + used, size - used, "[%zu]", step->index);
	return used +
	       (size_t)snprintf(text + used, size - used, "%s%s", used ? "." : "", step->name);
}

static unsigned int step_line(const struct schema_place *place, const struct step *step)
{
	unsigned int line = 0;

	for (; place->line && step && !line; step = step->up)
		line = step->value ? place->line(place->data, step->value) : 0;
	return line;
}

/* "file.yml:14: NetworkPolicy web: spec.ingress[0].ports[1].port" */
static void describe(const struct check *check, const struct step *step, char *text, size_t size)
{
	unsigned int line = step_line(check->place, step);
	const char *where = check->place->where, *colon = strrchr(where, ':');
	char path[512] = "";
	int length = (int)strlen(where);

	if (step)
		step_text(step, path, sizeof(path));
	if (line && colon)
		length = (int)(colon - where);
	snprintf(text, size, "%.*s", length, where);
	if (line)
		snprintf(text + strlen(text), size - strlen(text), ":%u", line);
	if (check->kind)
		snprintf(text + strlen(text), size - strlen(text), ": %s%s%s", check->kind,
			 check->name ? " " : "", check->name ? check->name : "");
	if (*path)
		snprintf(text + strlen(text), size - strlen(text), ": %s", path);
}

static int PRINTF(3, 4)
    wrong(const struct check *check, const struct step *step, const char *format, ...)
{
	char place[1024], *problem;
	va_list list;
	int result;

	va_start(list, format);
	if (vasprintf(&problem, format, list) < 0)
		problem = NULL;
	va_end(list);
	describe(check, step, place, sizeof(place));
	result = fail("%s: %s", place, problem ? problem : "wrong");
	free(problem);
	return result;
}

static bool is_name(const char *text, size_t length, size_t most, const char *inside)
{
	if (length == 0 || length > most || !isalnum((unsigned char)text[0]) ||
	    !isalnum((unsigned char)text[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr(inside, text[i]))
			return false;
	return true;
}

static bool is_lower(const char *text)
{
	for (; *text; text++)
		if (isupper((unsigned char)*text))
			return false;
	return true;
}

bool schema_is_dns_label(const char *text)
{
	return is_lower(text) && is_name(text, strlen(text), 63, "-");
}

bool schema_is_dns_subdomain(const char *text)
{
	if (strlen(text) > 253 || !is_lower(text))
		return false;
	for (;;) {
		size_t length = strcspn(text, ".");

		if (!is_name(text, length, 253, "-"))
			return false;
		if (!text[length])
			return true;
		text += length + 1;
	}
}

bool schema_is_label_value(const char *text)
{
	return !*text || is_name(text, strlen(text), 63, "-_.");
}

bool schema_is_label_key(const char *text)
{
	const char *slash = strchr(text, '/');
	char prefix[256];

	if (slash) {
		if ((size_t)(slash - text) >= sizeof(prefix))
			return false;
		memcpy(prefix, text, (size_t)(slash - text));
		prefix[slash - text] = '\0';
		if (!schema_is_dns_subdomain(prefix))
			return false;
		text = slash + 1;
	}
	return is_name(text, strlen(text), 63, "-_.");
}

static bool is_port_name(const char *text)
{
	bool letter = false;

	for (const char *c = text; *c; c++)
		letter = letter || islower((unsigned char)*c);
	return letter && is_lower(text) && is_name(text, strlen(text), 15, "-") &&
	       !strstr(text, "--");
}

static bool is_domain_name(const char *text)
{
	size_t length, labels = 0;

	if (strncmp(text, "*.", 2) == 0)
		text += 2;
	for (; *text; labels++) {
		length = strcspn(text, ".");
		if (!is_name(text, length, 253, "-_"))
			return false;
		text += length + (text[length] == '.');
	}
	return labels >= 2;
}

/* What is wrong with a text of that form, or NULL. */
static const char *form_problem(enum form form, const char *text)
{
	struct port_item items[2];
	struct prefix prefix;
	struct address address;
	struct window window;
	size_t count;

	switch (form) {
	case FORM_ANY:
		break;
	case FORM_DNS_LABEL:
		return schema_is_dns_label(text)
			   ? NULL
			   : "must be lower-case letters, digits and dashes, at most 63";
	case FORM_DNS_SUBDOMAIN:
		return schema_is_dns_subdomain(text)
			   ? NULL
			   : "must be lower-case letters, digits, dashes and dots";
	case FORM_LABEL_KEY:
		return schema_is_label_key(text) ? NULL : "is no label key";
	case FORM_LABEL_VALUE:
		return schema_is_label_value(text)
			   ? NULL
			   : "is no label value (letters, digits, '-', '_', '.', at most 63)";
	case FORM_PORT_NAME:
		return is_port_name(text)
			   ? NULL
			   : "is no port name (lower-case letters, digits, dashes, at most 15)";
	case FORM_CIDR:
		return strchr(text, '/') && prefix_parse(text, &prefix) == 0
			   ? NULL
			   : "is no prefix such as 10.0.0.0/8 or fd00::/8";
	case FORM_ADDRESS:
		return !*text || address_parse(text, &address) == 0 ? NULL : "is no IP address";
	case FORM_DOMAIN:
		return is_domain_name(text) ? NULL : "is no domain name";
	case FORM_SHORT:
		return strlen(text) <= 100 ? NULL : "is longer than 100 characters";
	case FORM_INTERFACE:
		return *text && strlen(text) < 16 && !strpbrk(text, "/: \t")
			   ? NULL
			   : "is no interface name";
	case FORM_RANGE:
		return prefix_parse(text, &prefix) == 0
			   ? NULL
			   : "is no range such as 10.0.0.0/8, 192.0.2.1 or fd00::/8";
	case FORM_PORTS:
		return port_item_parse(text, items, &count) == 0
			   ? NULL
			   : "is no port such as tcp/80, udp/53-60, icmp/8 or 80";
	case FORM_USER:
		return *text && !strchr(text, ',') ? NULL : "is no user";
	case FORM_WINDOW:
		return window_parse(text, &window) == 0 ? NULL : "is no time such as 08:00-18:00";
	}
	return NULL;
}

static const char *type_text(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "a mapping";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a number";
	case JSON_REAL:
		return "a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	default:
		return "nothing";
	}
}

static int check_object(const struct check *check, const struct step *step,
			const struct schema *schema);

static bool is_choice(const char *choices, const char *text)
{
	size_t length = strlen(text);

	for (const char *at = choices; *at; at += strcspn(at, "|"), at += *at == '|')
		if (strcspn(at, "|") == length && strncmp(at, text, length) == 0)
			return true;
	return false;
}

static int check_text(const struct check *check, const struct step *step, const struct field *field)
{
	const char *text = json_string_value(step->value), *problem;

	if (!text)
		return wrong(check, step, "expected a string, found %s%s", type_text(step->value),
			     json_is_number(step->value) || json_is_boolean(step->value)
				 ? " (quote it)"
				 : "");
	if (field->choices && !is_choice(field->choices, text))
		return wrong(check, step, "\"%.100s\" is none of %s", text, field->choices);
	problem = form_problem(field->form, text);
	return problem ? wrong(check, step, "\"%.100s\" %s", text, problem) : 0;
}

static int check_number(const struct check *check, const struct step *step,
			const struct field *field)
{
	json_int_t number = json_integer_value(step->value);

	if (!json_is_integer(step->value))
		return wrong(check, step, "expected a number, found %s", type_text(step->value));
	if (number < field->least || number > field->most)
		return wrong(check, step, "%lld is not between %ld and %ld", (long long)number,
			     field->least, field->most);
	return 0;
}

static int check_word(const struct check *check, const struct step *step, const struct field *field)
{
	const char *problem;
	char number[32];

	if (!json_is_integer(step->value) || json_integer_value(step->value) < 0)
		return check_text(check, step, field);
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(step->value));
	problem = form_problem(field->form, number);
	return problem ? wrong(check, step, "\"%s\" %s", number, problem) : 0;
}

static int check_words(const struct check *check, const struct step *step,
		       const struct field *field)
{
	json_t *value;
	size_t index;

	if (!json_is_array(step->value))
		return check_word(check, step, field);
	json_array_foreach (step->value, index, value) {
		struct step inner = {step, NULL, index, value};

		if (check_word(check, &inner, field))
			return FAILED;
	}
	return 0;
}

static int check_labels(const struct check *check, const struct step *step,
			const struct field *field)
{
	const char *key;
	json_t *value;

	if (!json_is_object(step->value))
		return wrong(check, step, "expected a mapping, found %s", type_text(step->value));
	json_object_foreach ((json_t *)step->value, key, value) {
		struct step inner = {step, key, 0, value};

		if (!schema_is_label_key(key))
			return wrong(check, &inner, "\"%.100s\" is no label key", key);
		if (check_text(check, &inner, field))
			return FAILED;
	}
	return 0;
}

static int check_value(const struct check *check, const struct step *step,
		       const struct field *field);

static int check_array(const struct check *check, const struct step *step,
		       const struct field *field)
{
	struct field item = *field;
	json_t *value;
	size_t index;

	if (!json_is_array(step->value))
		return wrong(check, step, "expected a list, found %s", type_text(step->value));
	if ((long)json_array_size(step->value) < field->least)
		return wrong(check, step, "must have at least %ld element%s", field->least,
			     field->least == 1 ? "" : "s");
	if (field->most && (long)json_array_size(step->value) > field->most)
		return wrong(check, step, "must have at most %ld elements", field->most);
	item.type = field->type == TYPE_TEXTS ? TYPE_TEXT : TYPE_OBJECT;
	json_array_foreach (step->value, index, value) {
		struct step inner = {step, NULL, index, value};

		if (check_value(check, &inner, &item))
			return FAILED;
	}
	return 0;
}

static int check_value(const struct check *check, const struct step *step,
		       const struct field *field)
{
	switch (field->type) {
	case TYPE_ANY:
		return 0;
	case TYPE_TEXT:
		return check_text(check, step, field);
	case TYPE_NUMBER:
		return check_number(check, step, field);
	case TYPE_BOOLEAN:
		if (json_is_boolean(step->value))
			return 0;
		return wrong(check, step, "expected true or false, found %s",
			     type_text(step->value));
	case TYPE_PORT:
		if (json_is_string(step->value) || json_is_integer(step->value))
			return json_is_string(step->value) ? check_text(check, step, field)
							   : check_number(check, step, field);
		return wrong(check, step, "expected a number or a name, found %s",
			     type_text(step->value));
	case TYPE_LABELS:
		return check_labels(check, step, field);
	case TYPE_OBJECT:
		return check_object(check, step, field->schema);
	case TYPE_OBJECTS:
	case TYPE_TEXTS:
		return check_array(check, step, field);
	case TYPE_WORDS:
		return check_words(check, step, field);
	}
	return 0;
}

static const struct field *field_find(const struct schema *schema, const char *name)
{
	for (const struct field *field = schema->fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

/* How many of the known fields are there. */
static size_t count_fields(const json_t *object, const struct schema *schema)
{
	size_t count = 0;

	for (const struct field *field = schema->fields; field->name; field++)
		count += field_get(object, field->name) != NULL;
	return count;
}

static void list_fields(const struct schema *schema, char *text, size_t size)
{
	*text = '\0';
	for (const struct field *field = schema->fields; field->name; field++)
		snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? ", " : "",
			 field->name);
}

static int check_counts(const struct check *check, const struct step *step,
			const struct schema *schema)
{
	char names[256];

	for (const struct field *field = schema->fields; field->name; field++) {
		struct step inner = {step, field->name, 0, NULL};

		if (field->required && !field_get(step->value, field->name))
			return wrong(check, &inner, "is required");
	}
	if (schema->exactly_one && count_fields(step->value, schema) != 1) {
		list_fields(schema, names, sizeof(names));
		return wrong(check, step, "must have exactly one of %s", names);
	}
	if (schema->at_least_one && count_fields(step->value, schema) == 0) {
		list_fields(schema, names, sizeof(names));
		return wrong(check, step, "must have one of %s", names);
	}
	return 0;
}

static int check_object(const struct check *check, const struct step *step,
			const struct schema *schema)
{
	const struct field *field;
	const char *problem, *key;
	json_t *value;
	char place[1024];

	if (!json_is_object(step->value))
		return wrong(check, step, "expected a mapping, found %s", type_text(step->value));
	json_object_foreach ((json_t *)step->value, key, value) {
		struct step inner = {step, key, 0, value};

		field = field_find(schema, key);
		if (!field && schema->strict)
			return wrong(check, &inner, "unknown field");
		if (!field && !schema->open) {
			describe(check, &inner, place, sizeof(place));
			warn("%s: unknown field", place);
		}
		if (field && !json_is_null(value) && check_value(check, &inner, field))
			return FAILED;
	}
	if (check_counts(check, step, schema))
		return FAILED;
	problem = schema->check ? schema->check(step->value) : NULL;
	return problem ? wrong(check, step, "%s", problem) : 0;
}

int schema_check(const json_t *object, const struct schema_place *place)
{
	struct check check = {.place = place};
	struct step root = {.name = "", .value = object};
	const struct schema *schema;
	const char *version;

	if (!json_is_object(object))
		return wrong(&check, &root, "expected an object with kind and metadata, found %s",
			     type_text(object));
	check.kind = json_string_value(json_object_get(object, "kind"));
	if (!check.kind)
		return wrong(&check, &root, "kind is required");
	check.name =
	    json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
	version = field_text(object, "apiVersion", "");
	schema = schema_of_kind(check.kind, version);
	if (!schema)
		return *version
			   ? wrong(&check, &root, "unknown kind in apiVersion \"%.60s\"", version)
			   : wrong(&check, &root, "unknown kind");
	return check_object(&check, &root, schema);
}
