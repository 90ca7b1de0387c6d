/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/rule.h"

#include <stdlib.h>
#include <string.h>
#include "model/dns_name.h"
#include "model/model_private.h"
#include "model/users.h"

/* The first element remembers the next id, so that none is given twice. */
#define SEQUENCE "RuleSequence"

static json_t *canonical_ports(const json_t *words)
{
	json_t *ports = json_array(), *value;
	struct port_item items[2];
	char text[64];
	size_t index, count;

	json_array_foreach (words, index, value) {
		const char *word = json_string_value(value);

		if (port_item_parse(word, items, &count)) {
			misuse("port \"%s\" is no port such as tcp/80, udp/53-60, icmp/8 or 80",
			       word);
			json_decref(ports);
			return NULL;
		}
		/* One text, even where it stands for the protocols of both families. */
		json_array_append_new(ports,
				      json_string(port_item_text(&items[0], text, sizeof(text))));
	}
	return ports;
}

/* "dns" is any address, at the two ports that it stands for. */
static int canonical_dns(json_t **peer, json_t *ports)
{
	if (json_array_size(ports))
		return misuse("dns stands for its port, 53, and takes no other");
	*peer = json_string("any");
	json_array_append_new(ports, json_string("udp/53"));
	json_array_append_new(ports, json_string("tcp/53"));
	return 0;
}

static int canonical_peer(struct model *model, const struct line_words *words, json_t **peer,
			  json_t *ports)
{
	const struct peer *found;
	const struct pod *pod;
	char text[ADDRESS_TEXT], name[DOMAIN_TEXT];
	uint32_t index;

	if (!words->peer) {
		*peer = json_pack("{s:s}", "list", words->list);
		return 0;
	}
	if (strcmp(words->peer, "dns") == 0)
		return canonical_dns(peer, ports);
	/* A pod whose name looks like a domain's: the document then says which namespace. */
	pod = domain_parse(words->peer, name) ? model_pod_find(model, words->peer) : NULL;
	if (pod) {
		*peer = json_sprintf("%s/%s", pod->namespace, pod->name);
		return 0;
	}
	if (peer_from_text(model, words->peer, &index))
		return FAILED;
	found = model->peers.item[index];
	if (found->kind == PEER_POD && !model_pod_find(model, found->name))
		return fail("pod \"%s\" does not exist", found->name);
	if (found->kind == PEER_POD)
		*peer = json_string(found->name);
	else if (domain_parse(words->peer, name))
		*peer = json_sprintf("%s%s", name, strchr(name, '.') ? "" : ".");
	else if (found->kind == PEER_BLOCK)
		*peer = json_string(prefix_text(&found->prefixes[0], text));
	else
		*peer = json_string(words->peer);
	return 0;
}

/* "user:IF:WHO" */
int subject_user_check(const char *subject)
{
	const char *colon = strchr(subject + strlen(USER_PREFIX), ':');

	return user_check(colon ? colon + 1 : "");
}

int line_subject(struct model *model, const char *word, json_t **subject)
{
	const struct pod *pod;
	uint32_t index;

	*subject = NULL;
	if (!word)
		return 0;
	if (strncmp(word, "dev:", 4) == 0 || strncmp(word, "user:", 5) == 0 ||
	    strncmp(word, "cgroup:", 7) == 0) {
		if (strncmp(word, "user:", 5) == 0 && subject_user_check(word))
			return FAILED;
		*subject = json_string(word);
		return 0;
	}
	if (strchr(word, '=')) {
		*subject = json_string(word);
		return peer_from_text(model, word, &index);
	}
	pod = model_pod_find(model, word);
	if (!pod)
		return fail("pod \"%s\" does not exist", word);
	if (pod->host_network)
		return fail("pod \"%s\" is on its node's network: no policy judges it", word);
	*subject = json_sprintf("%s/%s", pod->namespace, pod->name);
	return 0;
}

static int check_grace(const char *grace, const json_t *peer)
{
	char name[DOMAIN_TEXT], *end;
	const char *text = json_string_value(peer);

	if (!grace)
		return 0;
	if (!text || !domain_parse(text, name))
		return misuse("--grace goes with a domain name such as api.example.com");
	if (*grace < '0' || *grace > '9' || strtoul(grace, &end, 10) > GRACE_MOST || *end)
		return misuse("grace \"%s\" is no number of seconds up to %d", grace, GRACE_MOST);
	return 0;
}

