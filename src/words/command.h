/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a subcommand is. Help, completion, the parser and the check of the man
 * pages all read it; a command file reads words, calls, prints.
 */
#ifndef NPCTL_WORDS_COMMAND_H
#define NPCTL_WORDS_COMMAND_H

#include "base/base.h"
#include "out/out.h"

/* What a value is: for the parser's checks, help and completion. */
enum value {
	VALUE_NONE, /* a flag */
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_FILE,
	VALUE_DIR,
	VALUE_POD,
	VALUE_DEV,
	VALUE_PEER,
	VALUE_PORT, /* tcp/80, udp/53-60, icmp/8, 80 */
	VALUE_MAP,
	VALUE_USER,
	VALUE_CGROUP,
	VALUE_POLICY,
	VALUE_PRESET,
	VALUE_COMMAND,
	VALUE_CHOICE, /* one of `choices`, separated by | */
};

struct option {
	const char *name; /* without the dashes */
	enum value value;
	const char *metavar; /* POD, FILE …; for VALUE_CHOICE the choices "a|b" */
	const char *help;
	char letter; /* -f for --file; 0 for none */
	bool repeats;
};

struct context {
	struct out out;
	const char *root;   /* /sys/fs/bpf/npctl unless --root or NPCTL_ROOT */
	bool help, version; /* --help, --version: shown instead of anything done */
	int depth; /* of files and prompts that the line came through; 0: typed to a shell */
	void (*after)(void); /* called once when the command has ended; NULL */
};

/* What the user wrote after the verb, checked against its options. */
struct words {
	int count; /* positional words */
	char **word;
	/* everything after "--", NULL when there was none */
	char **rest;
	struct given {
		const struct option *option;
		const char *value;
	} * given;
	size_t given_count;
};

bool word_flag(const struct words *words, const char *name);
const char *word_value(const struct words *words, const char *name); /* NULL */
/* The nth value of an option that repeats, or NULL. */
const char *word_nth(const struct words *words, const char *name, size_t n);
/* Leaves *value as it is when absent; MISUSED when no number or out of range. 16M is 16 << 20. */
int word_number(const struct words *words, const char *name, uint64_t least, uint64_t most,
		uint64_t *value);

struct verb {
	const char *name;	      /* "" when the command itself takes the words */
	const char *synopsis;	      /* positional words, as in help: "pod POD|dev IF" */
	const char *help;	      /* one line */
	int least, most;	      /* how many positional words; most < 0: any number */
	const struct option *options; /* ends with a NULL name */
	int (*run)(struct context *context, const struct words *words);
	const char *arguments; /* what completes: "pod|dev POD|DEV" or NULL */
};

struct command {
	const char *name;
	const char *help;	  /* NULL: not shown to people */
	const struct verb *verbs; /* ends with a NULL name */
};

/* All of them, in the order in which help shows them; ends with NULL. main() says which. */
extern const struct command *const *commands;
extern const struct command command_help, command_complete;

/* Runs one line of words: global options, the command, what it takes; 0, FAILED, MISUSED. */
int command_run(struct context *context, int argc, char **argv);

#endif
