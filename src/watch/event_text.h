/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An event in words. */
#ifndef NPCTL_WATCH_EVENT_TEXT_H
#define NPCTL_WATCH_EVENT_TEXT_H

#include <time.h>
#include "watch/labels.h"

/*
 * {"time", "verdict": "allow"|"drop", "direction", "subject", "source", "source_port",
 *  "source_pod", "destination", …, "protocol", "flags", "size", "reason", "tier", "rule", …,
 *  "hook": "user"|"container", "uid", "user", "pid", "command", "cgroup"};
 * what is not known is left out.
 */
json_t *event_json(const struct names *names, const struct event *event);
/* Why, for people: "rule: default/web ingress[0]", "spoofed source address". Freed by the caller.
 */
char *event_why(const struct names *names, const struct event *event);

/* The process that asked, "perl (pid 7)", for events of containers, else NULL. Freed by the caller.
 */
char *event_process(const struct event *event);

/*
 * One end for people: "default/web 10.0.0.1:80", "host …" for the pod's own node, the process where
 * there is no packet; without the address only what has no name bears it. Freed by the caller.
 */
char *event_end(const struct names *names, const struct event *event, bool source,
		bool with_address);
/* "TCP SYN", "ICMP 8/0", "UDP", "ether 0x88cc"; a static buffer. */
const char *event_protocol(const struct event *event);
/* The packet's bytes, "" where there is none. Freed by the caller. */
char *event_size(const struct event *event);

/* Its "reason" and, where a rule decided, "tier", "rule" and "rule_number". */
void event_rule_json(json_t *object, const struct names *names, const struct event *event);
/* "uid" and "user". */
void event_user_json(json_t *object, uint32_t uid);

/* "2026-11-21T04:05:06Z" */
#define TIME_TEXT 24
const char *time_utc(time_t time, char text[static TIME_TEXT]);

void event_source(const struct event *event, struct address *address);
void event_destination(const struct event *event, struct address *address);
/* Wall-clock time of a CLOCK_MONOTONIC stamp, microseconds since 1970. */
uint64_t event_wall_us(const struct event *event);
/* "SYN,ACK"; a rotating static buffer. */
const char *tcp_flags_text(uint8_t flags);

#endif
