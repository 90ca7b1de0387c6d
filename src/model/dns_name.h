/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Domain names as peers of one-line rules. The rule keeps the name; what it
 * stands for is in the document "names", an array of
 *   {"kind": "DomainName", "name", "lifetime": seconds, "addresses":
 *    [{"address", "since": when first seen, "gone": when an answer first left it out}]}
 * and reaches the compiler as a list of whole addresses.
 */
#ifndef NPCTL_MODEL_DNS_NAME_H
#define NPCTL_MODEL_DNS_NAME_H

#include <jansson.h>
#include <stdbool.h>
#include <time.h>

#define DOMAIN_TEXT 256
#define DOMAIN_LIST "name " /* begins the list's name: no list that a user names has a blank */
#define GRACE_DEFAULT 60
#define GRACE_MOST 604800

/* "api.example.com", "db.": with a dot, and no address; `name` has it as the document does. */
bool domain_parse(const char *text, char name[static DOMAIN_TEXT]);

/* What rules speak of: NAME -> {"grace": the longest, "users": true if for some user}. */
json_t *domains_wanted(const json_t *rules);
/* Borrowed; NULL when it is not known. */
json_t *domain_find(const json_t *names, const char *name);
/* Drops those that nobody wants; whether there were some. */
bool domains_forget(json_t *names, const json_t *wanted);

/*
 * `answer`: texts of addresses. What it has is current, the rest is gone from
 * now on, if it was not before. Whether anything has changed.
 */
bool domain_merge(json_t *names, const char *name, const json_t *answer, long lifetime, time_t now);
/* The addresses gone for `grace` seconds or longer, as texts. */
json_t *domain_outlived(const json_t *domain, long grace, time_t now);
/* Drops these addresses. */
void domain_drop(json_t *domain, const json_t *addresses);

/* Gives rows of rules over names "addresses": [{"address", "age_seconds", "gone_seconds"}]. */
void domains_annotate(json_t *rows, const json_t *names, time_t now);

#endif
