/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One resource of an API server: listed by pages, then watched from that
 * version on, and listed again when the version is gone.
 */
#ifndef NPCTL_AGENT_FOLLOW_H
#define NPCTL_AGENT_FOLLOW_H

#include "agent/request.h"
#include "agent/source.h"

struct resource {
	const char *path, *kind, *version;
	bool optional; /* not every API server has it */
};

enum following { PAUSED, LISTING, WATCHING, ASKING };

struct follow {
	const struct resource *resource;
	struct source *source;
	const struct cluster *cluster;
	CURLM *multi;
	struct request request;
	enum following state;
	int64_t due_ms;	   /* when paused: until then */
	unsigned failures; /* one after the other */
	int64_t began_ms;  /* the request that runs */
	char *version;	   /* to watch from; NULL: list first */
	char *next_page;   /* or NULL */
	uint32_t round;	   /* of the list that runs */
	bool listed;	   /* once at least */
	bool known; /* the server had it, when it was asked last, or an earlier agent found some */
	int64_t missed_ms; /* since when it has not; 0: it has */
	/* then it is asked whether it is ready: not yet asked; it is; it does not say */
	enum { UNASKED, READY, UNKNOWN } ready;
	bool failing;
	bool back;	  /* it was failing, and was answered */
	bool heard, gone; /* of the watch that runs: something came; its version is forgotten */
	char *buffer;
	size_t length, capacity;
	char *fault; /* why its transfer was given up */
};

void follow_start(struct follow *follow); /* what is due */
/* Its request has ended. */
void follow_ended(struct follow *follow, CURLcode code);
/* The server answers others again: no reason to wait for long. */
void follow_hurry(struct follow *follow);
/* From the beginning, at once. */
void follow_relist(struct follow *follow);
void follow_release(struct follow *follow);

#endif
