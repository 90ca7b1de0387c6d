// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/trace_filter.h"
#include "kernel/event_text.h"
#include <stdlib.h>
#include <string.h>

static int take_ends(const struct words *words, const struct names *names,
		     struct trace_filter *filter)
{
	static const char *const options[2] = {"from", "to"};

	for (int end = 0; end < 2; end++) {
		const char *text = word_value(words, options[end]);
		const struct prefix *prefix = &filter->prefixes[end][0];

		if (!text)
			continue;
		if (filter_peer(text, names, filter->prefixes[end], &filter->prefix_count[end]))
			return FAILED;
		if (filter->prefix_count[end] != 1)
			continue;
		filter->sink.family[end] = prefix->address.family;
		filter->sink.prefix[end] = prefix->length;
		memcpy(filter->sink.address[end], prefix->address.bytes, 16);
		filter->prefix_count[end] = 0;
	}
	return 0;
}

static int take_rule(const char *text, const struct names *names, struct trace_filter *filter)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	size_t count = 0;
	uint32_t rule;

	if (*text >= '0' && *text <= '9' && !*end) {
		rule = (uint32_t)number;
		count = number < UINT32_MAX && names_rule(names, rule) ? 1 : 0;
	} else {
		count = names_rule_find(names, text, &rule);
	}
	if (!count)
		return fail("there is no rule \"%s\" in force", text);
	if (count == 1)
		filter->sink.rule = rule;
	else
		filter->rule = text;
	return 0;
}

int trace_filter_parse(const struct words *words, const struct names *names,
		       struct trace_filter *filter)
{
	const char *protocol = word_value(words, "proto"), *port = word_value(words, "port");
	const char *pod = word_value(words, "pod"), *rule = word_value(words, "rule");
	int error = 0;

	*filter = (struct trace_filter){0};
	if (word_flag(words, "drops"))
		filter->sink.flags |= SINK_DROPS;
	if (word_flag(words, "all"))
		filter->sink.flags |= SINK_ALL;
	if (port)
		error = filter_port(port, &filter->sink.protocol, &filter->sink.port);
	if (!error && protocol)
		error = filter_protocol(protocol, &filter->sink.protocol);
	if (!error && pod)
		error = filter_pod(pod, names, &filter->sink.ifindex);
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
	return (!filter->rule || names_rule_is(names, event->rule, filter->rule)) &&
	       filter_matches(filter->prefixes[0], filter->prefix_count[0], &source) &&
	       filter_matches(filter->prefixes[1], filter->prefix_count[1], &destination);
}
