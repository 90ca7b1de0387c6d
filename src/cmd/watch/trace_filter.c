// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/watch/trace_filter.h"
#include "watch/event_text.h"
#include <stdlib.h>
#include <string.h>

/* As much of an end as fits in a sink: one prefix of each family. False when that is not all. */
static bool take_prefix(const struct prefix *prefix, struct sink_end *end)
{
	__u8 family = prefix->address.family == 4 ? SINK_GIVEN4 : SINK_GIVEN6;

	if (end->given & family)
		return false;
	end->given |= family;
	if (family == SINK_GIVEN4) {
		end->prefix4 = prefix->length;
		memcpy(&end->address4, prefix->address.bytes, 4);
	} else {
		end->prefix6 = prefix->length;
		memcpy(end->address6, prefix->address.bytes, 16);
	}
	return true;
}

static int take_ends(const struct words *words, const struct names *names,
		     struct trace_filter *filter)
{
	static const char *const options[2] = {"from", "to"};

	for (int i = 0; i < 2; i++) {
		const char *text = word_value(words, options[i]);
		const struct prefix *prefixes = filter->prefixes[i];
		size_t *count = &filter->prefix_count[i], taken = 0;

		if (!text)
			continue;
		if (filter_peer(text, names, filter->prefixes[i], count))
			return FAILED;
		while (taken < *count && take_prefix(&prefixes[taken], &filter->sink.end[i]))
			taken++;
		if (taken == *count)
			*count = 0;
		else
			filter->sink.end[i] = (struct sink_end){0};
	}
	return 0;
}

static bool is_number(const char *text)
{
	return *text >= '0' && *text <= '9' && !text[strspn(text, "0123456789")];
}

void trace_filter_rules(struct trace_filter *filter, const struct names *names)
{
	struct sink *sink = &filter->sink;
	size_t count;

	if (!filter->rule)
		return;
	sink->rules[0] = strtoul(filter->rule, NULL, 10);
	count = is_number(filter->rule)
		    ? names_rule(names, sink->rules[0]) != NULL
		    : names_rules_find(names, filter->rule, sink->rules, SINK_RULES);
	filter->sift_rules = count > SINK_RULES;
	sink->rule_count = filter->sift_rules ? 0 : count;
	sink->flags &= ~SINK_RULE;
	sink->flags |= filter->sift_rules ? 0 : SINK_RULE;
}

static int take_rule(const char *text, const struct names *names, struct trace_filter *filter)
{
	filter->rule = text;
	trace_filter_rules(filter, names);
	if (!filter->sift_rules && !filter->sink.rule_count)
		return fail("there is no rule \"%s\" in force", text);
	return 0;
}

static int take_subjects(const struct words *words, const struct names *names, struct sink *sink)
{
	const char *pod = word_value(words, "pod"), *user = word_value(words, "user");
	const char *cgroup = word_value(words, "cgroup");
	uint64_t id = 0;
	int error = pod ? filter_pod(pod, names, &sink->ifindex) : 0;

	if (!error && user) {
		sink->flags |= SINK_USER;
		error = filter_user(user, &sink->uid);
	}
	if (!error && cgroup)
		error = filter_cgroup(cgroup, &id);
	sink->cgroup = id;
	return error;
}

int trace_filter_parse(const struct words *words, const struct names *names,
		       struct trace_filter *filter)
{
	const char *protocol = word_value(words, "proto"), *port = word_value(words, "port");
	const char *rule = word_value(words, "rule");
	int error = 0;

	*filter = (struct trace_filter){0};
	if (word_flag(words, "drops"))
		filter->sink.flags |= SINK_DROPS;
	if (word_flag(words, "all"))
		filter->sink.flags |= SINK_ALL;
	if (word_flag(words, "shadow"))
		filter->sink.flags |= SINK_SHADOW;
	if (port)
		error = filter_port(port, &filter->sink.protocol, &filter->sink.port);
	if (!error && protocol)
		error = filter_protocol(protocol, &filter->sink.protocol);
	if (!error)
		error = take_subjects(words, names, &filter->sink);
	if (!error && rule)
		error = take_rule(rule, names, filter);
	return error ? error : take_ends(words, names, filter);
}

bool trace_filter_wants(const struct trace_filter *filter, const struct names *names,
			const struct event *event)
{
	struct address source, destination;

	event_source(event, &source);
	event_destination(event, &destination);
	return (!filter->sift_rules || names_rule_is(names, event->rule, filter->rule)) &&
	       filter_matches(filter->prefixes[0], filter->prefix_count[0], &source) &&
	       filter_matches(filter->prefixes[1], filter->prefix_count[1], &destination);
}
