// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/watch/trace_filter.h"
#include "cmd/watch/trace_stack.h"
#include "base/interrupt.h"
#include "watch/event_text.h"
#include "watch/listener.h"
#include "out/pcapng.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS 500
#define DEFAULT_RING (1 << 20)

struct trace {
	struct context *context;
	struct names *names;
	struct listener *listener;
	struct trace_filter filter;
	bool json;
	struct pcapng *pcap; /* instead of lines */
	uint64_t wanted;     /* events; 0: any number */
	uint64_t shown[2];   /* dropped, allowed */
	int width[2];	     /* of the ends' columns, as wide as they ever were */
	struct timespec end;
	bool ends;   /* at `end` */
	bool ending; /* what is in the ring already is still shown */
	char *pin;   /* of a map: gone or another's when the datapath was taken away */
	ino_t pin_inode;
};

static const char *time_text(const struct event *event)
{
	static char text[32];
	uint64_t wall_us = event_wall_us(event);
	time_t seconds = (time_t)(wall_us / 1000000);
	struct tm local;
	size_t length;

	localtime_r(&seconds, &local);
	length = strftime(text, sizeof(text), "%H:%M:%S", &local);
	snprintf(text + length, sizeof(text) - length, ".%06u", (unsigned int)(wall_us % 1000000));
	return text;
}

static void widen(int *width, const char *text)
{
	if ((int)strlen(text) > *width)
		*width = (int)strlen(text);
}

static void print_line(struct trace *trace, const struct event *event)
{
	const struct out *out = &trace->context->out;
	char *from = event_end(trace->names, event, true, true);
	char *to = event_end(trace->names, event, false, true);
	char *why = event_why(trace->names, event), *size = event_size(event);

	widen(&trace->width[0], from);
	widen(&trace->width[1], to);
	out_line(out, 17, "%s  %s  %-7s  %-*s -> %-*s  %-11s  %5s  %s",
		 painted(out, DIM, time_text(event)),
		 painted(out, event->allow ? GREEN : RED, event->allow ? "ALLOW" : "DROP "),
		 event->direction == INGRESS ? "ingress" : "egress", trace->width[0], from,
		 trace->width[1], to, event_protocol(event), *size ? size : "-", why);
	free(size);
	free(from);
	free(to);
	free(why);
}

static void print_json(const struct trace *trace, const struct event *event)
{
	struct out out = trace->context->out;

	out.json = true;
	out.pretty = false; /* one object a line */
	out_json(&out, event_json(trace->names, event));
}

/* "DROP default/a -> default/b: rule 3": for the one who opens the file. */
static void write_packet(struct trace *trace, const struct event *event)
{
	const struct packet_event *packet = (const struct packet_event *)event;
	const char *subject = names_subject(trace->names, event->ifindex);
	char *why = event_why(trace->names, event);
	char *comment = xprintf("npctl: %s %s of %s, %s", event->allow ? "ALLOW" : "DROP",
				event->direction == INGRESS ? "ingress" : "egress",
				subject ? subject : "?", why);
	struct pcapng_packet record = {
	    .ifindex = event->ifindex,
	    .subject = subject,
	    .time_us = event_wall_us(event),
	    .data = packet->data,
	    .length = packet->length,
	    .size = event->size,
	    .comment = comment,
	    /* a pod's ingress leaves through its host interface */
	    .outbound = event->direction == INGRESS,
	    .allowed = event->allow,
	};

	pcapng_write(trace->pcap, &record);
	free(comment);
	free(why);
}

static bool is_done(const struct trace *trace)
{
	return trace->wanted && trace->shown[0] + trace->shown[1] >= trace->wanted;
}

static int show_event(void *data, const struct event *event)
{
	struct trace *trace = data;

	if (is_done(trace))
		return 1;
	if (!trace_filter_wants(&trace->filter, trace->names, event))
		return 0;
	if (trace->pcap && !event->captured)
		return 0; /* a socket's verdict: there is no packet */
	trace->shown[!!event->allow]++;
	if (trace->pcap)
		write_packet(trace, event);
	else if (trace->json)
		print_json(trace, event);
	else
		print_line(trace, event);
	return is_done(trace) || (interrupted && !trace->ending) || ferror(stdout);
}