static int canonical_window(const char *word, json_t **text)
{
	char written[WINDOW_TEXT];
	struct window window;

	if (!word)
		return 0;
	if (window_parse(word, &window))
		return misuse("--between \"%s\" is no time of the day such as 08:00-18:00", word);
	*text = json_string(window_text(&window, written));
	return 0;
}

int line_make(struct model *model, const struct line_words *words, json_t **rule)
{
	json_t *ports = canonical_ports(words->ports), *peer = NULL, *subject = NULL,
	       *window = NULL;
	uint32_t unused[2];
	int error;

	if (!ports)
		return MISUSED;
	if (words->rate && rate_parse(words->rate, &unused[0], &unused[1])) {
		json_decref(ports);
		return misuse("rate \"%s\" is no number of connections such as 100/s or 100/s:10",
			      words->rate);
	}
	error = canonical_window(words->between, &window);
	if (!error)
		error = canonical_peer(model, words, &peer, ports);
	if (!error)
		error = line_subject(model, words->subject, &subject);
	if (!error)
		error = check_grace(words->grace, peer);
	if (error) {
		json_decref(ports);
		json_decref(peer);
		json_decref(subject);
		json_decref(window);
		return error;
	}
	*rule =
	    json_pack("{s:s, s:s, s:s, s:o, s:o, s:o*, s:s*, s:o*, s:s*}", "kind", "Rule", "action",
		      words->allow ? "allow" : "deny", "direction",
		      words->egress ? "egress" : "ingress", "peer", peer, "ports", ports, "subject",
		      subject, "rate", words->rate, "between", window, "preset", words->preset);
	if (words->grace)
		json_object_set_new(*rule, "grace", json_integer(atol(words->grace)));
	return 0;
}

size_t subject_pods(struct model *model, const char *selector)
{
	size_t count = 0;
	uint32_t peer;

	if (peer_from_text(model, selector, &peer)) {
		failure_clear();
		return 0;
	}
	for (size_t i = 0; i < model->pods.count; i++)
		count += model->pods.item[i]->subject &&
			 peer_selects_pod(model, model->peers.item[peer], model->pods.item[i]);
	return count;
}

static json_t *sequence_of(json_t *rules)
{
	json_t *first = json_array_get(rules, 0);

	if (strcmp(field_text(first, "kind", ""), SEQUENCE) != 0) {
		first = json_pack("{s:s, s:i}", "kind", SEQUENCE, "next", 1);
		json_array_insert_new(rules, 0, first);
	}
	return first;
}

static bool same_field(const json_t *a, const json_t *b, const char *name)
{
	const json_t *x = json_object_get(a, name), *y = json_object_get(b, name);

	return x && y ? json_equal(x, y) : x == y;
}

const char *line_change_word(enum line_change change)
{
	static const char *const words[] = {[LINE_ADDED] = "added",
					    [LINE_REPLACED] = "replaced",
					    [LINE_TURNED] = "replaced",
					    [LINE_KEPT] = "unchanged"};

	return words[change];
}

/*
 * Where a rule stands, by what makes two the same: kept from one rule to the
 * next, because files have many. Another array, or one that others have made
 * longer or shorter, is looked through anew.
 */
static struct {
	const json_t *rules;
	size_t count; /* of its elements, when it was looked through; 0: not yet */
	long next;    /* and its next number: whoever adds a rule raises it */
	struct lookup places;
} known;

static void sign_value(struct signature *signature, const json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		sign_text(signature, json_string_value(value));
		return;
	}
	text = value ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;
	sign_text(signature, text ? text : "");
	free(text);
}

static void sign_field(struct signature *signature, const json_t *rule, const char *name)
{
	json_t *value = json_object_get(rule, name), *item;
	size_t i;

	sign_number(signature, value ? json_typeof(value) : UINT32_MAX);
	if (!json_is_array(value)) {
		sign_value(signature, value);
		return;
	}
	sign_number(signature, json_array_size(value));
	json_array_foreach (value, i, item)
		sign_value(signature, item);
}

struct signature line_sameness(const json_t *rule)
{
	static const char *const fields[] = {"peer", "ports", "subject", "direction", "preset"};
	struct signature signature = {0};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		sign_field(&signature, rule, fields[i]);
	return signature;
}

static void known_add(const json_t *rules, size_t index)
{
	struct signature key = line_sameness(json_array_get(rules, index));

	lookup_put(&known.places, &key, (uint32_t)index);
	known.count = index + 1;
}

