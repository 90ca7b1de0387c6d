/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who reaches whom: probes, judged on both sides by a plan. */
#ifndef NPCTL_QUESTIONS_MATRIX_H
#define NPCTL_QUESTIONS_MATRIX_H

#include <jansson.h>
#include "model/model.h"

struct party {
	const struct pod *pod; /* NULL: an address that no pod has */
	struct address address;
	int subject; /* into plan->subjects, -1: nothing judges it */
	char *text;  /* as the user wrote it */
};

#define NO_RULE UINT32_MAX

struct matrix_probe {
	struct party from, to;
	uint8_t protocol, family;
	uint16_t port;
	uint32_t egress, ingress; /* rules of the plan, or NO_RULE */
	bool allow;
	int expected; /* 0 deny, 1 allow, -1 nothing */
	int live;     /* likewise */
};

struct matrix {
	struct matrix_probe *probe;
	size_t count, capacity;
};

/* Gives addresses to those that have none: pods of their own, hostNetwork pods their node's. */
void model_give_addresses(struct model *model, bool ipv6_too);

/* The pod that owns an address; NULL. */
struct pod *model_pod_at(const struct model *model, const struct address *address);

/* `probes`: array of {"from", "to", "protocol", "port", "family", "verdict"}. */
int matrix_parse(struct matrix *matrix, struct model *model, const json_t *probes,
		 const char *where);
/* Some probe asks for IPv6. */
bool probes_want_ipv6(const json_t *probes);
/* Every ordered pair of pods on every port that the destination declares. */
int matrix_fill(struct matrix *matrix, struct model *model);
void matrix_judge(struct matrix *matrix, const struct plan *plan);
void matrix_release(struct matrix *matrix);

/* A pod's name or an address. */
int party_find(const struct model *model, const char *text, struct party *party);
/* Settles the addresses of both in one family; 0: whichever both have. */
int parties_meet(struct party *from, struct party *to, uint8_t *family, const char *where);

/*
 * `rules`: as many as the plan has, or NULL; zeroed at first, it keeps each rule's
 * row for the next probe, so that many probes share few rows.
 */
json_t *probe_row(const struct matrix_probe *probe, const struct plan *plan, json_t **rules);
json_t *rule_row(const struct plan *plan, uint32_t rule); /* null for NO_RULE */

#endif
