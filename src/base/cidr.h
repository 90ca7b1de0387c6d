/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses and prefixes of both families. */
#ifndef NPCTL_BASE_CIDR_H
#define NPCTL_BASE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
	uint8_t family;	   /* 4 or 6; 0: none. IPv4-mapped IPv6 becomes IPv4 */
	uint8_t bytes[16]; /* IPv4 in the first four, the rest zero */
};

struct prefix {
	struct address address; /* host bits cleared */
	uint8_t length;
};

#define ADDRESS_TEXT 64 /* room for any of them with a length, as text */

/* Strict: no leading zeros, no zone, nothing behind. 0 or -1, silently. */
int address_parse(const char *text, struct address *address);
int prefix_parse(const char *text, struct prefix *prefix); /* an address alone is one, too */
const char *address_text(const struct address *address, char text[static ADDRESS_TEXT]);
const char *prefix_text(const struct prefix *prefix,
			char text[static ADDRESS_TEXT]); /* always with /length */
bool prefix_contains(const struct prefix *prefix, const struct address *address);
/* The prefix of that length, not above its own, in which it lies; and its last address. */
struct prefix prefix_wider(const struct prefix *prefix, uint8_t length);
struct address prefix_last(const struct prefix *prefix);
/* The two halves of an address, host order; of IPv4 the upper half of `high` has it all. */
void address_halves(const struct address *address, uint64_t *high, uint64_t *low);
int address_compare(const struct address *a, const struct address *b);
/* Each line of a list: a prefix, an address; empty and # lines are skipped. */
int cidr_lines_each(const char *text, int (*callback)(const struct prefix *prefix, void *data),
		    void *data, size_t *line);

#endif
