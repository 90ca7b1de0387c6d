// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keys begin with a letter:
 *   N                                   -> next number, how many rules
 *   R number part                       -> the rule's text, in parts
 *   S sameness                          -> number
 *   P family address length number      -> nothing: a prefix is the peer
 *   W number                            -> nothing: something else is
 *   A direction action subject's name   -> how many, subject
 *   L family length                     -> how many have such a prefix
 */
#include "store/rule_store.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "manifest/schema.h"

#define SUBJECT_MOST 400 /* longer ones are told apart, but not told */

struct key {
	unsigned char bytes[TREE_KEY_MOST];
	size_t length;
};

struct totals {
	uint32_t next, count;
};

struct scope {
	uint32_t count;
	char subject[SUBJECT_MOST];
};

static struct key key_of(char letter)
{
	return (struct key){.bytes = {(unsigned char)letter}, .length = 1};
}

static void key_add(struct key *key, const void *bytes, size_t length)
{
	memcpy(key->bytes + key->length, bytes, length);
	key->length += length;
}

static void key_add_number(struct key *key, uint32_t number)
{
	uint32_t ordered = htonl(number);

	key_add(key, &ordered, sizeof(ordered));
}

static struct key key_of_number(char letter, uint32_t number)
{
	struct key key = key_of(letter);

	key_add_number(&key, number);
	return key;
}

static int put(struct rule_store *store, const struct key *key, const void *value, size_t size)
{
	return tree_put(store->records, key->bytes, key->length, value, size);
}

static const void *get(const struct rule_store *store, const struct key *key, size_t *size)
{
	return store->records ? tree_get(store->records, key->bytes, key->length, size) : NULL;
}

static void drop(struct rule_store *store, const struct key *key)
{
	tree_delete(store->records, key->bytes, key->length);
}

static struct totals totals_get(const struct rule_store *store)
{
	const struct key key = key_of('N');
	struct totals totals = {.next = 1};
	size_t size;
	const void *value = get(store, &key, &size);

	if (value)
		memcpy(&totals, value, sizeof(totals));
	return totals;
}

static int totals_put(struct rule_store *store, struct totals totals)
{
	const struct key key = key_of('N');

	return put(store, &key, &totals, sizeof(totals));
}

/* The text of a rule */

static struct key text_key(uint32_t number, uint16_t part)
{
	struct key key = key_of_number('R', number);
	uint16_t ordered = htons(part);

	key_add(&key, &ordered, sizeof(ordered));
	return key;
}

static int text_put(struct rule_store *store, uint32_t number, const json_t *rule)
{
	char *text = json_dumps(rule, JSON_COMPACT | JSON_SORT_KEYS);
	size_t length = strlen(text), done = 0;
	uint16_t part = 0;
	int error = 0;

	while (!error && done < length) {
		const struct key key = text_key(number, part++);
		size_t size = length - done < TREE_VALUE_MOST ? length - done : TREE_VALUE_MOST;

		error = put(store, &key, text + done, size);
		done += size;
	}
	free(text);
	return error;
}

static void text_drop(struct rule_store *store, uint32_t number)
{
	struct key key;
	uint16_t part = 0;

	do
		key = text_key(number, part++);
	while (tree_delete(store->records, key.bytes, key.length));
}

struct text {
	FILE *to;
	size_t parts;
};

static int text_add(const void *key, size_t length, const void *value, size_t size, void *data)
{
	struct text *text = data;
	const unsigned char *part = (const unsigned char *)key + length - 2;

	if (text->parts++ && !part[0] && !part[1])
		fputc(',', text->to);
	fwrite(value, 1, size, text->to);
	return 0;
}

static char *text_of(const struct rule_store *store, const struct key *from, const char *before,
		     const char *behind)
{
	char *data = NULL;
	size_t size;
	struct text text = {.to = open_memstream(&data, &size)};

	if (!text.to)
		abort();
	fputs(before, text.to);
	text.parts = *before ? 1 : 0;
	if (store->records)
		tree_each(store->records, from->bytes, from->length, from->length, text_add, &text);
	fputs(behind, text.to);
	fclose(text.to);
	return data;
}

json_t *rule_store_get(const struct rule_store *store, long id)
{
	const struct key key = key_of_number('R', (uint32_t)id);
	char *text;
	json_t *rule;

	if (id <= 0 || id > UINT32_MAX)
		return NULL;
	text = text_of(store, &key, "", "");
	rule = json_loads(text, 0, NULL);
	free(text);
	return rule;
}