static long next_of(const json_t *rules)
{
	return field_number(json_array_get(rules, 0), "next", 1);
}

static void known_update(const json_t *rules)
{
	if (known.rules == rules && known.count == json_array_size(rules) &&
	    known.next == next_of(rules))
		return;
	lookup_release(&known.places);
	known.places = (struct lookup){0};
	known.rules = rules;
	known.next = next_of(rules);
	known.count = 1;
	for (size_t i = 1; i < json_array_size(rules); i++)
		known_add(rules, i);
}

static bool is_same_line(const json_t *a, const json_t *b)
{
	return same_field(a, b, "peer") && same_field(a, b, "ports") &&
	       same_field(a, b, "subject") && same_field(a, b, "direction") &&
	       same_field(a, b, "preset");
}

/* For the first rule, a look at each of the others is quicker than noting their places. */
static json_t *look_through(const json_t *rules, const json_t *rule)
{
	json_t *old;
	size_t index;

	json_array_foreach (rules, index, old)
		if (index && is_same_line(old, rule))
			return old;
	return NULL;
}

/* The rule on the same peer, ports and subject, NULL when there is none. */
static json_t *find_same(json_t *rules, const json_t *rule)
{
	struct signature key;
	json_t *old;
	uint32_t index;

	if (known.rules != rules) {
		known.rules = rules;
		known.count = 0;
		return look_through(rules, rule);
	}
	key = line_sameness(rule);
	known_update(rules);
	index = lookup_get(&known.places, &key);
	old = index == LOOKUP_NONE ? NULL : json_array_get(rules, index);
	return old && is_same_line(old, rule) ? old : NULL;
}

enum line_change line_replace(json_t *old, json_t *rule, long *id)
{
	bool turned = !same_field(old, rule, "action");
	bool equal = !turned && same_field(old, rule, "rate") && same_field(old, rule, "grace") &&
		     same_field(old, rule, "between");

	*id = field_number(old, "id", 0);
	if (!equal) {
		json_object_del(old, "rate");
		json_object_del(old, "grace");
		json_object_del(old, "between");
		json_object_update(old, rule);
	}
	json_decref(rule);
	return equal ? LINE_KEPT : turned ? LINE_TURNED : LINE_REPLACED;
}

enum line_change lines_put(json_t *rules, json_t *rule, long *id)
{
	json_t *sequence = sequence_of(rules), *old = find_same(rules, rule);

	if (old)
		return line_replace(old, rule, id);
	*id = field_number(sequence, "next", 1);
	json_object_set_new(sequence, "next", json_integer(*id + 1));
	json_object_set_new(rule, "id", json_integer(*id));
	json_array_append_new(rules, rule);
	if (known.count) {
		known_add(rules, json_array_size(rules) - 1);
		known.next = *id + 1;
	}
	return LINE_ADDED;
}

void line_turn(json_t *rule)
{
	bool allows = strcmp(field_text(rule, "action", ""), "allow") == 0;

	json_object_set_new(rule, "action", json_string(allows ? "deny" : "allow"));
	json_object_del(rule, "rate");
}

bool lines_name_list(const json_t *rules, const char *list)
{
	size_t index;
	json_t *rule;

	json_array_foreach (rules, index, rule) {
		if (strcmp(field_text(field_get(rule, "peer"), "list", ""), list) == 0)
			return true;
	}
	return false;
}

bool defaults_keep_closed(json_t *defaults, const json_t *scope)
{
	json_t *each;
	size_t index;

	json_array_foreach (defaults, index, each)
		if (same_field(each, scope, "direction") && same_field(each, scope, "subject"))
			return false;
	defaults_put(defaults, "closed", strcmp(field_text(scope, "direction", ""), "egress") == 0,
		     field_text(scope, "subject", NULL));
	return true;
}

void defaults_put(json_t *defaults, const char *verdict, bool egress, const char *subject)
{
	const char *direction = egress ? "egress" : "ingress";
	json_t *line = json_pack("{s:s, s:s, s:s*, s:s*}", "kind", "Default", "direction",
				 direction, "subject", subject, "verdict", verdict),
	       *old;
	size_t index = 0;

	while ((old = json_array_get(defaults, index))) {
		if (same_field(old, line, "direction") && same_field(old, line, "subject"))
			json_array_remove(defaults, index);
		else
			index++;
	}
	if (verdict)
		json_array_append(defaults, line);
	json_decref(line);
}
