/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The known word that a mistyped one probably meant. */
#ifndef NPCTL_CMD_WORDS_NEAREST_H
#define NPCTL_CMD_WORDS_NEAREST_H

/* Begin with {.word = W}, try each candidate; `best` is NULL or the nearest. */
struct nearest {
	const char *word;
	const char *best;
	int distance;
};

void nearest_try(struct nearest *nearest, const char *candidate);

#endif