json_t *rule_store_before(const struct rule_store *store, long id)
{
	json_t *rule;

	tree_look_back(store->records, true);
	rule = rule_store_get(store, id);
	tree_look_back(store->records, false);
	return rule;
}

/* Indexes */

static struct key same_key(const json_t *rule)
{
	struct signature signature = line_sameness(rule);
	struct key key = key_of('S');

	key_add(&key, &signature, sizeof(signature));
	return key;
}

bool rule_prefix(const json_t *rule, struct prefix *prefix)
{
	const char *peer = json_string_value(json_object_get(rule, "peer"));

	return peer && prefix_parse(peer, prefix) == 0;
}

static struct key prefix_key(const struct prefix *prefix)
{
	struct key key = key_of('P');

	key_add(&key, &prefix->address.family, 1);
	key_add(&key, prefix->address.bytes, sizeof(prefix->address.bytes));
	key_add(&key, &prefix->length, 1);
	return key;
}

static struct key peer_key(const json_t *rule, uint32_t number)
{
	struct prefix prefix;
	struct key key = rule_prefix(rule, &prefix) ? prefix_key(&prefix) : key_of('W');

	key_add_number(&key, number);
	return key;
}

static struct key scope_key(const json_t *rule, bool allow)
{
	struct signature signature = {0};
	struct key key = key_of('A');
	unsigned char words[] = {strcmp(field_text(rule, "direction", ""), "egress") == 0, allow};

	sign_text(&signature, field_text(rule, "subject", ""));
	key_add(&key, words, sizeof(words));
	key_add(&key, &signature, sizeof(signature));
	return key;
}

static bool is_allow(const json_t *rule)
{
	return strcmp(field_text(rule, "action", ""), "allow") == 0;
}

static uint32_t scope_count(const struct rule_store *store, const json_t *rule, bool allow)
{
	const struct key key = scope_key(rule, allow);
	size_t size;
	const void *value = get(store, &key, &size);
	uint32_t count = 0;

	if (value)
		memcpy(&count, value, sizeof(count));
	return count;
}

/* One more rule like this, or one fewer. */
static int scope_change(struct rule_store *store, const json_t *rule, int more)
{
	bool allow = is_allow(rule);
	const struct key key = scope_key(rule, allow);
	const char *subject = field_text(rule, "subject", "");
	uint32_t count = scope_count(store, rule, allow), other = scope_count(store, rule, !allow);
	struct scope scope = {.count = count + (uint32_t)more};
	size_t length = strlen(subject);

	if ((!count || !scope.count) && (allow || !other))
		store->reshaped = true;
	if (!scope.count) {
		drop(store, &key);
		return 0;
	}
	if (length >= SUBJECT_MOST) {
		store->reshaped = true;
		length = 0;
	}
	memcpy(scope.subject, subject, length);
	return put(store, &key, &scope, sizeof(scope.count) + length);
}

/* One more rule over a prefix of that length, or one fewer. */
static int length_change(struct rule_store *store, const struct prefix *prefix, uint32_t more)
{
	struct key key = key_of('L');
	uint32_t count = 0;
	const void *value;
	size_t size;

	key_add(&key, &prefix->address.family, 1);
	key_add(&key, &prefix->length, 1);
	value = get(store, &key, &size);
	if (value)
		memcpy(&count, value, sizeof(count));
	store->lengths_changed |= !count || !(count + more);
	count += more;
	if (count)
		return put(store, &key, &count, sizeof(count));
	drop(store, &key);
	return 0;
}

static void touch(struct rule_store *store, uint32_t number, const json_t *rule)
{
	struct prefix prefix;

	list32_add(&store->changed, number);
	if (!rule_prefix(rule, &prefix)) {
		store->reshaped = true;
		return;
	}
	GROW(store->touched, store->touched_count, store->touched_capacity);
	store->touched[store->touched_count++] = prefix;
}

static int index_put(struct rule_store *store, uint32_t number, const json_t *rule)
{
	const struct key same = same_key(rule), peer = peer_key(rule, number);

	struct prefix prefix;

	touch(store, number, rule);
	if (rule_prefix(rule, &prefix) && length_change(store, &prefix, 1))
		return FAILED;
	if (put(store, &same, &number, sizeof(number)) || put(store, &peer, NULL, 0))
		return FAILED;
	return scope_change(store, rule, 1);
}

