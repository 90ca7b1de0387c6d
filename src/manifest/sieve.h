/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Large JSON files, object by object. Most of what an API server says of a pod
 * is none of npctl's business, so that is passed over as text; only the rest
 * becomes values.
 */
#ifndef NPCTL_MANIFEST_SIEVE_H
#define NPCTL_MANIFEST_SIEVE_H

#include <stdbool.h>
#include <stddef.h>

/* Part of a text: a name, or a whole object. */
struct span {
	const char *at;
	size_t length;
};

struct piece {
	struct span text;	   /* with its brackets */
	struct span kind, version; /* of it, as JSON writes them; empty when it says none */
	const char *top;	   /* the value of the file that it is part of */
	size_t list;		   /* the piece of the list that it is an element of, plus 1 */
};

struct pieces {
	struct piece *item;
	size_t count, capacity;
};

/*
 * One value after the other; elements of a list stand behind it. False when it
 * cannot be told what is what, and somebody else has to read it and say why.
 * What is passed over is not checked for more than where it ends.
 */
bool pieces_find(const char *text, size_t size, struct pieces *pieces);
void pieces_release(struct pieces *pieces);

/* The piece without what its kind's readers do not know; at most its length goes to `to`. */
size_t piece_sieve(const struct piece *piece, const struct span *kind, const struct span *version,
		   char *to);

#endif
