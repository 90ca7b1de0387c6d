/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One-line rules and defaults, and the words they are written in. */
#include "model/model_private.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include "model/dns_name.h"
#include "manifest/schema.h"
#include "model/users.h"

#define BURST_LEAST 5

/* "key=value", "key!=value"; -1 when it is neither. */
static int parse_term(struct model *model, char *term, struct requirement *requirement)
{
	char *equals = strchr(term, '='), *value;

	if (!equals || equals == term)
		return -1;
	value = equals[1] == '=' ? equals + 2 : equals + 1;
	requirement->op = OP_IN;
	*equals = '\0';
	if (equals[-1] == '!') {
		requirement->op = OP_NOT_IN;
		equals[-1] = '\0';
	}
	if (!schema_is_label_key(term) || !schema_is_label_value(value))
		return -1;
	requirement->key = model_text(model, term);
	requirement->values = model_array(model, 1, sizeof(*requirement->values));
	requirement->values[0] = model_text(model, value);
	requirement->count = 1;
	return 0;
}

/* "app=web,tier!=fe", after "namespace/" or not. */
static int parse_selector(struct model *model, const char *text, struct peer *peer)
{
	const char *slash = strchr(text, '/'), *equals = strchr(text, '=');
	size_t most = 1;
	char *copy, *rest, *term;
	int result = 0;

	peer->kind = PEER_PODS;
	copy = xstrdup(text);
	rest = copy;
	if (slash && slash < equals && strncmp(text, "*/", 2) == 0)
		rest = copy + 2;
	else if (slash && slash < equals && !memchr(text, '.', (size_t)(slash - text))) {
		copy[slash - text] = '\0';
		peer->namespace = model_namespace(model, copy)->name;
		rest = copy + (slash - text) + 1;
	}
	for (const char *comma = rest; (comma = strchr(comma, ',')); comma++)
		most++;
	peer->pods.requirements = model_array(model, most, sizeof(*peer->pods.requirements));
	while (result == 0 && (term = strsep(&rest, ",")))
		result = parse_term(model, term, &peer->pods.requirements[peer->pods.count++]);
	free(copy);
	return result;
}

/* "ns/" and an asterisk: every pod of a namespace; two of them: every pod. */
static bool parse_namespace(struct model *model, const char *text, struct peer *peer)
{
	size_t length = strlen(text);
	const char *namespace;

	if (length < 3 || strcmp(text + length - 2, "/*") != 0)
		return false;
	namespace = texts_get_part(&model->texts, text, length - 2);
	peer->kind = PEER_PODS;
	if (strcmp(namespace, "*") != 0)
		peer->namespace = namespace;
	return strcmp(namespace, "*") == 0 || schema_is_dns_label(namespace);
}

static int parse_pod(struct model *model, const char *text, struct peer *peer)
{
	const struct pod *pod = model_pod_find(model, text);
	const char *slash = strchr(text, '/'), *namespace;

	peer->kind = PEER_POD;
	if (pod) {
		peer->name = model_format(model, "%s/%s", pod->namespace, pod->name);
		return 0;
	}
	/* A rule may stand before its pod does, and after it has gone. */
	if (!slash || strchr(slash + 1, '/') || !schema_is_dns_subdomain(slash + 1))
		return -1;
	namespace = texts_get_part(&model->texts, text, (size_t)(slash - text));
	if (!schema_is_dns_label(namespace))
		return -1;
	peer->name = model_text(model, text);
	return 0;
}

int peer_from_text(struct model *model, const char *text, uint32_t *index)
{
	static const struct {
		const char *word;
		enum peer_kind kind;
	} words[] = {{"any", PEER_ANY},
		     {"world", PEER_WORLD},
		     {"host", PEER_HOST},
		     {"private", PEER_LIST},
		     {"loopback", PEER_LIST}};
	struct peer peer = {0};
	struct prefix *prefix = model_array(model, 1, sizeof(*prefix));
	char name[DOMAIN_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, text) == 0) {
			peer.kind = words[i].kind;
			if (peer.kind == PEER_LIST)
				peer.name = peer.text = model_text(model, text);
			*index = model_peer(model, &peer);
			return 0;
		}
	}
	if (prefix_parse(text, prefix) == 0) {
		peer.kind = PEER_BLOCK;
		peer.prefixes = prefix;
		peer.prefix_count = 1;
	} else if (strchr(text, '=')) {
		if (parse_selector(model, text, &peer))
			return fail("peer \"%s\" is no label selector such as app=web,tier=fe",
				    text);
	} else if (domain_parse(text, name)) {
		peer.kind = PEER_LIST;
		peer.name = model_format(model, DOMAIN_LIST "%s", name);
		peer.text = model_text(model, text);
	} else if (!parse_namespace(model, text, &peer) && parse_pod(model, text, &peer)) {
		return fail("peer \"%s\" is neither an address, a prefix, a pod, a label "
			    "selector, a domain name, any, world nor host",
			    text);
	}
	if (peer.kind == PEER_PODS)
		peer.text = model_text(model, text); /* as the user wrote it */
	*index = model_peer(model, &peer);
	return 0;
}