/* Milliseconds until the trace has to end, at most POLL_MS. */
static int time_left(const struct trace *trace)
{
	struct timespec now;
	int64_t left_ms;

	if (!trace->ends)
		return POLL_MS;
	clock_gettime(CLOCK_MONOTONIC, &now);
	left_ms =
	    (trace->end.tv_sec - now.tv_sec) * 1000 + (trace->end.tv_nsec - now.tv_nsec) / 1000000;
	return left_ms <= 0 ? 0 : left_ms < POLL_MS ? (int)left_ms : POLL_MS;
}

static bool reader_is_gone(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	return ferror(stdout) || (poll(&output, 1, 0) == 1 && output.revents & POLLERR);
}

/* Pods and rules may have got other names; the datapath may have been taken away. */
static int refresh(struct trace *trace)
{
	struct instance *instance;
	struct names *names;
	struct stat info;

	if (stat(trace->pin, &info) || info.st_ino != trace->pin_inode)
		return fail("the datapath was unloaded");
	if (!names_are_stale(trace->names))
		return 0;
	if (instance_open(&instance, trace->context->root, ACCESS_READ))
		return FAILED;
	if (!names_read(instance, &names)) {
		names_free(trace->names);
		trace->names = names;
		trace_filter_rules(&trace->filter, names);
		listener_rules(trace->listener, &trace->filter.sink);
	}
	instance_close(instance);
	return 0;
}

static int follow(struct trace *trace)
{
	int wait_ms, count = 0, error = 0;

	while (!interrupted && !is_done(trace) && !error) {
		wait_ms = time_left(trace);
		if (!wait_ms || reader_is_gone())
			break;
		count = listener_poll(trace->listener, wait_ms, show_event, trace);
		fflush(stdout);
		if (pcapng_flush(trace->pcap))
			error = FAILED;
		else if (count == -ESTALE)
			error = FAILED;
		else if (count < 0 && count != -EINTR)
			error = fail("wait for events: %s", strerror(-count));
		else
			error = refresh(trace);
	}
	return error;
}

static void say_listening(const struct trace *trace)
{
	if (quiet)
		return;
	fprintf(stderr, "npctl: listening for %s%s\n",
		trace->filter.sink.flags & SINK_ALL ? "all packets" : "verdicts",
		trace->filter.sink.flags & SINK_DROPS ? ", drops only" : "");
}

static void say_totals(const struct trace *trace)
{
	uint64_t sent, lost, shown = trace->shown[0] + trace->shown[1];

	listener_totals(trace->listener, &sent, &lost);
	fflush(stdout);
	if (!quiet)
		fprintf(stderr, "npctl: %llu event%s: %llu allowed, %llu dropped; %llu lost\n",
			(unsigned long long)shown, shown == 1 ? "" : "s",
			(unsigned long long)trace->shown[1], (unsigned long long)trace->shown[0],
			(unsigned long long)lost);
}

static int read_limits(struct trace *trace, const struct words *words, uint64_t *ring_bytes)
{
	uint64_t timeout_s = 0;
	int error = word_number(words, "count", 1, INT64_MAX, &trace->wanted);

	if (!error)
		error = word_number(words, "timeout", 1, INT32_MAX, &timeout_s);
	if (!error)
		error = word_number(words, "ring-size", 1, 1ull << 31, ring_bytes);
	trace->ends = timeout_s > 0;
	clock_gettime(CLOCK_MONOTONIC, &trace->end);
	trace->end.tv_sec += timeout_s;
	return error;
}

