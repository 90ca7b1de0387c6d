/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A plan is what the compiler makes of a model: flat tables that hold every
 * verdict, and nothing of the kernel. Explaining, proving, the offline matrix
 * and the datapath all read the same plan.
 *
 * All indexes are dense and local to the plan; numbers.h gives them the
 * numbers that stay the same from one plan to the next.
 */
#ifndef NPCTL_COMPILE_PLAN_H
#define NPCTL_COMPILE_PLAN_H

#include <stddef.h>
#include "abi.h"
#include "base/cidr.h"

struct model;

/* 128 bits that name a thing by its content: equal content, equal signature. */
struct signature {
	uint64_t high, low;
};

/* Order of judgement; X(symbol, word). */
#define TIERS(X)                           \
	X(EXEMPT, "exempt")                \
	X(ADMIN, "admin")                  \
	X(RULE, "rule")                    \
	X(NETWORK_POLICY, "networkpolicy") \
	X(BASELINE, "baseline")            \
	X(DEFAULT, "default")

enum tier {
#define X(symbol, word) TIER_##symbol,
	TIERS(X)
#undef X
	    TIER_COUNT
};

/*
 * A rule as people know it. Defaults are rules, too: "default deny of policies
 * a and b" has its own entry, counter and name.
 */
struct plan_rule {
	struct signature signature; /* of what it says and where it stands */
	enum tier tier;
	enum direction direction;
	bool allow;
	uint32_t rate_per_second, rate_burst; /* connections per destination; 0: no limit */
	char *policy;			      /* "ns/name", "rule 3", "default" … */
	int index;  /* of the rule within the policy's direction, -1: none */
	char *name; /* "default/web ingress[0]": as list and trace show it */
};

/* A class of addresses that the policies can tell apart. */
struct plan_class {
	struct signature signature;
	uint32_t
	    reserved; /* IDENTITY_WORLD, IDENTITY_HOST, or 0 when numbered (class 0 is the world) */
	char *name;   /* for people: "default/app=web", "10.0.0.0/8" … */
};

/* Sorted by start, the first at zero; each reaches to the next. */
struct plan_bound4 {
	uint32_t start; /* host order */
	uint32_t class;
};

struct plan_bound6 {
	uint64_t high, low; /* host order */
	uint32_t class;
};

/*
 * A sorted run over protocol << 16 | port, the first at zero; of a timed table
 * over the minutes of the day, to which a range of another one leads.
 */
#define PLAN_TIMED 0x80000000u

struct plan_range {
	uint32_t start;
	uint32_t rule; /* into rules, or PLAN_TIMED | a timed table */
};

struct plan_table {
	struct signature signature; /* of the ranges with their rules' signatures */
	struct plan_range *ranges;  /* one range: the whole space has one rule */
	uint32_t count;
	bool timed;
};

struct plan_grant {
	uint32_t class, table;
};

/* Subjects that are judged alike in a direction share a set. */
struct plan_set {
	struct signature signature; /* of fallback and grants by their signatures */
	uint32_t fallback;	    /* table for the classes without a grant */
	struct plan_grant *grants;  /* sorted by class */
	uint32_t count;
};

struct plan_subject {
	char *name; /* "ns/pod", "dev:eth0" */
	uint32_t set[DIRECTIONS];
	uint32_t shadow[DIRECTIONS]; /* by the candidate; the same when there is none */
	bool enforced[DIRECTIONS];   /* some policy, rule or default speaks of it */
	struct address address[2];   /* IPv4, IPv6; family 0: none. Not for devices */
};

struct plan {
	struct plan_rule *rules;
	struct plan_class *classes; /* [0] is the world */
	struct plan_bound4 *bounds4;
	struct plan_bound6 *bounds6;
	struct plan_table *tables;
	struct plan_set *sets;
	struct plan_subject *subjects;
	size_t rule_count, class_count, bound4_count, bound6_count, table_count, set_count,
	    subject_count;
	bool shadowed;	 /* there is a candidate */
	uint32_t minute; /* of the day at which it is asked */
};

/* Compiles every subject that the model marks; fails only on what no manifest check can find. */
int plan_compile(const struct model *model, struct plan **plan);
void plan_free(struct plan *plan);

/* The rules that let a pod talk to itself; the datapath knows them without a table. */
#define PLAN_RULE_SELF_INGRESS 0
#define PLAN_RULE_SELF_EGRESS 1

/* -1 when the plan has no such subject. */
int plan_subject_find(const struct plan *plan, const char *name);

/* The index of the bound in which an address lies; host order. */
size_t plan_bound4_of(const struct plan *plan, uint32_t address);
size_t plan_bound6_of(const struct plan *plan, uint64_t high, uint64_t low);
uint32_t plan_class_of(const struct plan *plan, const struct address *peer);

/* The rule that judges the packet, an index into plan->rules; its `allow` is the verdict. */
uint32_t plan_judge(const struct plan *plan, uint32_t subject, enum direction direction,
		    const struct address *peer, uint8_t protocol, uint16_t port);

/* The timed table that decides it; NULL when the hour does not matter. */
const struct plan_table *plan_timed(const struct plan *plan, uint32_t subject,
				    enum direction direction, const struct address *peer,
				    uint8_t protocol, uint16_t port);

/* The two halves of it: the table for a class, and the rule for a key of it. */
uint32_t plan_table_of(const struct plan *plan, uint32_t subject, enum direction direction,
		       uint32_t class);
uint32_t plan_set_table(const struct plan_set *set, uint32_t class);
uint32_t plan_table_rule(const struct plan *plan, const struct plan_table *table, uint32_t key);
/* As the range has it: a rule, or PLAN_TIMED and a table. */
uint32_t plan_table_find(const struct plan_table *table, uint32_t key);
/* The timed table that a key leads to; NULL when the hour does not matter. */
const struct plan_table *plan_table_timed(const struct plan *plan, const struct plan_table *table,
					  uint32_t key);

const char *tier_word(enum tier tier);

#endif
