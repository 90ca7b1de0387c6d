/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every rule there is, as rows for people and programs. */
#ifndef NPCTL_QUESTIONS_LISTING_H
#define NPCTL_QUESTIONS_LISTING_H

#include <jansson.h>
#include "model/model.h"

/* Packets and bytes of a rule; false when nothing counts it. */
typedef bool (*listing_count)(void *data, const struct signature *rule, struct counter *counter);

/*
 * Rows {"rule", "tier", "verdict", "direction", "subject", "peer", "ports", "policy",
 * "id"|"index", "packets", "bytes"} in the order of judgement. `plan` gives the
 * defaults; `count` may be NULL. `policy` NULL: all, else those of that title.
 */
json_t *listing_rows(const struct model *model, const struct plan *plan, const char *policy,
		     listing_count count, void *data);

/* The rules that judge one subject, as the plan calls it, its defaults among them. */
json_t *listing_subject(const struct model *model, const struct plan *plan, const char *subject,
			listing_count count, void *data);

json_t *listing_pod(const struct model *model, const struct plan *plan, const struct pod *pod,
		    listing_count count, void *data);

/* The texts of a rule's peers and ports; freed by the caller. */
struct policy_rule;
char *rule_peers_text(const struct model *model, const struct policy_rule *rule);
char *rule_ports_text(const struct policy_rule *rule);

#endif