/* Nothing of the instance stays locked while we listen. */
static int begin(struct trace *trace, const struct words *words, size_t ring_bytes)
{
	const char *file = word_value(words, "pcap");
	struct instance *instance;
	struct stat info = {0};
	int error = instance_open(&instance, trace->context->root, ACCESS_READ);

	if (error)
		return error;
	error = names_read(instance, &trace->names);
	if (!error)
		error = trace_filter_parse(words, trace->names, &trace->filter);
	if (!error && file)
		error = pcapng_open(file, CAPTURE_BYTES, &trace->pcap);
	if (trace->pcap)
		trace->filter.sink.flags |= SINK_BYTES;
	if (!error)
		error = listener_open(instance, &trace->filter.sink, ring_bytes, &trace->listener);
	trace->pin = instance_path(instance, "maps", "sinks");
	if (!stat(trace->pin, &info))
		trace->pin_inode = info.st_ino;
	instance_close(instance);
	return error;
}

static int run_trace(struct context *context, const struct words *words)
{
	struct trace trace = {.context = context, .json = context->out.json};
	uint64_t ring_bytes = DEFAULT_RING;
	int error;

	if (word_flag(words, "stack") || word_flag(words, "folded"))
		return trace_stack(context, words);
	if (word_flag(words, "kernel"))
		return misuse("--kernel only goes with --stack or --folded");
	error = read_limits(&trace, words, &ring_bytes);
	if (!error && trace.json && word_value(words, "pcap"))
		error = misuse("--pcap and -j do not go together");
	if (error)
		return error;
	interrupt_catch();
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is seen when it is written to */
	error = begin(&trace, words, ring_bytes);
	if (error)
		goto out;
	say_listening(&trace);
	error = follow(&trace);
	trace.ending = true;
	listener_stop(trace.listener, show_event, &trace);
	if (pcapng_close(trace.pcap) && !error)
		error = FAILED;
	trace.pcap = NULL;
	say_totals(&trace);
	if (!error && trace.wanted && !is_done(&trace) && !interrupted && !ferror(stdout))
		error = REPORTED; /* time was up before --count was reached */
out:
	pcapng_close(trace.pcap);
	listener_close(trace.listener);
	names_free(trace.names);
	free(trace.pin);
	return error;
}

static const struct option options[] = {
    {"drops", VALUE_NONE, NULL, "only what was dropped", 0, false},
    {"all", VALUE_NONE, NULL, "every packet, those of known flows too", 0, false},
    {"shadow", VALUE_NONE, NULL, "every packet whose fate the candidate would change, and no other",
     0, false},
    {"from", VALUE_PEER, "PEER", "sent by this address, prefix or pod", 0, false},
    {"to", VALUE_PEER, "PEER", "sent to this address, prefix or pod", 0, false},
    {"pod", VALUE_POD, "POD", "judged for this pod", 0, false},
    {"port", VALUE_PORT, "PORT", "from or to this port: 80 or tcp/80", 0, false},
    {"proto", VALUE_TEXT, "PROTOCOL", "tcp, udp, sctp, icmp, icmpv6 or a number", 0, false},
    {"rule", VALUE_TEXT, "RULE", "judged by this rule, or by a rule of this policy", 0, false},
    {"user", VALUE_USER, "USER", "of this user's sockets: a name, a number, none", 0, false},
    {"cgroup", VALUE_CGROUP, "CGROUP",
     "of sockets in this cgroup or below: path, number, container", 0, false},
    {"count", VALUE_NUMBER, "N", "end after N events", 0, false},
    {"timeout", VALUE_NUMBER, "SECONDS",
     "end after so long; exit status 1 when --count was not reached", 0, false},
    {"pcap", VALUE_FILE, "FILE|-", "the packets as pcapng, verdict and rule as comments", 0, false},
    {"stack", VALUE_NONE, NULL, "at the end, where in the kernel packets were dropped or sent on",
     0, false},
    {"kernel", VALUE_NONE, NULL, "with --stack: the kernel's own drops at the pods, too", 0, false},
    {"folded", VALUE_NONE, NULL, "those stacks as lines for flame graphs", 0, false},
    {"ring-size", VALUE_NUMBER, "BYTES", "the buffer of events: 1M unless given", 0, false},
    {0},
};

static const struct verb verbs[] = {
    {"", "", "each verdict as it is given, with the rule that gave it", 0, 0, options, run_trace,
     NULL},
    {0},
};

const struct command command_trace = {"trace", "watch verdicts as they are given", verbs};
