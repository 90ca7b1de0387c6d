/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "base/base.h"

/* What a document may become; aliases count as often as they are used. */
#define VALUES_MOST 4000000
#define DEPTH_MOST 100
#define LINES_FIRST 256
#define LINES_KEPT 1024

struct anchor {
	char *name;
	json_t *value;
	size_t size;
};

struct reader {
	yaml_parser_t parser;
	const char *path;
	struct value_lines *lines;
	struct anchor *anchors;
	size_t anchor_count, anchor_capacity;
	size_t values; /* of this document, so far */
	unsigned int depth;
};

static size_t line_slot(const struct value_lines *lines, const json_t *value)
{
	size_t at = ((uintptr_t)value >> 4) * 0x9e3779b97f4a7c15 >> 20;

	for (;; at++) {
		const struct value_line *slot = &lines->slots[at & (lines->capacity - 1)];

		if (!slot->value || slot->value == value)
			return at & (lines->capacity - 1);
	}
}

void value_lines_put(struct value_lines *lines, const json_t *value, unsigned int line)
{
	size_t at;

	if (2 * lines->count >= lines->capacity) {
		struct value_lines old = *lines;

		lines->capacity = old.capacity ? 2 * old.capacity : LINES_FIRST;
		lines->slots = xalloc(lines->capacity * sizeof(*lines->slots));
		for (size_t i = 0; i < old.capacity; i++)
			if (old.slots[i].value)
				lines->slots[line_slot(lines, old.slots[i].value)] = old.slots[i];
		free(old.slots);
	}
	at = line_slot(lines, value);
	lines->count += !lines->slots[at].value;
	lines->slots[at] = (struct value_line){value, line};
}

unsigned int value_lines_get(const struct value_lines *lines, const json_t *value)
{
	return lines && lines->capacity ? lines->slots[line_slot(lines, value)].line : 0;
}

/* Room for one large document is not kept for many small ones. */
void value_lines_clear(struct value_lines *lines)
{
	if (lines->capacity > LINES_KEPT) {
		free(lines->slots);
		*lines = (struct value_lines){0};
	}
	if (lines->capacity)
		memset(lines->slots, 0, lines->capacity * sizeof(*lines->slots));
	lines->count = 0;
}

void value_lines_free(struct value_lines *lines)
{
	if (lines)
		free(lines->slots);
	free(lines);
}

static unsigned int line_of(const yaml_event_t *event)
{
	return (unsigned int)event->start_mark.line + 1;
}

static json_t *wrong(const struct reader *reader, unsigned int line, const char *what)
{
	fail("%s:%u: %s", reader->path, line, what);
	return NULL;
}

static int next(struct reader *reader, yaml_event_t *event)
{
	const yaml_parser_t *parser = &reader->parser;

	if (yaml_parser_parse(&reader->parser, event))
		return 0;
	if (parser->error == YAML_READER_ERROR)
		return fail("%s: byte %zu: %s", reader->path, parser->problem_offset,
			    parser->problem ? parser->problem : "cannot be read");
	return fail("%s:%zu: %s%s%s", reader->path, parser->problem_mark.line + 1,
		    parser->problem ? parser->problem : "cannot be parsed",
		    parser->context ? ", " : "", parser->context ? parser->context : "");
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(*words, text) == 0)
			return true;
	return false;
}

/* Whole numbers as YAML 1.1 has them: decimal, 0x, 0b, octal after 0 or 0o, with _. */
static bool parse_integer(const char *text, json_int_t *number)
{
	char digits[32], *end;
	size_t count = 0;
	bool minus = *text == '-';
	const char *at = text + (*text == '-' || *text == '+');
	int base = 10;

	if (*at < '0' || *at > '9')
		return false;
	if (*at == '0' && at[1]) {
		base = strchr("xX", at[1]) ? 16 : strchr("bB", at[1]) ? 2 : 8;
		at += base == 8 && !strchr("oO", at[1]) ? 1 : 2;
	}
	for (; *at && count < sizeof(digits) - 1; at++)
		if (*at != '_')
			digits[count++] = *at;
	digits[count] = '\0';
	if (*at || !count || strchr("+- ", digits[0]))
		return false;
	errno = 0;
	*number = strtoll(digits, &end, base);
	if (*end || errno)
		return false;
	if (minus)
		*number = -*number;
	return true;
}

