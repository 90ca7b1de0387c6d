// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "words/command.h"
#include "cmd/test/test.h"
#include "store/networks.h"
#include "base/port.h"
#include "net/probe.h"
#include "net/topo.h"
#include "store/documents.h"

#define DEFAULT_TIMEOUT_MS 2000
#define LONGEST_TIMEOUT_MS 3600000

/* What the user wants tried, in the user's words. */
struct wish {
	const char *from, *to, *port, *expect;
	int family; /* 0: the first address of the pod */
	int timeout_ms;
};

/* "2s", "500ms", "1.5" (seconds) */
static int read_timeout(const char *text, int *timeout_ms)
{
	char *unit;
	double value;

	if (!text)
		return 0;
	value = strtod(text, &unit);
	if (!strcmp(unit, "s") || !*unit)
		value *= 1000;
	else if (strcmp(unit, "ms"))
		value = 0;
	if (!(value >= 1 && value <= LONGEST_TIMEOUT_MS) || *text < '0' || *text > '9')
		return misuse("option --timeout: \"%s\" is not a time such as 2s or 500ms", text);
	*timeout_ms = value;
	return 0;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* `wish->family` 0 takes the first. */
static int pod_address(const json_t *pod, const struct wish *wish, struct address *address)
{
	json_t *addresses = json_object_get(pod, "addresses"), *each;
	size_t i;

	json_array_foreach (addresses, i, each) {
		struct prefix prefix;
		char *text = xstrdup(json_string_value(each));

		text[strcspn(text, "/")] = '\0';
		if (!prefix_parse(text, &prefix) &&
		    (!wish->family || wish->family == prefix.address.family)) {
			*address = prefix.address;
			free(text);
			return 0;
		}
		free(text);
	}
	return fail("pod \"%s\" has no IPv%d address", wish->to, wish->family);
}

static int fail_no_topology(const char *pod)
{
	fail("pod \"%s\" does not exist: no topology is up", pod);
	return fail_mend("npctl topo up");
}

/* Names in the probe belong to `record`; pods in the wish get their full names. */
static int fill_probe(const json_t *record, struct wish *wish, struct probe *probe)
{
	const json_t *pod;
	struct port port;

	*probe = (struct probe){.timeout_ms = wish->timeout_ms};
	if (port_parse(wish->port, &port))
		return misuse("option --port: \"%s\" is not a port such as tcp/80, nor icmp",
			      wish->port);
	probe->protocol = port.protocol;
	probe->port = port.number;
	if (strcmp(wish->from, "host")) {
		pod = record ? topo_pod(record, wish->from) : NULL;
		if (!pod)
			return record ? FAILED : fail_no_topology(wish->from);
		wish->from = text_of(pod, "pod");
		probe->netns = text_of(pod, "netns");
	}
	if (!address_parse(wish->to, &probe->to))
		return 0;
	pod = record ? topo_pod(record, wish->to) : NULL;
	if (!pod)
		return record ? FAILED : fail_no_topology(wish->to);
	wish->to = text_of(pod, "pod");
	return pod_address(pod, wish, &probe->to);
}

/* A refusal or an unreachable host is neither: no policy of npctl's answers so. */
static const char *result_word(const struct probe *probe)
{
	if (probe->connected)
		return "connected";
	switch (probe->error) {
	case ETIMEDOUT:
	case EPERM:
	case EACCES:
	case ENOBUFS:
		return "blocked";
	case ECONNREFUSED:
		return "refused";
	}
	return "failed";
}

static bool is_expected(const struct wish *wish, const char *result)
{
	if (!wish->expect)
		return true;
	return !strcmp(result, strcmp(wish->expect, "allow") ? "blocked" : "connected");
}

static json_t *row_of(const struct wish *wish, const struct probe *probe)
{
	const char *result = result_word(probe);
	char address[ADDRESS_TEXT];
	json_t *row =
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:f}", "from", wish->from, "to", wish->to,
		      "address", address_text(&probe->to, address), "port", wish->port, "result",
		      result, "ms", (double)probe->elapsed_us / 1000);

	if (*probe->answer)
		json_object_set_new(row, "answer", out_string(probe->answer));
	if (!probe->connected)
		json_object_set_new(row, "error", json_string(strerror(probe->error)));
	if (wish->expect) {
		json_object_set_new(row, "expected", json_string(wish->expect));
		json_object_set_new(row, "outcome",
				    json_string(is_expected(wish, result) ? "PASS" : "FAIL"));
	}
	return row;
}

