/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one-line rules as records, with the indexes that a change needs: by
 * number, by what makes two the same, by the addresses of their peer, and how
 * many there are for whom.
 */
#ifndef NPCTL_STORE_RULE_STORE_H
#define NPCTL_STORE_RULE_STORE_H

#include <jansson.h>
#include "base/cidr.h"
#include "base/content.h"
#include "model/rule.h"
#include "store/tree.h"

struct rule_store {
	struct tree *records;
	/* peers of the rules that came, changed or went since the commit */
	struct prefix *touched;
	size_t touched_count, touched_capacity;
	struct list32 changed; /* their numbers; some more than once */
	/*
	 * Some of these were about something else than a prefix; or for somebody the first
	 * allow, or the first rule at all, came, or the last went.
	 */
	bool reshaped;
	/* A prefix of a length came that none had, or the last of one went. */
	bool lengths_changed;
};

/* Puts the rule where lines_put() would; takes over `rule`. FAILED when there is no room. */
int rule_store_put(struct rule_store *store, json_t *rule, enum line_change *change, long *id);
bool rule_store_remove(struct rule_store *store, long id);
/* A new reference, NULL. */
json_t *rule_store_get(const struct rule_store *store, long id);
/* As it is in force; a new reference, NULL. */
json_t *rule_store_before(const struct rule_store *store, long id);
/* The rule takes the place of what there is under its number, if anything. */
int rule_store_set(struct rule_store *store, const json_t *rule);
/* As lines_turn() does; a new reference, NULL when there is no such rule. */
json_t *rule_store_turn(struct rule_store *store, long id);
/* There is none, and no number was given yet. */
bool rule_store_is_empty(const struct rule_store *store);
/* Some allow rule has the direction and the subject of `scope`. */
bool rule_store_allows(const struct rule_store *store, const json_t *scope);

/* All of them as an array with the sequence in front, as model/rule.h has it; and from one. */
json_t *rule_store_all(const struct rule_store *store);
int rule_store_set_all(struct rule_store *store, const json_t *rules);
/* The same array as text, freed by the caller. */
char *rule_store_text(const struct rule_store *store);

/*
 * The rules, sorted by number, whose peer is no prefix, or one that has
 * addresses in common with any of `windows`. False: they are more than `most`.
 */
bool rule_store_around(const struct rule_store *store, const struct prefix *windows, size_t count,
		       size_t most, json_t **rules);
/* Calls back for each length, of that family, that some rule's prefix has. */
void rule_store_lengths(const struct rule_store *store,
			void (*callback)(uint8_t family, uint8_t length, void *data), void *data);
/* For whom there are rules: {"direction", "action", "subject"} each. */
json_t *rule_store_scopes(const struct rule_store *store);
size_t rule_store_count(const struct rule_store *store);
/* The prefix that is the rule's peer; false when its peer is something else. */
bool rule_prefix(const json_t *rule, struct prefix *prefix);

/* Nothing is touched any more. */
void rule_store_settle(struct rule_store *store);

#endif