static void index_drop(struct rule_store *store, uint32_t number, const json_t *rule)
{
	const struct key same = same_key(rule), peer = peer_key(rule, number);

	struct prefix prefix;

	touch(store, number, rule);
	if (rule_prefix(rule, &prefix))
		length_change(store, &prefix, -1);
	drop(store, &same);
	drop(store, &peer);
	scope_change(store, rule, -1);
}

/* Changes */

static int add(struct rule_store *store, uint32_t number, const json_t *rule)
{
	struct totals totals = totals_get(store);

	if (number >= totals.next)
		totals.next = number + 1;
	totals.count++;
	if (index_put(store, number, rule) || text_put(store, number, rule))
		return FAILED;
	return totals_put(store, totals);
}

static int change(struct rule_store *store, uint32_t number, const json_t *old, const json_t *rule)
{
	index_drop(store, number, old);
	text_drop(store, number);
	return index_put(store, number, rule) || text_put(store, number, rule) ? FAILED : 0;
}

bool rule_store_remove(struct rule_store *store, long id)
{
	json_t *rule = rule_store_get(store, id);
	struct totals totals = totals_get(store);

	if (!rule)
		return false;
	index_drop(store, (uint32_t)id, rule);
	text_drop(store, (uint32_t)id);
	totals.count--;
	totals_put(store, totals);
	json_decref(rule);
	return true;
}

int rule_store_put(struct rule_store *store, json_t *rule, enum line_change *change_made, long *id)
{
	const struct key same = same_key(rule);
	json_t *old = NULL, *before;
	uint32_t number;
	size_t size;
	const void *value = get(store, &same, &size);
	int error;

	if (value) {
		memcpy(&number, value, sizeof(number));
		old = rule_store_get(store, number);
	}
	if (old) {
		before = json_deep_copy(old);
		*change_made = line_replace(old, rule, id);
		error = *change_made == LINE_KEPT ? 0 : change(store, number, before, old);
		json_decref(before);
		json_decref(old);
		return error;
	}
	*change_made = LINE_ADDED;
	*id = (long)totals_get(store).next;
	json_object_set_new(rule, "id", json_integer(*id));
	error = add(store, (uint32_t)*id, rule);
	json_decref(rule);
	return error;
}

json_t *rule_store_turn(struct rule_store *store, long id)
{
	json_t *rule = rule_store_get(store, id), *before = json_deep_copy(rule);

	if (rule) {
		line_turn(rule);
		if (change(store, (uint32_t)id, before, rule)) {
			json_decref(rule);
			rule = NULL;
		}
	}
	json_decref(before);
	return rule;
}

/* All of them */

bool rule_store_is_empty(const struct rule_store *store)
{
	return totals_get(store).next == 1;
}

size_t rule_store_count(const struct rule_store *store)
{
	return totals_get(store).count;
}

char *rule_store_text(const struct rule_store *store)
{
	const struct key key = key_of('R');
	char *sequence =
	    xprintf("[{\"kind\":\"RuleSequence\",\"next\":%u}", totals_get(store).next);
	char *text = text_of(store, &key, sequence, "]");

	free(sequence);
	return text;
}

json_t *rule_store_all(const struct rule_store *store)
{
	char *text = rule_store_text(store);
	json_t *rules = json_loads(text, 0, NULL);

	free(text);
	return rules;
}

int rule_store_set(struct rule_store *store, const json_t *rule)
{
	long id = field_number(rule, "id", 0);
	json_t *old = rule_store_get(store, id);
	int error = 0;

	if (!old)
		error = add(store, (uint32_t)id, rule);
	else if (!json_equal(old, rule))
		error = change(store, (uint32_t)id, old, rule);
	json_decref(old);
	return error;
}

static bool is_rule(const json_t *element)
{
	return strcmp(field_text(element, "kind", ""), "Rule") == 0;
}

/* The numbers of an array, in order. */
static struct list32 numbers_of(const json_t *rules)
{
	struct list32 numbers = {0};
	json_t *rule;
	size_t i;

	json_array_foreach ((json_t *)rules, i, rule)
		if (is_rule(rule))
			list32_add(&numbers, (uint32_t)field_number(rule, "id", 0));
	list32_sort(&numbers);
	return numbers;
}

