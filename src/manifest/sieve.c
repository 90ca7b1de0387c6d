/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "manifest/sieve.h"

#include <stdlib.h>
#include <string.h>
#include "base/base.h"
#include "manifest/schema_kinds.h"

#define DEPTH_MOST 100
#define WORD_MOST 64 /* of a kind or a version */

struct cursor {
	const char *at, *end;
	unsigned int depth;
};

static void skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\n' ||
					    *cursor->at == '\t' || *cursor->at == '\r'))
		cursor->at++;
}

static bool take(struct cursor *cursor, char byte)
{
	skip_blanks(cursor);
	if (cursor->at == cursor->end || *cursor->at != byte)
		return false;
	cursor->at++;
	return true;
}

/* What stands between the quotes, as it is written. */
static bool take_text(struct cursor *cursor, struct span *text)
{
	const char *at;

	if (!take(cursor, '"'))
		return false;
	text->at = at = cursor->at;
	for (; at < cursor->end && *at != '"'; at++) {
		if ((unsigned char)*at < ' ')
			return false;
		at += *at == '\\';
	}
	if (at >= cursor->end)
		return false;
	text->length = (size_t)(at - text->at);
	cursor->at = at + 1;
	return true;
}

static bool is_text(const struct span *span, const char *text)
{
	return span->length == strlen(text) && memcmp(span->at, text, span->length) == 0;
}

static size_t digits(const struct cursor *cursor)
{
	const char *at = cursor->at;

	while (at < cursor->end && *at >= '0' && *at <= '9')
		at++;
	return (size_t)(at - cursor->at);
}

static bool skip_digits(struct cursor *cursor)
{
	size_t count = digits(cursor);

	cursor->at += count;
	return count;
}

static bool is_next(const struct cursor *cursor, const char *bytes)
{
	return cursor->at < cursor->end && *cursor->at && strchr(bytes, *cursor->at);
}

static bool skip_number(struct cursor *cursor)
{
	cursor->at += is_next(cursor, "-");
	if (is_next(cursor, "0"))
		cursor->at++;
	else if (!skip_digits(cursor))
		return false;
	if (is_next(cursor, ".")) {
		cursor->at++;
		if (!skip_digits(cursor))
			return false;
	}
	if (!is_next(cursor, "eE"))
		return true;
	cursor->at++;
	cursor->at += is_next(cursor, "+-");
	return skip_digits(cursor);
}

static bool skip_word(struct cursor *cursor)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strlen(words[i]);

		if ((size_t)(cursor->end - cursor->at) < length ||
		    memcmp(cursor->at, words[i], length) != 0)
			continue;
		cursor->at += length;
		return true;
	}
	return false;
}

static bool skip_value(struct cursor *cursor);

static bool skip_members(struct cursor *cursor)
{
	struct span key;

	if (take(cursor, '}'))
		return true;
	do {
		if (!take_text(cursor, &key) || !take(cursor, ':') || !skip_value(cursor))
			return false;
	} while (take(cursor, ','));
	return take(cursor, '}');
}

static bool skip_elements(struct cursor *cursor)
{
	if (take(cursor, ']'))
		return true;
	do {
		if (!skip_value(cursor))
			return false;
	} while (take(cursor, ','));
	return take(cursor, ']');
}

static bool skip_value(struct cursor *cursor)
{
	struct span text;
	char first;
	bool done;

	skip_blanks(cursor);
	first = cursor->at < cursor->end ? *cursor->at : '\0';
	if (first == '"')
		return take_text(cursor, &text);
	if (first != '{' && first != '[')
		return skip_number(cursor) || skip_word(cursor);
	if (++cursor->depth > DEPTH_MOST)
		return false;
	cursor->at++;
	done = first == '{' ? skip_members(cursor) : skip_elements(cursor);
	cursor->depth--;
	return done;
}

/* Pieces */

static struct piece *add_piece(struct pieces *pieces, const char *top, size_t list)
{
	GROW(pieces->item, pieces->count, pieces->capacity);
	pieces->item[pieces->count] = (struct piece){.top = top, .list = list};
	return &pieces->item[pieces->count++];
}

static bool find_piece(struct cursor *cursor, struct pieces *pieces, const char *top, size_t list);

static bool find_elements(struct cursor *cursor, struct pieces *pieces, const char *top,
			  size_t list)
{
	cursor->at++;
	if (take(cursor, ']'))
		return true;
	do {
		if (!find_piece(cursor, pieces, top, list))
			return false;
	} while (take(cursor, ','));
	return take(cursor, ']');
}

/* The elements of a list become pieces; whether it is one, its kind may tell only later. */
static bool find_member(struct cursor *cursor, struct pieces *pieces, size_t index)
{
	struct piece *piece = &pieces->item[index];
	struct span key;

	if (!take_text(cursor, &key) || !take(cursor, ':'))
		return false;
	skip_blanks(cursor);
	if (is_next(cursor, "\"") && is_text(&key, "kind"))
		return !piece->kind.at && take_text(cursor, &piece->kind);
	if (is_next(cursor, "\"") && is_text(&key, "apiVersion"))
		return !piece->version.at && take_text(cursor, &piece->version);
	if (is_next(cursor, "[") && is_text(&key, "items") && !piece->list)
		return pieces->count == index + 1 &&
		       find_elements(cursor, pieces, piece->top, index + 1);
	return skip_value(cursor);
}

