/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The compiler's own state, while a plan is made. */
#ifndef NPCTL_COMPILE_COMPILE_H
#define NPCTL_COMPILE_COMPILE_H

#include "compile/classes.h"

/* A rule in the order of judgement of its direction. */
struct ordered_rule {
	const struct policy_rule *rule;
	const struct policy *policy; /* NULL: a one-line rule */
	const struct line *line;
	enum tier tier;
	enum direction direction;
	uint32_t plan_rule; /* LOOKUP_NONE until some table needs it */
};

/* What is behind the addresses of a service: a port of it at a class of pods. */
struct backends {
	uint32_t of; /* the service's class */
	struct backend {
		uint32_t key; /* of the service: protocol << 16 | port */
		uint32_t class, target;
	} * item; /* sorted */
	size_t count, capacity;
};

/* What a peer means in this plan. */
struct meaning {
	bool pods_known, known, all; /* all: every address */
	struct list32 pod_classes, classes;
};

/* The rules of one subject in one direction, and what ends them. */
struct judged {
	enum direction direction;
	enum which_side side;
	struct list32 rules;		      /* into compile->ordered */
	bool isolated;			      /* by the NetworkPolicies `isolating` */
	struct list32 isolating;	      /* into compile->policies */
	uint32_t isolated_rule, default_rule; /* of the plan; isolated_rule on demand */
	uint32_t node;			      /* exempt; LOOKUP_NONE: none */
	const struct pod *pod;		      /* whose port names count, for ingress */
};

struct compile {
	const struct model *model;
	struct plan *plan;
	struct classes classes;

	const struct policy **policies; /* in the order of judgement */
	size_t policy_count;
	uint32_t *first_rule[DIRECTIONS]; /* of each policy, into ordered */
	uint32_t *line_rule;		  /* of each one-line rule */
	struct ordered_rule *ordered;
	size_t ordered_count;

	struct meaning *meanings; /* of peers */
	struct lookup label_index, namespace_sets;
	struct list32 *label_classes, *namespace_matches;
	size_t label_count, label_capacity, namespace_set_count, namespace_set_capacity;

	struct list32 *policies_of[DIRECTIONS]; /* by class of pods */
	struct lookup tables, sets, judged_sets, special_rules;
	size_t rule_capacity, table_capacity, set_capacity;

	struct backends *services;
	size_t service_count, service_capacity;
	bool *is_service; /* by class */

	uint32_t *chain, *stamp; /* by class: the rules that match, while a set is made */
	uint32_t stamp_now;
};

/* order.c */
void order_rules(struct compile *compile);
void order_release(struct compile *compile);

/* meaning.c */
void meaning_find(struct compile *compile, uint32_t peer, bool classes_too);
void meanings_release(struct compile *compile);

/* rules.c: plan rules, made when first needed */
uint32_t plan_rule_of(struct compile *compile, uint32_t ordered);
uint32_t plan_rule_isolated(struct compile *compile, const struct judged *judged);
uint32_t plan_rule_default(struct compile *compile, enum direction direction, bool allow,
			   const char *cause, const char *subject);
uint32_t plan_rule_exempt(struct compile *compile, enum direction direction, const char *cause);
bool policy_isolates(const struct policy *policy, enum direction direction);

/* table.c: the table for rules `matched` (into judged->rules, ascending) and a class */
uint32_t table_make(struct compile *compile, struct judged *judged, const uint32_t *matched,
		    size_t count, uint32_t class);
uint32_t table_of_rule(struct compile *compile, uint32_t plan_rule);
/* What denies, of two things that ranges lead to; minute by minute where it goes by the clock. */
uint32_t rule_stricter(struct compile *compile, uint32_t first, uint32_t second);
/* How closely a one-line rule describes the addresses of a class. */
uint16_t rule_specificity(const struct compile *compile, const struct ordered_rule *rule,
			  uint32_t class);

/* The table, but with other rules for some keys; both sorted by start. */
uint32_t table_override(struct compile *compile, uint32_t table, const struct plan_range *keys,
			size_t count);

/* services.c: those that have pods behind them */
void services_find(struct compile *compile);
void services_release(struct compile *compile);

/* set.c */
uint32_t set_make(struct compile *compile, struct judged *judged);

#endif
