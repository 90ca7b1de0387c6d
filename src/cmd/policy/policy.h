/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The verbs of `policy`, which live in several files. */
#ifndef NPCTL_CMD_POLICY_POLICY_H
#define NPCTL_CMD_POLICY_POLICY_H

#include "words/command.h"
#include "store/instance.h"
#include "model/model.h"
#include "compile/numbers.h"
#include "store/documents.h"

int policy_allow(struct context *context, const struct words *words);
int policy_deny(struct context *context, const struct words *words);
int policy_turn(struct context *context, const struct words *words);
int policy_default(struct context *context, const struct words *words);
int policy_apply(struct context *context, const struct words *words);
int policy_delete(struct context *context, const struct words *words);
int policy_delete_files(struct context *context, const struct words *words);
int policy_list(struct context *context, const struct words *words);
int policy_show(struct context *context, const struct words *words);
int policy_lint(struct context *context, const struct words *words);
int policy_explain(struct context *context, const struct words *words);
int policy_diff(struct context *context, const struct words *words);
int policy_verify(struct context *context, const struct words *words);
int policy_wait(struct context *context, const struct words *words);
int policy_export(struct context *context, const struct words *words);
int policy_preset(struct context *context, const struct words *words);
int policy_history(struct context *context, const struct words *words);
int policy_blame(struct context *context, const struct words *words);
int policy_rollback(struct context *context, const struct words *words);
int policy_shadow(struct context *context, const struct words *words);
int policy_promote(struct context *context, const struct words *words);
int policy_guard(struct context *context, const struct words *words);
int policy_refresh(struct context *context, const struct words *words);

extern const struct option policy_line_options[], policy_default_options[], policy_apply_options[],
    policy_delete_options[], policy_list_options[], policy_show_options[], policy_lint_options[],
    policy_explain_options[], policy_diff_options[], policy_verify_options[], policy_wait_options[],
    policy_export_options[], policy_preset_options[], policy_history_options[],
    policy_rollback_options[], policy_guard_options[], policy_shadow_options[],
    policy_promote_options[];

/* A new reference; an empty array when the document is not there. */
json_t *document_array(struct instance *instance, const char *name);

struct manifest;
struct manifests;
/* Users and interfaces of an endpoint are there; else fail() with the line. */
int endpoint_check(const struct manifests *manifests, const struct manifest *manifest);
/* Puts users under enforcement at every interface that an endpoint names; rows tell of it. */
int endpoints_attach(struct instance *instance, json_t *rows);
/* Takes off again, where that did it, what no endpoint names any more. `rows` may be NULL. */
int endpoints_release(struct instance *instance, json_t *rows);
/* Warns of what stays for safety's sake. */
void endpoints_warn(struct instance *instance);

/* The nth of whom the rules are for, over all options; NULL: there are no more. */
int subject_of_words(const struct words *words, size_t n, char **subject);
/* Takes over rows of rules with their "id" and "state". */
void rules_say(struct context *context, json_t *rows);

/*
 * For those that change something. --confirm TIME: what they commit waits, see store/waiting.h;
 * --dry-run: it is shown what it would do, and not done. --shadow: it becomes a part of the
 * candidate, see commit/shadow.h.
 */
#define TENTATIVE_CHANGE_OPTIONS                                                              \
	{                                                                                     \
	    "confirm", VALUE_TEXT, "TIME", "taken back after TIME without `npctl confirm`",   \
	    0,	       false},                                                                \
	{                                                                                     \
		"dry-run", VALUE_NONE, NULL, "show what would change, and change nothing", 0, \
		    false                                                                     \
	}
#define TENTATIVE_OPTIONS                                                                       \
	TENTATIVE_CHANGE_OPTIONS,                                                               \
	{                                                                                       \
		"shadow", VALUE_NONE, NULL, "try it beside what is in force: policy shadow", 0, \
		    false                                                                       \
	}
/* Takes over rows as reach_diff() makes them. */
void verdicts_show(const struct out *out, json_t *rows);
/* Rows as changes_rows() makes them, a line each. */
void changes_print(const json_t *changes);
int tentative_words(struct context *context, const struct words *words);
int dry_run_words(const struct context *context, const struct words *words);

/* --open, for commands that may take the last allow rule away. */
extern const struct option policy_open_option[];
/* Notes in the defaults, and in `kept`, that the rule's direction and subject stay closed. */
void keep_closed(struct instance *instance, const json_t *rule, json_t *kept);
void kept_say(const struct context *context, struct instance *instance, const json_t *kept);

/* Versions that were: history.h. */
bool word_is_version(const char *word);
int version_of_word(const char *word, uint32_t *version);
/* What the user said in one version and in another, or now. */
int past_diff(struct context *context, const struct words *words);
/* The model with what the user said then; the instance is good for nothing else afterwards. */
int past_model(struct instance *instance, const char *version, struct model **model);

/* The hit counts of a loaded datapath, for listing.h. */
struct hits {
	struct numbers *numbers;
	int counters; /* map; -1: not loaded */
};
int hits_open(struct hits *hits, struct instance *instance);
void hits_close(struct hits *hits);
bool hits_count(void *data, const struct signature *rule, struct counter *counter);

enum loaded_view {
	LOADED_RULES, /* what is attached, without the addresses of lists */
	LOADED_ALL,   /* as if every pod were attached */
	LOADED_MODEL, /* no plan yet: loaded_compile() makes it, of the subjects that are marked */
};

/* What an instance holds, compiled. */
struct loaded {
	struct instance *instance;
	struct model *model;
	struct plan *plan;
	struct hits hits;
	bool past;
	json_t *since; /* while it is linted */
};
int loaded_open(struct loaded *loaded, struct context *context, enum loaded_view view);
/* As it was after that version, without hits; `at` NULL: now. */
int loaded_open_at(struct loaded *loaded, struct context *context, enum loaded_view view,
		   const char *at);
int loaded_compile(struct loaded *loaded);
void loaded_close(struct loaded *loaded);

#endif
