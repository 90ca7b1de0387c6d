// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch/event_text.h"
#include "base/port.h"
#include "kernel/cgroup.h"
#include "compile/plan.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *word, *text;
} reasons[] = {
#define X(symbol, word, text) {word, text},
    REASONS(X)
#undef X
};

static bool is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

const char *tcp_flags_text(uint8_t flags)
{
	static const char *const words[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	static const uint8_t order[] = {1, 4, 0, 2, 3, 5, 6, 7}; /* as people say them */
	static char buffers[4][40];
	static unsigned int next;
	char *buffer = buffers[next++ % ARRAY_SIZE(buffers)], *at = buffer;

	*at = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (flags & 1u << order[i])
			at += sprintf(at, "%s%s", at > buffer ? "," : "", words[order[i]]);
	return buffer;
}

static void take_address(const uint8_t bytes[16], uint8_t family, struct address *address)
{
	*address = (struct address){.family = family};
	memcpy(address->bytes, bytes, family == 4 ? 4 : 16);
}

void event_source(const struct event *event, struct address *address)
{
	take_address(event->source, event->family, address);
}

void event_destination(const struct event *event, struct address *address)
{
	take_address(event->destination, event->family, address);
}

static int64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

uint64_t event_wall_us(const struct event *event)
{
	static int64_t boot; /* one for all events, or their order could suffer */

	if (!boot)
		boot = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_MONOTONIC);
	return event->time / 1000 + boot;
}

const char *time_utc(time_t time, char text[static TIME_TEXT])
{
	struct tm utc;

	gmtime_r(&time, &utc);
	strftime(text, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return text;
}

static void set_time(json_t *object, const struct event *event)
{
	uint64_t wall_us = event_wall_us(event);
	char text[TIME_TEXT];

	time_utc((time_t)(wall_us / 1000000), text);
	json_object_set_new(object, "time",
			    json_sprintf("%.19s.%06uZ", text, (unsigned int)(wall_us % 1000000)));
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_string(text));
}

static void set_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void set_end(json_t *object, const struct names *names, const struct address *address,
		    const char *keys[3], const uint16_t *port)
{
	char text[ADDRESS_TEXT];

	set_text(object, keys[0], address_text(address, text));
	if (port)
		set_number(object, keys[1], ntohs(*port));
	set_text(object, keys[2], names_pod(names, address));
}

static void set_ends(json_t *object, const struct names *names, const struct event *event)
{
	static const char *from[] = {"source", "source_port", "source_pod"};
	static const char *to[] = {"destination", "destination_port", "destination_pod"};
	bool ports = ip_protocol_has_ports(event->protocol);
	struct address source, destination;

	event_source(event, &source);
	event_destination(event, &destination);
	if (event->hook != HOOK_CONTAINER) /* a socket may have no address yet */
		set_end(object, names, &source, from, ports ? &event->source_port : NULL);
	set_end(object, names, &destination, to, ports ? &event->destination_port : NULL);
	if (is_icmp(event->protocol)) {
		set_number(object, "icmp_type", ntohs(event->source_port));
		set_number(object, "icmp_code", ntohs(event->destination_port));
	}
}

void event_rule_json(json_t *object, const struct names *names, const struct event *event)
{
	const struct rule_info *rule = names_rule(names, event->rule);

	if (event->reason < ARRAY_SIZE(reasons))
		set_text(object, "reason", reasons[event->reason].word);
	if (rule) {
		if (rule->tier < TIER_COUNT)
			set_text(object, "tier", tier_word(rule->tier));
		set_text(object, "rule", rule->name);
		set_number(object, "rule_number", event->rule);
	}
}

/* NULL when nobody has the number. Asked once for each that comes after another. */
static const char *user_name(uint32_t uid)
{
	static uint32_t last = USER_ANY;
	static char *name;
	struct passwd *user;

	if (uid == last)
		return name;
	free(name);
	last = uid;
	user = getpwuid(uid);
	name = user ? xstrdup(user->pw_name) : NULL;
	return name;
}

void event_user_json(json_t *object, uint32_t uid)
{
	if (uid != USER_NONE)
		set_number(object, "uid", uid);
	set_text(object, "user", uid == USER_NONE ? "none" : user_name(uid));
}

/* Looked for once as long as events of a few others come between. */
static const char *cgroup_name(uint64_t id)
{
	static struct {
		uint64_t id;
		char *path;
	} known[16];
	size_t slot = id % ARRAY_SIZE(known);

	if (known[slot].id != id) {
		free(known[slot].path);
		known[slot].id = id;
		known[slot].path = cgroup_path(id);
	}
	return known[slot].path;
}

static const char *command_of(const struct event *event, char text[static 17])
{
	snprintf(text, 17, "%.16s", event->command);
	return text;
}

static void set_task(json_t *object, const struct names *names, const struct event *event)
{
	const char *subject = names_event_subject(names, event), *cgroup = NULL;
	char command[17];

	if (event->hook != HOOK_POD)
		set_text(object, "hook", event->hook == HOOK_USER ? "user" : "container");
	if (event->uid != USER_ANY)
		event_user_json(object, event->uid);
	if (event->pid) {
		set_number(object, "pid", event->pid);
		set_text(object, "command", command_of(event, command));
	}
	if (event->hook == HOOK_CONTAINER && subject)
		cgroup = subject + strlen("cgroup:");
	else if (event->cgroup)
		cgroup = cgroup_name(event->cgroup);
	set_text(object, "cgroup", cgroup);
}

