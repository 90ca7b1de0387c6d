/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One screen for all of it. A loop that never waits long: keys, events, the
 * output of a command under way, and every second a look at the instance.
 */
#ifndef NPCTL_TOP_TOP_H
#define NPCTL_TOP_TOP_H

#include <sys/types.h>
#include "words/command.h"
#include "watch/listener.h"
#include "watch/labels.h"

#define LOG_LINES 2048
#define HISTORY 120 /* looks that a graph remembers */
#define PROGRAMS 16
#define PROMPT_SIZE 256

/* Events and what commands print, in the order in which they came. */
struct log {
	struct log_line {
		char *text;
		enum paint paint;
	} line[LOG_LINES];
	uint64_t count; /* so far; the last LOG_LINES are kept */
};

void log_add(struct log *log, enum paint paint, const char *format, ...) PRINTF(3, 4);
/* The nth so far; NULL when it is kept no more. */
const struct log_line *log_get(const struct log *log, uint64_t n);
/* All words of the filter are in it, in any case. */
bool log_matches(const struct log_line *line, const char *filter);
void log_release(struct log *log);

/* Commands, one after the other, each in a process of its own: the screen goes on. */
struct job {
	pid_t pid; /* 0: none */
	int output;
	bool steps;    /* -x */
	char *partial; /* of a line */
	struct line {
		char **word;
		int count;
		struct line *next;
	} * line;		  /* the first one is under way when there is a pid */
	void (*then)(void *data); /* when all have done well */
	void *data;
};

/* Words are split at spaces; the last one given is NULL. */
void job_add(struct job *job, const char *words, ...) __attribute__((sentinel));
/* Starts, reads, ends; false when nothing changed. */
bool job_step(struct job *job, const struct context *context, struct log *log);
bool job_runs(const struct job *job);
void job_end(struct job *job);

/* What a look at the instance found. */
struct look {
	bool present, loaded, has_topology;
	uint32_t version;  /* of the policy that `states` is about */
	json_t *endpoints; /* {"pod", "address", "ports", "state"} */
	json_t *states;	   /* by subject: "policy", "open" */
	json_t *rules, *programs;
	double seconds; /* since the look before */
	struct timespec at;
	char *trouble; /* why there is nothing to see; NULL */
};

struct history {
	char name[32];
	uint64_t runs;				   /* so far */
	double runs_per_second, ns_per_run, share; /* of a processor */
	float past[HISTORY];			   /* shares */
	unsigned int count;
};

struct prompt {
	const char *label; /* NULL: none */
	char text[PROMPT_SIZE];
	bool one_key; /* y or anything else */
	void (*done)(void *data, const char *text);
};

struct top {
	struct context *context;
	struct log log;
	struct job job;
	struct look look;
	struct history history[PROGRAMS];
	size_t programs;
	struct names *names;
	struct listener *listener;
	ino_t sinks; /* inode of the pin that we listen at */
	uint64_t events[2], lost;
	char filter[PROMPT_SIZE];
	char *peer;	    /* of a rule that is being asked for */
	uint64_t paused_at; /* lines in the log */
	bool paused, help, changed, ended;
	char *selected;	   /* key of a rule; NULL: none */
	size_t first_rule; /* shown */
	int rule_lines;	   /* of the screen, for a page */
	struct prompt prompt;
};

int top_run(struct context *context, uint64_t interval_s);

/* What a rule is known by whether it allows or denies; freed by the caller. */
char *rule_key(const json_t *row);
/* The number of a one-line rule; 0 for others. */
long rule_id(const json_t *row);
/* Where the selected rule stands, -1 when none is. */
ssize_t rule_selected(const struct top *top);

/* Reads anew what the screen shows. */
void look_now(struct top *top);
void look_release(struct look *look);
/* Takes what is in the ring, and as little time as that takes. */
void listen_now(struct top *top);
void listen_end(struct top *top);

/* The terminal; given back at any exit. */
int screen_open(const struct context *context);
void screen_close(void);
void screen_draw(struct top *top);
/* Appends what the screen shows and all of the log. */
int screen_save(struct top *top, const char *file);

/* The terminal as it is; from `begin` to `end` a crash restores it. */
void crash_remember(void);
void crash_begin(void);
void crash_end(void);

void key_pressed(struct top *top, int key);
extern const char *const key_help[];

#endif
