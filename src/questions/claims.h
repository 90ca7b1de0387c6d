/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Claims that `test assert` and guards prove: their files, and what refutes them. */
#ifndef NPCTL_QUESTIONS_CLAIMS_H
#define NPCTL_QUESTIONS_CLAIMS_H

#include <jansson.h>

/* A list of claims, of all documents in a file; reach.h says what they are. */
int claims_read(const char *path, json_t **claims);
/* Of a counterexample: "shop/web to shop/db TCP/5432: allow"; freed by the caller. */
char *witness_text(const json_t *witness);
/* The rule that judged it on that side, "egress" or "ingress"; NULL: none did. */
const char *witness_rule(const json_t *witness, const char *side);
/* Both as lines, for people; nothing for NULL. */
void witness_print(const json_t *witness);

#endif