static const char *shadow_word(const struct event *event)
{
	return event->shadow == SHADOW_ALLOWS ? "allow" : event->shadow ? "deny" : NULL;
}

json_t *event_json(const struct names *names, const struct event *event)
{
	const struct rule_info *rule;
	json_t *object = json_object();

	set_time(object, event);
	set_text(object, "verdict", event->allow ? "allow" : "drop");
	set_text(object, "direction", event->direction == INGRESS ? "ingress" : "egress");
	set_text(object, "subject", names_event_subject(names, event));
	if (event->ifindex)
		set_number(object, "ifindex", event->ifindex);
	if (event->family) {
		set_ends(object, names, event);
		set_text(object, "protocol", ip_protocol_text(event->protocol));
	} else {
		set_number(object, "ether_type", ntohs(event->ether_type));
	}
	if (event->protocol == IPPROTO_TCP && event->hook != HOOK_CONTAINER)
		set_text(object, "flags", tcp_flags_text(event->tcp_flags));
	if (event->hook != HOOK_CONTAINER)
		set_number(object, "size", event->size);
	event_rule_json(object, names, event);
	set_task(object, names, event);
	if (event->shadow) {
		set_text(object, "shadow", shadow_word(event));
		rule = names_rule(names, event->shadow_rule);
		set_text(object, "shadow_rule", rule ? rule->name : NULL);
	}
	return object;
}

char *event_process(const struct event *event)
{
	char command[17];

	if (event->hook != HOOK_CONTAINER)
		return NULL;
	if (event->pid)
		return xprintf("%s (pid %u)", command_of(event, command), event->pid);
	return xstrdup("a process");
}

/* ", user root (0)" */
static char *whose_user(const struct event *event)
{
	const char *name;

	if (event->hook == HOOK_POD || event->uid == USER_ANY)
		return xstrdup("");
	if (event->uid == USER_NONE)
		return xstrdup(", no user");
	name = user_name(event->uid);
	return name ? xprintf(", user %s (%u)", name, event->uid)
		    : xprintf(", user %u", event->uid);
}

/* On whose behalf, for hooks that know. */
static char *whose(const struct names *names, const struct event *event)
{
	const char *subject = names_event_subject(names, event);
	char *user = whose_user(event), *both;

	if (event->hook != HOOK_CONTAINER || !subject)
		return user;
	both = xprintf("%s, in %s", user, subject + strlen("cgroup:"));
	free(user);
	return both;
}

/* ", the candidate would deny: rule …"; freed by the caller. */
static char *shadow_text(const struct names *names, const struct event *event)
{
	const struct rule_info *rule = names_rule(names, event->shadow_rule);

	if (!event->shadow)
		return xstrdup("");
	return xprintf(", the candidate would %s%s%s", shadow_word(event), rule ? ": " : "",
		       rule ? rule->name : "");
}

char *event_why(const struct names *names, const struct event *event)
{
	const struct rule_info *rule = names_rule(names, event->rule);
	const char *reason =
	    event->reason < ARRAY_SIZE(reasons) ? reasons[event->reason].text : "?";
	const char *tier = rule && rule->tier < TIER_COUNT ? tier_word(rule->tier) : "";
	char *who = whose(names, event), *shadow = shadow_text(names, event), *why;

	if (!rule)
		why = xprintf("%s%s%s", reason, who, shadow);
	else if (event->reason == REASON_POLICY)
		why = xprintf("%s: %s%s%s", tier, rule->name, who, shadow);
	else
		why = xprintf("%s (%s: %s)%s%s", reason, tier, rule->name, who, shadow);
	free(who);
	free(shadow);
	return why;
}

/* The side that is not the subject's. */
static bool is_peer(const struct event *event, bool source)
{
	return source == (event->direction == INGRESS);
}

char *event_end(const struct names *names, const struct event *event, bool source,
		bool with_address)
{
	uint16_t port = ntohs(source ? event->source_port : event->destination_port);
	char text[ADDRESS_TEXT], number[8] = "";
	struct address address;
	const char *name;
	bool brackets;

	if (source && event->hook == HOOK_CONTAINER)
		return event_process(event);
	if (!event->family)
		return xstrdup("-");
	if (source)
		event_source(event, &address);
	else
		event_destination(event, &address);
	name = names_pod(names, &address);
	if (!name && is_peer(event, source) && event->identity == IDENTITY_HOST)
		name = "host";
	if (ip_protocol_has_ports(event->protocol))
		snprintf(number, sizeof(number), ":%u", port);
	if (name && !with_address)
		return xprintf("%s%s", name, number);
	brackets = *number && address.family == 6;
	return xprintf("%s%s%s%s%s%s", name ? name : "", name ? " " : "", brackets ? "[" : "",
		       address_text(&address, text), brackets ? "]" : "", number);
}

const char *event_protocol(const struct event *event)
{
	static char text[64];

	if (!event->family)
		snprintf(text, sizeof(text), "ether 0x%04x", ntohs(event->ether_type));
	else if (event->protocol == IPPROTO_TCP && event->tcp_flags)
		snprintf(text, sizeof(text), "TCP %s", tcp_flags_text(event->tcp_flags));
	else if (is_icmp(event->protocol))
		snprintf(text, sizeof(text), "%s %u/%u", ip_protocol_text(event->protocol),
			 ntohs(event->source_port), ntohs(event->destination_port));
	else
		snprintf(text, sizeof(text), "%s", ip_protocol_text(event->protocol));
	return text;
}

char *event_size(const struct event *event)
{
	return event->hook == HOOK_CONTAINER ? xstrdup("") : xprintf("%u", event->size);
}
