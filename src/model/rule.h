/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The documents "rules" and "defaults", as the one-line commands change them. */
#ifndef NPCTL_MODEL_RULE_H
#define NPCTL_MODEL_RULE_H

#include <jansson.h>
#include <stdbool.h>
#include "model/model.h"

/* What a command says of a rule; texts as the user wrote them. */
struct line_words {
	bool allow, egress;
	const char *peer; /* NULL: the list */
	const char *list;
	const char *subject; /* NULL: every one */
	const char *rate;    /* "100/s:10"; NULL: none */
	const char *grace;   /* of a name's old addresses, in seconds; NULL: as usual */
	const char *between; /* "08:00-18:00"; NULL: always */
	const char *preset;  /* that it comes from; NULL: none */
	json_t *ports;	     /* array of texts, borrowed */
};

/* fail() when the subject "user:IF:WHO" of a rule names nobody there is. */
int subject_user_check(const char *subject);

/* LINE_TURNED: an allow rule became a deny rule, or the other way round. */
enum line_change { LINE_ADDED, LINE_REPLACED, LINE_TURNED, LINE_KEPT };
const char *line_change_word(enum line_change change);

/* The rule as the document holds it, its words made canonical. A new reference. */
int line_make(struct model *model, const struct line_words *words, json_t **rule);
/* Whom a word means, as the document holds it; NULL: every one. A new reference. */
int line_subject(struct model *model, const char *word, json_t **subject);
/* How many of the model's subjects labels such as "app=web" select. */
size_t subject_pods(struct model *model, const char *selector);
/*
 * Puts the rule where it belongs: in place of the opposite on the same peer,
 * ports and subject, else at the end. The same rule again changes nothing.
 */
enum line_change lines_put(json_t *rules, json_t *rule, long *id);
/* Equal for rules of which the later takes the place of the earlier. */
struct signature line_sameness(const json_t *rule);
/* What `rule`, which it takes over, says anew on the same matter goes into `old`. */
enum line_change line_replace(json_t *old, json_t *rule, long *id);
/* Allow becomes deny, without a limit, and deny allow. */
void line_turn(json_t *rule);
/* Some rule is about the list. */
bool lines_name_list(const json_t *rules, const char *list);

/*
 * The last allow rule of that direction and subject is no more. It closed them to
 * all others, and so they stay, unless a default says so anyway. Whether that had
 * to be noted.
 */
bool defaults_keep_closed(json_t *defaults, const json_t *scope);
/* `verdict` NULL: as if nothing had been said. */
void defaults_put(json_t *defaults, const char *verdict, bool egress, const char *subject);

#endif
