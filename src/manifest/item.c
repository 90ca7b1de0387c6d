/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/item.h"

#include <stdlib.h>

#define DEPTH_MOST 200

struct parser {
	struct pool *pool;
	char *at, *end;
	struct item *stack; /* children of what is open */
	size_t count, capacity;
	unsigned int depth;
};

static void skip_blanks(struct parser *parser)
{
	while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\n' ||
					    *parser->at == '\t' || *parser->at == '\r'))
		parser->at++;
}

static bool take(struct parser *parser, char byte)
{
	skip_blanks(parser);
	if (parser->at == parser->end || *parser->at != byte)
		return false;
	parser->at++;
	return true;
}

static int hex4(const char *text, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++) {
		char c = text[i];

		*code <<= 4;
		if (c >= '0' && c <= '9')
			*code |= (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			*code |= (uint32_t)((c | 32) - 'a' + 10);
		else
			return -1;
	}
	return 0;
}

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 63));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 63));
		*to++ = (char)(0x80 | (code & 63));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 63));
		*to++ = (char)(0x80 | (code >> 6 & 63));
		*to++ = (char)(0x80 | (code & 63));
	}
	return to;
}

/* Behind a backslash; what stands for it is never longer. */
static int unescape(struct parser *parser, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *known;
	uint32_t code, low;

	if (parser->at == parser->end)
		return -1;
	known = memchr(from, *parser->at, sizeof(from) - 1);
	if (known) {
		*(*to)++ = into[known - from];
		parser->at++;
		return 0;
	}
	if (parser->end - parser->at < 5 || *parser->at != 'u' || hex4(parser->at + 1, &code))
		return -1;
	parser->at += 5;
	if (code >= 0xd800 && code < 0xdc00) {
		if (parser->end - parser->at < 6 || parser->at[0] != '\\' || parser->at[1] != 'u' ||
		    hex4(parser->at + 2, &low) || low < 0xdc00 || low > 0xdfff)
			return -1;
		parser->at += 6;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, code);
	return 0;
}

/* Ends the text with a zero in the place of its closing quote, or before. */
static const char *parse_text(struct parser *parser)
{
	char *start, *to;

	if (!take(parser, '"'))
		return NULL;
	start = to = parser->at;
	while (parser->at < parser->end && *parser->at != '"' && *parser->at != '\\')
		parser->at++;
	to = parser->at;
	while (parser->at < parser->end && *parser->at != '"') {
		if (*parser->at != '\\') {
			*to++ = *parser->at++;
			continue;
		}
		parser->at++;
		if (unescape(parser, &to))
			return NULL;
	}
	if (parser->at == parser->end)
		return NULL;
	parser->at++;
	*to = '\0';
	return start;
}

static int parse_number(struct parser *parser, struct item *item)
{
	bool minus = *parser->at == '-';
	int64_t number = 0;

	item->kind = ITEM_NUMBER;
	parser->at += minus;
	if (parser->at == parser->end || *parser->at < '0' || *parser->at > '9')
		return -1;
	for (; parser->at < parser->end && strchr("0123456789.eE+-", *parser->at); parser->at++) {
		if (*parser->at < '0' || *parser->at > '9' || number > INT64_MAX / 10 - 1)
			item->kind = ITEM_FRACTION;
		else if (item->kind == ITEM_NUMBER)
			number = number * 10 + (*parser->at - '0');
	}
	item->number = minus ? -number : number;
	return 0;
}

static int parse_word(struct parser *parser, struct item *item)
{
	static const struct {
		const char *word;
		size_t length;
		enum item_kind kind;
	} words[] = {{"null", 4, ITEM_NULL}, {"true", 4, ITEM_TRUE}, {"false", 5, ITEM_FALSE}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if ((size_t)(parser->end - parser->at) < words[i].length ||
		    memcmp(parser->at, words[i].word, words[i].length) != 0)
			continue;
		parser->at += words[i].length;
		item->kind = words[i].kind;
		return 0;
	}
	return -1;
}

static int parse_value(struct parser *parser, struct item *item);

static int parse_child(struct parser *parser, bool keys)
{
	struct item child = {0};

	if (keys) {
		child.key = parse_text(parser);
		if (!child.key || !take(parser, ':'))
			return -1;
	}
	if (parse_value(parser, &child))
		return -1;
	GROW(parser->stack, parser->count, parser->capacity);
	parser->stack[parser->count++] = child;
	return 0;
}

