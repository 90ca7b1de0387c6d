/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything that a plan says about two parties at once, and everything that
 * can be a party: proofs and differences are drawn from these.
 */
#ifndef NPCTL_QUESTIONS_REACH_H
#define NPCTL_QUESTIONS_REACH_H

#include "questions/matrix.h"

struct peer;

struct parties {
	struct party *item; /* of one family, each with its address */
	size_t count, capacity;
};

/* Every pod that `peer` means, and one address of every class outside the pods. */
void parties_find(struct parties *parties, const struct model *model, const struct plan *plan,
		  const struct peer *peer, uint8_t family);
void parties_release(struct parties *parties);

/* Whether a peer of a rule means that party. */
bool peer_means(const struct model *model, const struct peer *peer, const struct party *party);

/* What judges packets from one to the other: at most one table on each side. */
struct path {
	const struct plan *plan;
	const struct plan_table *egress, *ingress; /* NULL: not judged, or a pod itself */
	uint32_t egress_rule, ingress_rule;	   /* then this rule, or NO_RULE */
};

void path_find(struct path *path, const struct plan *plan, const struct party *from,
	       const struct party *to);
/* Sets the rules for one key; whether it is allowed. */
bool path_judge(const struct path *path, uint32_t key, uint32_t *egress, uint32_t *ingress);
/* The next key after `key` at which the verdict may change; 0x1000000 when none. */
uint32_t path_next(const struct path *path, uint32_t key);

/*
 * Proofs. `rules`: a list of
 *   {"deny": {"from", "to", "ports": […] or "except": […]}}
 *   {"allow": {"from", "to", "ports": […]}}
 *   {"isolated": {"pods", "direction": "ingress"|"egress" (both)}}
 * with peers as one-line rules write them. Rows {"rule", "holds",
 * "counterexample": a probe with its reasons}. fail() names what is malformed.
 */
int prove(struct model *model, const struct plan *plan, const json_t *rules, const char *where,
	  json_t **rows);

/* Rows {"from", "to", "ports", "old", "new", "rule"}: all that the change changes. */
json_t *reach_diff(const struct model *old_model, const struct plan *old_plan,
		   const struct model *new_model, const struct plan *new_plan);

#endif
