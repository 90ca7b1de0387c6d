/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a rule about users means: names are kept as written and looked up when they are read. */
#ifndef NPCTL_MODEL_USERS_H
#define NPCTL_MODEL_USERS_H

#include "base/content.h"

#define USER_PREFIX "user:"
#define GROUP_PREFIX "group:"

/* "any", "none", a number, a name, "group:NAME"; several with commas between. */
struct users {
	struct list32 uids; /* sorted; "none" is USER_NONE */
	bool any;
	char *unknown; /* the first word that means nobody: `user "x" does not exist`; NULL */
};

void users_find(const char *words, struct users *users);
void users_release(struct users *users);
/* One word, with a sentence when it means nobody. */
int user_check(const char *word);

/* A decimal uid and nothing else. */
bool user_is_number(const char *word);
/* As subjects are called: a number, or "none". */
const char *uid_text(uint32_t uid, char text[static 16]);

#endif