static int read_rule_peer(struct model *model, const struct item *object, uint32_t *index)
{
	const struct item *value = item_get(object, "peer");
	struct peer peer = {.kind = PEER_LIST};

	if (value && value->kind == ITEM_TEXT)
		return peer_from_text(model, item_string(value), index);
	peer.name = model_text(model, item_text(value, "list", ""));
	*index = model_peer(model, &peer);
	return 0;
}

/*
 * "100/s", "100/s:10": new connections a second, and how many at once: a
 * twentieth unless said, so that in any second it is the rate within 5 %.
 */
int rate_parse(const char *text, uint32_t *per_second, uint32_t *burst)
{
	char *end;
	unsigned long rate = strtoul(text, &end, 10);
	unsigned long most = rate / 20 > BURST_LEAST ? rate / 20 : BURST_LEAST;

	if (*text < '0' || *text > '9' || strncmp(end, "/s", 2) != 0)
		return -1;
	end += 2;
	if (*end == ':') {
		if (end[1] < '0' || end[1] > '9')
			return -1;
		most = strtoul(end + 1, &end, 10);
	}
	if (*end || !rate || !most || rate > 1000000 || most > 1000000)
		return -1;
	*per_second = (uint32_t)rate;
	*burst = (uint32_t)most;
	return 0;
}

int read_rule_ports(struct model *model, const struct item *array, const char *where,
		    struct policy_rule *rule)
{
	size_t count;

	rule->ports = model_array(model, 2 * item_count(array), sizeof(*rule->ports));
	ITEM_EACH (array, value) {
		const char *text = item_string(value);

		if (!text || port_item_parse(text, &rule->ports[rule->port_count], &count))
			return fail("%s: \"%s\" is no port such as tcp/80, udp/53-60 or icmp/8",
				    where, text ? text : "");
		rule->port_count += count;
	}
	return 0;
}

int read_rule_window(const struct item *object, const char *where, struct policy_rule *rule)
{
	const char *text = item_text(object, "between", NULL);

	if (text && window_parse(text, &rule->window))
		return fail("%s: \"%s\" is no time such as 08:00-18:00", where, text);
	return 0;
}

static void line_sign(const struct model *model, struct line *line)
{
	struct policy policy = {.tier = TIER_RULE, .kind = "Rule", .title = line->title};

	policy_rule_sign(model, &policy, line->direction, &line->rule);
	sign_text(&line->rule.signature, line->subject ? line->subject : "");
	sign_number(&line->rule.signature, line->rule.rate_per_second);
	sign_number(&line->rule.signature, line->rule.rate_burst);
	sign_number(&line->rule.signature, line->rule.window.from);
	sign_number(&line->rule.signature, line->rule.window.to);
}

static enum direction read_direction(const struct item *object)
{
	return strcmp(item_text(object, "direction", "ingress"), "egress") == 0 ? EGRESS : INGRESS;
}

/*
 * Looked up now, so that a change of users or groups is taken up by the next
 * commit. When it cannot be known whom a rule means, it allows nobody, or
 * denies everybody.
 */
static void line_users_find(struct model *model, struct line *line)
{
	const char *colon = strchr(line->subject + strlen(USER_PREFIX), ':');
	struct users users;
	uint32_t *uids;

	if (!colon)
		return;
	users_find(colon + 1, &users);
	uids = model_array(model, users.uids.count, sizeof(*uids));
	if (users.uids.count)
		memcpy(uids, users.uids.item, users.uids.count * sizeof(*uids));
	line->interface =
	    texts_get_part(&model->texts, line->subject, (size_t)(colon - line->subject));
	line->users.uids = uids;
	line->users.count = users.uids.count;
	line->users.any = users.any || (users.unknown && line->rule.action == ACTION_DENY);
	line->users.unknown = users.unknown ? model_text(model, users.unknown) : NULL;
	users_release(&users);
}

void line_add(struct model *model, struct line *line)
{
	if (line->subject && strncmp(line->subject, USER_PREFIX, strlen(USER_PREFIX)) == 0)
		line_users_find(model, line);
	line->sides = model->sides;
	if (line->sides == 1u << SIDE_SHADOW)
		line->title = model_format(model, "shadow %s", line->title);
	line_sign(model, line);
	ADD(model->lines, line);
}

/* For whom it is; the peer that a selector is. */
static int line_subject_set(struct model *model, struct line *line, const char *subject)
{
	line->subject = subject ? model_text(model, subject) : NULL;
	line->selected = LOOKUP_NONE;
	if (!subject || !strchr(subject, '=') || strncmp(subject, "cgroup:", 7) == 0)
		return 0;
	return peer_from_text(model, subject, &line->selected);
}

