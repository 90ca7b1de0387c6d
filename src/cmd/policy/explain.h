/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the two kinds of `policy explain` share. */
#ifndef NPCTL_CMD_POLICY_EXPLAIN_H
#define NPCTL_CMD_POLICY_EXPLAIN_H

#include "words/command.h"
#include "questions/matrix.h"

/* --port, one of them. */
int explain_parse_port(const struct words *words, struct matrix_probe *probe);
void explain_print_side(const struct out *out, const char *name, const json_t *side);

/* The one uid that a word means; USER_ANY for anybody else. */
int user_uid_find(const char *word, uint32_t *uid);
/* Their own entry, or that of all who have none; -1: nothing speaks of the interface. */
int user_subject_find(const struct plan *plan, const char *interface, uint32_t uid);

/* A user of this host to an address. */
int explain_user(struct context *context, const struct words *words);

#endif
