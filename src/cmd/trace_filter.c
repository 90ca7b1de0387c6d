// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/trace_filter.h"
#include "kernel/event_text.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of a pod its addresses, all of them; else an address or prefix. */
static int parse_end(const char *text, const struct names *names, struct prefix *prefixes,
		     size_t *count)
{
	struct address addresses[TRACE_PREFIXES];
	int found;

	if (!prefix_parse(text, &prefixes[0])) {
		*count = 1;
		return 0;
	}
	found = names_pod_addresses(names, text, addresses, TRACE_PREFIXES);
	if (found < 0)
		return fail("\"%s\" is neither an address, a prefix nor a pod", text);
	*count = found < TRACE_PREFIXES ? found : TRACE_PREFIXES;
	for (size_t i = 0; i < *count; i++)
		prefixes[i] = (struct prefix){addresses[i], addresses[i].family == 4 ? 32 : 128};
	return 0;
}

static int take_ends(const struct words *words, const struct names *names,
		     struct trace_filter *filter)
{
	static const char *const options[2] = {"from", "to"};

	for (int end = 0; end < 2; end++) {
		const char *text = word_value(words, options[end]);
		const struct prefix *prefix = &filter->prefixes[end][0];

		if (!text)
			continue;
		if (parse_end(text, names, filter->prefixes[end], &filter->prefix_count[end]))
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

static int take_protocol(const char *text, struct sink *sink)
{
	if (!ip_protocol_parse(text, &sink->protocol))
		return misuse("\"%s\" is not a protocol (tcp, udp, sctp, icmp, icmpv6 or a number)",
			      text);
	return 0;
}

/* tcp/80 or 80 */
static int take_port(const char *text, struct sink *sink)
{
	const char *slash = strchr(text, '/'), *port = slash ? slash + 1 : text;
	unsigned long number;
	char *end;

	if (slash) {
		char *protocol = xstrdup(text);
		int error;

		protocol[slash - text] = '\0';
		error = take_protocol(protocol, sink);
		free(protocol);
		if (error)
			return error;
	}
	errno = 0;
	number = strtoul(port, &end, 10);
	if (*end || *port < '0' || *port > '9' || errno || !number || number > UINT16_MAX)
		return misuse("\"%s\" is not a port (80 or tcp/80; from 1 to 65535)", text);
	sink->port = (uint16_t)number;
	return 0;
}

static int take_pod(const char *pod, const struct names *names, struct sink *sink)
{
	struct address none;

	sink->ifindex = names_ifindex(names, pod);
	if (sink->ifindex)
		return 0;
	if (names_pod_addresses(names, pod, &none, 0) < 0)
		return fail("pod \"%s\" does not exist", pod);
	fail("pod \"%s\" is not attached: nothing is seen of it", pod);
	return fail_mend("npctl attach pod %s", pod);
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
		error = take_port(port, &filter->sink);
	if (!error && protocol)
		error = take_protocol(protocol, &filter->sink);
	if (!error && pod)
		error = take_pod(pod, names, &filter->sink);
	if (!error && rule)
		error = take_rule(rule, names, filter);
	return error ? error : take_ends(words, names, filter);
}

static bool is_among(const struct prefix *prefixes, size_t count, const struct address *address)
{
	bool among = !count;

	for (size_t i = 0; i < count && !among; i++)
		among = prefix_contains(&prefixes[i], address);
	return among;
}

bool trace_filter_wants(const struct trace_filter *filter, const struct names *names,
			const struct event *event)
{
	struct address source, destination;

	event_source(event, &source);
	event_destination(event, &destination);
	return (!filter->rule || names_rule_is(names, event->rule, filter->rule)) &&
	       is_among(filter->prefixes[0], filter->prefix_count[0], &source) &&
	       is_among(filter->prefixes[1], filter->prefix_count[1], &destination);
}