int rule_store_set_all(struct rule_store *store, const json_t *rules)
{
	json_t *before = rule_store_all(store), *rule;
	struct list32 kept = numbers_of(rules);
	struct totals totals;
	size_t i;
	int error = 0;

	json_array_foreach (before, i, rule)
		if (is_rule(rule) && !list32_has(&kept, (uint32_t)field_number(rule, "id", 0)))
			rule_store_remove(store, field_number(rule, "id", 0));
	json_array_foreach ((json_t *)rules, i, rule)
		if (is_rule(rule) && !error)
			error = rule_store_set(store, rule);
	totals = totals_get(store);
	totals.next = (uint32_t)field_number(json_array_get(rules, 0), "next", totals.next);
	if (!rules)
		drop(store, &(struct key){.bytes = "N", .length = 1});
	else if (!error)
		error = totals_put(store, totals);
	list32_release(&kept);
	json_decref(before);
	return error;
}

/* Around a change */

struct found {
	struct list32 numbers;
	size_t most;
	const unsigned char *last; /* the key behind which nothing is looked for; NULL */
};

static int found_add(const void *key, size_t length, const void *value, size_t size, void *data)
{
	struct found *found = data;
	uint32_t number;

	(void)value;
	(void)size;
	if (found->last && memcmp(key, found->last, 18) > 0)
		return 1;
	memcpy(&number, (const char *)key + length - sizeof(number), sizeof(number));
	list32_add(&found->numbers, ntohl(number));
	return found->numbers.count > found->most;
}

static void find(const struct rule_store *store, const struct key *key, size_t prefix,
		 struct found *found)
{
	if (store->records)
		tree_each(store->records, key->bytes, key->length, prefix, found_add, found);
}

/* Wider prefixes one by one, narrower ones in one walk. */
static void find_around(const struct rule_store *store, const struct prefix *window,
			struct found *found)
{
	const struct prefix last = {prefix_last(window), window->length};
	struct key key, end;

	for (uint8_t length = 0; length < window->length; length++) {
		struct prefix wider = prefix_wider(window, length);

		key = prefix_key(&wider);
		find(store, &key, key.length, found);
	}
	key = prefix_key(window);
	end = prefix_key(&last);
	found->last = end.bytes;
	find(store, &key, 2, found);
	found->last = NULL;
}

bool rule_store_around(const struct rule_store *store, const struct prefix *windows, size_t count,
		       size_t most, json_t **rules)
{
	const struct key others = key_of('W');
	struct found found = {.most = most};
	bool fits;

	find(store, &others, 1, &found);
	for (size_t i = 0; i < count && found.numbers.count <= most; i++)
		find_around(store, &windows[i], &found);
	fits = found.numbers.count <= most;
	list32_sort(&found.numbers);
	*rules = fits ? json_array() : NULL;
	for (size_t i = 0; fits && i < found.numbers.count; i++)
		json_array_append_new(*rules, rule_store_get(store, found.numbers.item[i]));
	list32_release(&found.numbers);
	return fits;
}

static int scope_add(const void *key, size_t length, const void *value, size_t size, void *data)
{
	const unsigned char *words = (const unsigned char *)key + 1;
	const char *subject = (const char *)value + sizeof(uint32_t);

	(void)length;
	size -= sizeof(uint32_t);
	json_array_append_new(data, json_pack("{s:s, s:s, s:o*}", "direction",
					      words[0] ? "egress" : "ingress", "action",
					      words[1] ? "allow" : "deny", "subject",
					      size ? json_stringn(subject, size) : NULL));
	return 0;
}

json_t *rule_store_scopes(const struct rule_store *store)
{
	json_t *scopes = json_array();

	if (store->records)
		tree_each(store->records, "A", 1, 1, scope_add, scopes);
	return scopes;
}

struct lengths {
	void (*callback)(uint8_t family, uint8_t length, void *data);
	void *data;
};

static int length_each(const void *key, size_t length, const void *value, size_t size, void *data)
{
	const struct lengths *lengths = data;
	const unsigned char *bytes = key;

	(void)length;
	(void)value;
	(void)size;
	lengths->callback(bytes[1], bytes[2], lengths->data);
	return 0;
}

void rule_store_lengths(const struct rule_store *store,
			void (*callback)(uint8_t family, uint8_t length, void *data), void *data)
{
	struct lengths lengths = {callback, data};

	if (store->records)
		tree_each(store->records, "L", 1, 1, length_each, &lengths);
}

bool rule_store_allows(const struct rule_store *store, const json_t *scope)
{
	return scope_count(store, scope, true) != 0;
}

void rule_store_settle(struct rule_store *store)
{
	free(store->touched);
	store->touched = NULL;
	store->touched_count = store->touched_capacity = 0;
	list32_release(&store->changed);
	store->reshaped = store->lengths_changed = false;
}
