/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one way in which anything changes: compile what the documents say,
 * write it beside what is in force, flip settings.version, free the old.
 */
#ifndef NPCTL_COMMIT_ENFORCE_H
#define NPCTL_COMMIT_ENFORCE_H

#include "store/instance.h"
#include "model/model.h"
#include "compile/numbers.h"

/* The model of all documents, with the attached pods and devices as subjects. */
int enforce_model(struct instance *instance, struct model **model);
/* The same with the candidate, what it says apart on its own side. */
int enforce_model_both(struct instance *instance, struct model **model);
/* The model with these one-line rules, an array, instead of all there are. */
int enforce_model_with(struct instance *instance, const json_t *rules, struct model **model);
/* The model with the candidate, compiled. */
int enforce_plan(struct instance *instance, struct plan **plan);

/* All or nothing; without a loaded datapath only the documents change. */
int enforce_commit(struct instance *instance);

/*
 * From here on what is committed waits to be confirmed for so many seconds, and is taken back
 * by the datapath when it is not; 0: it stays.
 */
void enforce_confirm(uint64_t seconds);
/*
 * From here on enforce_commit() shows what it would put in force to `look`, and goes on
 * if that returns 0; else it returns what that returned, and nothing changed. NULL: to nobody.
 */
typedef int enforce_look(struct instance *instance, struct model *model, const struct plan *plan);
void enforce_look_at(enforce_look *look);
/* Either of these: what is not taken back must not be done. */
bool enforce_is_tentative(void);

/*
 * Commits of the instance at `root`, which must outlive this, wait for
 * enforce_end(): what all commands up to there change is one change, in force as
 * a whole or not at all. With `checks`, what does not compile fails at once.
 */
void enforce_begin(const char *root, bool checks);
int enforce_end(bool commit);
/* The last commit failed for what the documents say, not for want of room or the like. */
bool enforce_refused(void);

/* The numbers in force; none when nothing is. */
int enforce_numbers(struct instance *instance, struct numbers **numbers);

/*
 * "attachments" document, an array of
 * {"subject": "ns/pod"|"dev:IF"|"user:IF", "interface": IF, "ifindex": N, "by": "tcx"|"clsact",
 *  "strict": true} or {"subject": "cgroup:PATH", "cgroup_id": N, "by": "cgroup"}.
 * What the CNI plugin attached says more of the pod's end: {"addresses": ["10.0.0.5", …],
 * "mac", "netns": PATH}, and has a record in a document "cni/NETWORK" (cni/network.h).
 */

#endif