static bool parse_fraction(const char *text, double *number)
{
	char *end;

	if (!strpbrk(text, "0123456789") || strspn(text, "0123456789+-.eE_") != strlen(text))
		return false;
	errno = 0;
	*number = strtod(text, &end);
	return !*end && end != text && !errno;
}

/* A plain scalar, by the rules of YAML 1.1 that kubectl's reader follows. */
static json_t *plain_value(const char *text, size_t length)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
					    "True", "TRUE", "on",  "On",  "ON",	 NULL};
	static const char *const falses[] = {"n",     "N",     "no",  "No",  "NO",  "false",
					     "False", "FALSE", "off", "Off", "OFF", NULL};
	json_int_t integer;
	double fraction;

	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	if (parse_integer(text, &integer))
		return json_integer(integer);
	if (parse_fraction(text, &fraction))
		return json_real(fraction);
	return json_stringn(text, length);
}

static json_t *scalar_value(const struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	size_t length = event->data.scalar.length;
	bool plain = event->data.scalar.plain_implicit && !tag;
	json_t *value;

	if (memchr(text, '\0', length))
		return wrong(reader, line_of(event), "a text holds a zero byte");
	if (tag && strcmp(tag, YAML_STR_TAG) != 0 && strcmp(tag, "!") != 0)
		plain = true;
	value = plain ? plain_value(text, length) : json_stringn(text, length);
	return value ? value : wrong(reader, line_of(event), "a text is no UTF-8");
}

static json_t *alias_value(struct reader *reader, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;

	for (size_t i = reader->anchor_count; i-- > 0;) {
		if (strcmp(reader->anchors[i].name, name) != 0)
			continue;
		reader->values += reader->anchors[i].size;
		return json_incref(reader->anchors[i].value);
	}
	return wrong(reader, line_of(event), "an alias names no anchor before it");
}

static void add_anchor(struct reader *reader, const yaml_char_t *name, json_t *value, size_t size)
{
	if (!name)
		return;
	GROW(reader->anchors, reader->anchor_count, reader->anchor_capacity);
	reader->anchors[reader->anchor_count++] =
	    (struct anchor){xstrdup((const char *)name), json_incref(value), size};
}

static json_t *node(struct reader *reader, yaml_event_t *event);

static json_t *sequence(struct reader *reader)
{
	json_t *array = json_array(), *value;
	yaml_event_t event;

	for (;;) {
		if (next(reader, &event))
			break;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return array;
		}
		value = node(reader, &event);
		yaml_event_delete(&event);
		if (!value || json_array_append_new(array, value))
			break;
	}
	json_decref(array);
	return NULL;
}

/* "<<": what the other mapping has and this one does not say itself. */
static int merge(json_t *object, const json_t *from)
{
	size_t index;
	json_t *value;

	if (json_is_object(from))
		return json_object_update_missing(object, (json_t *)from);
	if (!json_is_array(from))
		return -1;
	json_array_foreach (from, index, value) {
		if (!json_is_object(value) || json_object_update_missing(object, value))
			return -1;
	}
	return 0;
}

/* The key of the next pair; NULL at the end (*done), and when it is none. */
static char *key_of(struct reader *reader, const yaml_event_t *event, const json_t *object)
{
	const char *text = (const char *)event->data.scalar.value;

	if (event->type != YAML_SCALAR_EVENT || strlen(text) != event->data.scalar.length) {
		wrong(reader, line_of(event), "a key is no text");
		return NULL;
	}
	if (json_object_get(object, text)) {
		fail("%s:%u: \"%.100s\" stands here twice", reader->path, line_of(event), text);
		return NULL;
	}
	return xstrdup(text);
}