int read_rule(struct model *model, const struct item *object, const char *where)
{
	struct line *line = model_array(model, 1, sizeof(*line));
	const char *subject = item_text(object, "subject", NULL);
	const char *rate = item_text(object, "rate", NULL);
	struct policy_rule *rule = &line->rule;

	rule->index = (int)item_number(object, "id", 0);
	rule->name = model_text(model, "");
	rule->action =
	    strcmp(item_text(object, "action", ""), "allow") == 0 ? ACTION_ALLOW : ACTION_DENY;
	rule->peers = model_array(model, 1, sizeof(*rule->peers));
	rule->peer_count = 1;
	line->direction = read_direction(object);
	line->title = model_format(model, "rule %d", rule->index);
	line->origin = strncmp(where, "agent/", 6) == 0 ? "agent" : "";
	line->preset = model_text(model, item_text(object, "preset", ""));
	if (read_rule_peer(model, object, &rule->peers[0]) ||
	    read_rule_ports(model, item_get(object, "ports"), where, rule) ||
	    read_rule_window(object, where, rule))
		return FAILED;
	if (rate && rate_parse(rate, &rule->rate_per_second, &rule->rate_burst))
		return fail("%s: \"%s\" is no rate such as 100/s or 100/s:10", where, rate);
	if (line_subject_set(model, line, subject))
		return FAILED;
	line_add(model, line);
	return 0;
}

int model_scope_add(struct model *model, const json_t *scope)
{
	struct line *line = model_array(model, 1, sizeof(*line));
	const struct peer nobody = {.kind = PEER_NAMES, .text = "nobody"};
	struct policy_rule *rule = &line->rule;

	rule->name = "";
	rule->action =
	    strcmp(field_text(scope, "action", ""), "allow") == 0 ? ACTION_ALLOW : ACTION_DENY;
	rule->peers = model_array(model, 1, sizeof(*rule->peers));
	rule->peer_count = 1;
	rule->peers[0] = model_peer(model, &nobody);
	line->direction =
	    strcmp(field_text(scope, "direction", ""), "egress") == 0 ? EGRESS : INGRESS;
	line->title = line->origin = line->preset = "";
	if (line_subject_set(model, line, field_text(scope, "subject", NULL)))
		return FAILED;
	line_add(model, line);
	return 0;
}

/* `name` is "user:IF:UID", or "user:IF:any": what is said of any user holds for each. */
static bool line_is_for_user(const struct line *line, const char *name)
{
	size_t length = strlen(line->interface);
	char uid[16];

	if (strncmp(name, line->interface, length) != 0 || name[length] != ':')
		return false;
	if (line->users.any)
		return true;
	for (size_t i = 0; i < line->users.count; i++)
		if (strcmp(name + length + 1, uid_text(line->users.uids[i], uid)) == 0)
			return true;
	return false;
}

bool line_is_for(const struct model *model, const struct line *line, const struct pod *pod,
		 const char *name)
{
	bool own = strncmp(name, "user:", 5) == 0 || strncmp(name, "cgroup:", 7) == 0;

	if (!line->subject)
		return !own; /* users and containers are never meant by silence */
	if (line->interface)
		return line_is_for_user(line, name);
	if (line->selected != LOOKUP_NONE)
		return pod && peer_selects_pod(model, model->peers.item[line->selected], pod);
	return strcmp(line->subject, name) == 0;
}

bool default_closes(const struct model *model, const struct default_line *line,
		    const struct pod *pod, const char *name)
{
	if (!line->closed)
		return false;
	if (!line->subject)
		return strncmp(name, "user:", 5) != 0 && strncmp(name, "cgroup:", 7) != 0;
	if (line->selected != LOOKUP_NONE)
		return pod && peer_selects_pod(model, model->peers.item[line->selected], pod);
	return strcmp(line->subject, name) == 0;
}

int read_default(struct model *model, const struct item *object, const char *where)
{
	const char *subject = item_text(object, "subject", NULL);
	const char *verdict = item_text(object, "verdict", "");
	struct default_line *line = model_array(model, 1, sizeof(*line));

	(void)where;
	line->sides = model->sides;
	line->direction = read_direction(object);
	line->allow = strcmp(verdict, "allow") == 0;
	line->closed = strcmp(verdict, "closed") == 0;
	line->subject = subject ? model_text(model, subject) : NULL;
	line->selected = LOOKUP_NONE;
	if (line->closed && subject && strchr(subject, '=') &&
	    strncmp(subject, "cgroup:", 7) != 0 && strncmp(subject, "user:", 5) != 0 &&
	    peer_from_text(model, subject, &line->selected))
		return FAILED;
	ADD(model->defaults, line);
	return 0;
}