static bool find_members(struct cursor *cursor, struct pieces *pieces, size_t index)
{
	cursor->at++;
	if (take(cursor, '}'))
		return true;
	do {
		if (!find_member(cursor, pieces, index))
			return false;
	} while (take(cursor, ','));
	return take(cursor, '}');
}

static bool find_piece(struct cursor *cursor, struct pieces *pieces, const char *top, size_t list)
{
	size_t index = pieces->count;
	const char *start;
	bool found;

	skip_blanks(cursor);
	start = cursor->at;
	add_piece(pieces, top ? top : start, list);
	found = start < cursor->end && *start == '{' ? find_members(cursor, pieces, index)
						     : skip_value(cursor);
	pieces->item[index].text = (struct span){start, (size_t)(cursor->at - start)};
	return found;
}

/* Objects alone, and names of kinds that are what they look like. */
static bool is_plain(const struct piece *piece)
{
	return *piece->text.at == '{' && !memchr(piece->text.at, '\0', piece->text.length) &&
	       (!piece->kind.length || !memchr(piece->kind.at, '\\', piece->kind.length)) &&
	       (!piece->version.length || !memchr(piece->version.at, '\\', piece->version.length));
}

bool pieces_find(const char *text, size_t size, struct pieces *pieces)
{
	struct cursor cursor = {text, text + size, 0};

	for (skip_blanks(&cursor); cursor.at < cursor.end; skip_blanks(&cursor))
		if (!find_piece(&cursor, pieces, NULL, 0))
			return false;
	for (size_t i = 0; i < pieces->count; i++)
		if (!is_plain(&pieces->item[i]))
			return false;
	return true;
}

void pieces_release(struct pieces *pieces)
{
	free(pieces->item);
	*pieces = (struct pieces){0};
}

/* The sieve: `to` grows behind what is kept. */

static char *put(char *to, const char *from, const char *end)
{
	memcpy(to, from, (size_t)(end - from));
	return to + (end - from);
}

static const struct field *field_of(const struct schema *schema, const struct span *key)
{
	for (const struct field *field = schema->fields; field->name; field++)
		if (is_text(key, field->name))
			return field;
	return NULL;
}

static char *sieve_value(struct cursor *cursor, const struct field *field, char *to);

static char *sieve_object(struct cursor *cursor, const struct schema *schema, char *to)
{
	bool first = true;

	*to++ = '{';
	cursor->at++;
	if (take(cursor, '}')) {
		*to++ = '}';
		return to;
	}
	do {
		const struct field *field;
		struct span key;

		take_text(cursor, &key);
		take(cursor, ':');
		field = field_of(schema, &key);
		/* A key that is written strangely may be one that is known. */
		if (!field && schema->open && !memchr(key.at, '\\', key.length)) {
			skip_value(cursor);
			continue;
		}
		if (!first)
			*to++ = ',';
		first = false;
		to = put(to, key.at - 1, key.at + key.length + 1);
		*to++ = ':';
		to = sieve_value(cursor, field, to);
	} while (take(cursor, ','));
	take(cursor, '}');
	*to++ = '}';
	return to;
}

static char *sieve_objects(struct cursor *cursor, const struct field *field, char *to)
{
	struct field element = *field;

	element.type = TYPE_OBJECT;
	*to++ = '[';
	cursor->at++;
	if (!take(cursor, ']')) {
		do {
			to = sieve_value(cursor, &element, to);
			*to++ = ',';
		} while (take(cursor, ','));
		take(cursor, ']');
		to--;
	}
	*to++ = ']';
	return to;
}

static char *sieve_value(struct cursor *cursor, const struct field *field, char *to)
{
	const char *start;

	skip_blanks(cursor);
	start = cursor->at;
	if (field && field->type == TYPE_OBJECT && *start == '{')
		return sieve_object(cursor, field->schema, to);
	if (field && field->type == TYPE_OBJECTS && *start == '[')
		return sieve_objects(cursor, field, to);
	skip_value(cursor);
	return put(to, start, cursor->at);
}

static const struct schema *schema_of(const struct span *kind, const struct span *version)
{
	char words[2][WORD_MOST];
	const struct span *spans[2] = {kind, version};

	/* The others are few, or their tables do not name all that is read. */
	if (!is_text(kind, "Pod") && !is_text(kind, "NetworkPolicy"))
		return NULL;
	for (int i = 0; i < 2; i++) {
		if (spans[i]->length >= WORD_MOST)
			return NULL;
		words[i][0] = '\0';
		strncat(words[i], spans[i]->length ? spans[i]->at : "", spans[i]->length);
	}
	return schema_of_kind(words[0], words[1]);
}

size_t piece_sieve(const struct piece *piece, const struct span *kind, const struct span *version,
		   char *to)
{
	struct cursor cursor = {piece->text.at, piece->text.at + piece->text.length, 0};
	const struct schema *schema = schema_of(kind, version);

	if (!schema)
		return (size_t)(put(to, cursor.at, cursor.end) - to);
	return (size_t)(sieve_object(&cursor, schema, to) - to);
}