static int pair(struct reader *reader, const char *key, json_t *object, json_t **merged)
{
	yaml_event_t event;
	json_t *value;
	int result = 0;

	if (next(reader, &event))
		return FAILED;
	value = node(reader, &event);
	if (!value)
		result = FAILED;
	else if (strcmp(key, "<<") == 0 && !*merged)
		*merged = value;
	else if (json_object_set_new(object, key, value)) {
		wrong(reader, line_of(&event), "a key is no UTF-8");
		result = FAILED;
	}
	yaml_event_delete(&event);
	return result;
}

static json_t *mapping(struct reader *reader, unsigned int line)
{
	json_t *object = json_object(), *merged = NULL;
	yaml_event_t event;
	char *key;
	int result = 0;

	while (!result && (result = next(reader, &event)) == 0) {
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			break;
		}
		key = key_of(reader, &event, object);
		yaml_event_delete(&event);
		result = key ? pair(reader, key, object, &merged) : FAILED;
		free(key);
	}
	if (!result && merged && merge(object, merged)) {
		wrong(reader, line, "\"<<\" merges no mapping");
		result = FAILED;
	}
	json_decref(merged);
	if (!result)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *collection(struct reader *reader, const yaml_event_t *event)
{
	bool is_sequence = event->type == YAML_SEQUENCE_START_EVENT;
	size_t before = reader->values;
	json_t *value;

	if (++reader->depth > DEPTH_MOST)
		return wrong(reader, line_of(event), "nested too deeply");
	value = is_sequence ? sequence(reader) : mapping(reader, line_of(event));
	reader->depth--;
	if (value)
		add_anchor(reader,
			   is_sequence ? event->data.sequence_start.anchor
				       : event->data.mapping_start.anchor,
			   value, reader->values - before + 1);
	return value;
}

static json_t *node(struct reader *reader, yaml_event_t *event)
{
	json_t *value;

	if (++reader->values > VALUES_MOST)
		return wrong(reader, line_of(event), "the document becomes too large");
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return alias_value(reader, event);
	case YAML_SCALAR_EVENT:
		value = scalar_value(reader, event);
		if (value)
			add_anchor(reader, event->data.scalar.anchor, value, 1);
		break;
	default:
		value = collection(reader, event);
		break;
	}
	/* true, false and null are shared by all: they stand nowhere. */
	if (value && !json_is_boolean(value) && !json_is_null(value))
		value_lines_put(reader->lines, value, line_of(event));
	return value;
}

static void forget_anchors(struct reader *reader)
{
	for (size_t i = 0; i < reader->anchor_count; i++) {
		free(reader->anchors[i].name);
		json_decref(reader->anchors[i].value);
	}
	reader->anchor_count = 0;
	reader->values = 0;
}

static int document(struct reader *reader, yaml_document take, void *data)
{
	yaml_event_t event;
	unsigned int line;
	json_t *value;
	int result;

	if (next(reader, &event))
		return FAILED;
	line = line_of(&event);
	value = node(reader, &event);
	yaml_event_delete(&event);
	forget_anchors(reader);
	if (!value)
		return FAILED;
	result = take(data, value, line);
	return result;
}

int yaml_read(const char *path, const char *text, size_t size, struct value_lines *lines,
	      yaml_document take, void *data)
{
	struct reader reader = {.path = path, .lines = lines};
	yaml_event_t event;
	bool done = false;
	int result = 0;

	if (!yaml_parser_initialize(&reader.parser))
		return fail("%s: out of memory", path);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
	while (!done && !result) {
		result = next(&reader, &event);
		if (result)
			break;
		done = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT)
			result = document(&reader, take, data);
		yaml_event_delete(&event);
	}
	forget_anchors(&reader);
	free(reader.anchors);
	yaml_parser_delete(&reader.parser);
	return result;
}