static int parse_children(struct parser *parser, struct item *item, char close)
{
	size_t base = parser->count;
	bool keys = item->kind == ITEM_OBJECT;

	if (++parser->depth > DEPTH_MOST)
		return -1;
	if (!take(parser, close)) {
		do {
			if (parse_child(parser, keys))
				return -1;
		} while (take(parser, ','));
		if (!take(parser, close))
			return -1;
	}
	item->count = (uint32_t)(parser->count - base);
	item->children = pool_get(parser->pool, item->count * sizeof(*item));
	if (item->count)
		memcpy(item->children, parser->stack + base, item->count * sizeof(*item));
	parser->count = base;
	parser->depth--;
	return 0;
}

static int parse_value(struct parser *parser, struct item *item)
{
	skip_blanks(parser);
	if (parser->at == parser->end)
		return -1;
	switch (*parser->at) {
	case '{':
		parser->at++;
		item->kind = ITEM_OBJECT;
		return parse_children(parser, item, '}');
	case '[':
		parser->at++;
		item->kind = ITEM_ARRAY;
		return parse_children(parser, item, ']');
	case '"':
		item->kind = ITEM_TEXT;
		item->text = parse_text(parser);
		return item->text ? 0 : -1;
	case 'n':
	case 't':
	case 'f':
		return parse_word(parser, item);
	default:
		return parse_number(parser, item);
	}
}

int item_parse(struct pool *pool, char *text, size_t size, struct item *item)
{
	struct parser parser = {.pool = pool, .at = text, .end = text + size};
	int result;

	*item = (struct item){0};
	result = parse_value(&parser, item);
	skip_blanks(&parser);
	if (parser.at != parser.end)
		result = -1;
	free(parser.stack);
	return result;
}

static void children_from_json(struct pool *pool, const json_t *value, struct item *item)
{
	size_t index = 0;
	const char *key;
	json_t *child;

	item->kind = json_is_object(value) ? ITEM_OBJECT : ITEM_ARRAY;
	item->count =
	    (uint32_t)(json_is_object(value) ? json_object_size(value) : json_array_size(value));
	item->children = pool_get(pool, item->count * sizeof(*item));
	json_array_foreach (value, index, child)
		item_from_json(pool, child, &item->children[index]);
	index = 0;
	json_object_foreach ((json_t *)value, key, child) {
		item_from_json(pool, child, &item->children[index]);
		item->children[index++].key = key;
	}
}

void item_from_json(struct pool *pool, const json_t *value, struct item *item)
{
	*item = (struct item){0};
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		children_from_json(pool, value, item);
		break;
	case JSON_STRING:
		item->kind = ITEM_TEXT;
		item->text = json_string_value(value);
		break;
	case JSON_INTEGER:
		item->kind = ITEM_NUMBER;
		item->number = json_integer_value(value);
		break;
	case JSON_REAL:
		item->kind = ITEM_FRACTION;
		break;
	case JSON_TRUE:
		item->kind = ITEM_TRUE;
		break;
	case JSON_FALSE:
		item->kind = ITEM_FALSE;
		break;
	case JSON_NULL:
		break;
	}
}

const struct item *item_get(const struct item *object, const char *name)
{
	if (!object || object->kind != ITEM_OBJECT)
		return NULL;
	for (uint32_t i = 0; i < object->count; i++)
		if (strcmp(object->children[i].key, name) == 0)
			return object->children[i].kind == ITEM_NULL ? NULL : &object->children[i];
	return NULL;
}

const char *item_text(const struct item *object, const char *name, const char *fallback)
{
	const struct item *item = item_get(object, name);

	return item && item->kind == ITEM_TEXT ? item->text : fallback;
}

long item_number(const struct item *object, const char *name, long fallback)
{
	const struct item *item = item_get(object, name);

	return item && item->kind == ITEM_NUMBER ? (long)item->number : fallback;
}

bool item_true(const struct item *object, const char *name)
{
	const struct item *item = item_get(object, name);

	return item && item->kind == ITEM_TRUE;
}

const char *item_string(const struct item *item)
{
	return item && item->kind == ITEM_TEXT ? item->text : "";
}