/* People are told who answered only where it is not who was asked. */
static void leave_out_answers(json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (json_equal(json_object_get(row, "answer"), json_object_get(row, "to")))
			json_object_del(row, "answer");
}

static int try_all(struct context *context, const json_t *record, struct wish *wishes, size_t count)
{
	static const struct column columns[] = {
	    {.key = "from"},
	    {.key = "to"},
	    {.key = "address"},
	    {.key = "port"},
	    {.key = "result", .paint = paint_verdict},
	    {.key = "ms", .right = true},
	    {.key = "answer"},
	    {.key = "error"},
	    {.key = "expected"},
	    {.key = "outcome", .paint = paint_verdict},
	};
	struct probe *probes = xalloc(count * sizeof(*probes));
	json_t *rows = json_array();
	int error = 0;

	for (size_t i = 0; i < count && !error; i++)
		error = fill_probe(record, &wishes[i], &probes[i]);
	if (!error)
		error = probes_run(probes, count);
	for (size_t i = 0; i < count && error != FAILED && error != MISUSED; i++) {
		json_array_append_new(rows, row_of(&wishes[i], &probes[i]));
		if (!is_expected(&wishes[i], result_word(&probes[i])))
			error = REPORTED;
	}
	if (!context->out.json)
		leave_out_answers(rows);
	if (error == FAILED || error == MISUSED)
		json_decref(rows);
	else
		out_table(&context->out, rows, columns, ARRAY_SIZE(columns), "");
	free(probes);
	return error;
}

/* 0: none of the words that say what to try was given. */
static int read_wish(const struct words *words, struct wish *wish)
{
	const char *family = word_value(words, "family");

	wish->from = word_value(words, "from");
	wish->to = word_value(words, "to");
	wish->port = word_value(words, "port");
	wish->expect = word_value(words, "expect");
	wish->family = family ? atoi(family) : 0;
	wish->timeout_ms = DEFAULT_TIMEOUT_MS;
	if (read_timeout(word_value(words, "timeout"), &wish->timeout_ms))
		return MISUSED;
	if (!wish->from != !wish->to || !wish->to != !wish->port) {
		misuse("test connect needs --from, --to and --port together, or none of them");
		fail_mend("npctl help test connect");
		return MISUSED;
	}
	return 0;
}

int test_connect(struct context *context, const struct words *words)
{
	struct wish wishes[2] = {};
	struct instance *instance;
	json_t *record;
	size_t count = 1;
	int error = read_wish(words, &wishes[0]);

	if (error)
		return error;
	if (!wishes[0].to) {
		wishes[0].to = "default/backend";
		wishes[0].port = "tcp/8080";
		wishes[1] = wishes[0];
		wishes[0].from = "default/allowed";
		wishes[1].from = "default/denied";
		count = 2;
	}
	error = instance_open(&instance, context->root, ACCESS_TRY);
	if (error)
		return error;
	record =
	    instance ? networks_with_topology(instance, document_get(instance, "topology")) : NULL;
	instance_close(instance);
	error = try_all(context, record, wishes, count);
	json_decref(record);
	return error;
}

const struct option test_connect_options[] = {
    {"from", VALUE_POD, "POD|host", "who connects", 0, false},
    {"to", VALUE_PEER, "POD|ADDRESS", "where to", 0, false},
    {"port", VALUE_PORT, "PORT", "tcp/80, udp/53, sctp/9 or icmp", 0, false},
    {"family", VALUE_CHOICE, "4|6", "which of the pod's addresses (the first)", 0, false},
    {"expect", VALUE_CHOICE, "allow|deny", "exit status 1 when it goes otherwise", 0, false},
    {"timeout", VALUE_TEXT, "TIME", "how long to wait for an answer (2s)", 0, false},
    {0},
};
