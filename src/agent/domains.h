/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The names that rules speak of, kept up to date. */
#ifndef NPCTL_AGENT_DOMAINS_H
#define NPCTL_AGENT_DOMAINS_H

#include <time.h>
#include "store/instance.h"

/*
 * Before a commit that changed the rules: resolves the names that are new
 * among them and forgets those that are gone. Fails when one does not resolve.
 */
int domains_settle(struct instance *instance);
/*
 * Asks for the name, if the word is one, before the instance is locked: a dead
 * name server then keeps nobody waiting. The next domains_settle() has the answer.
 */
void domains_ask_early(const char *word);

/* Kept by who stays; zero at first, and free it with domains_clock_release(). */
struct domains_clock {
	json_t *due; /* NAME -> when its answer's lifetime ends */
	time_t next; /* set: when the next of them is due; 0: there are no names */
};

/*
 * Resolves again the names whose lifetime has ended, by the clock; without one
 * (NULL), all. What an answer leaves out stays for its grace time, and while
 * open flows need it. Commits only when something has changed. `rows` (or
 * NULL): {"name", "state": "changed"|"unchanged"|"failed", "lifetime",
 * "addresses", "problem"}. FAILED when a name could not be resolved, after all
 * others were: its addresses stay. Takes the instance's lock only to write.
 *
 * Who stays calls it again at clock->next, and when the rules have changed.
 */
int domains_refresh(const char *root, struct domains_clock *clock, json_t **rows);
void domains_clock_release(struct domains_clock *clock);

#endif
