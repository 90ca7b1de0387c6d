/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "model/users.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool user_is_number(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	return digits && digits <= 10 && !word[digits];
}

const char *uid_text(uint32_t uid, char text[static 16])
{
	if (uid == USER_NONE)
		return "none";
	snprintf(text, 16, "%u", uid);
	return text;
}

/* Its members by supplementary and by primary group. */
static bool group_add(struct list32 *uids, const char *name)
{
	const struct group *group = getgrnam(name);
	const struct passwd *user;
	char **member;

	if (!group)
		return false;
	for (member = group->gr_mem; *member; member++) {
		user = getpwnam(*member);
		if (user)
			list32_add(uids, user->pw_uid);
	}
	setpwent();
	while ((user = getpwent()))
		if (user->pw_gid == group->gr_gid)
			list32_add(uids, user->pw_uid);
	endpwent();
	return true;
}

static bool word_add(struct users *users, const char *word)
{
	const struct passwd *user;
	unsigned long number;

	if (strcmp(word, "any") == 0) {
		users->any = true;
		return true;
	}
	if (strcmp(word, "none") == 0) {
		list32_add(&users->uids, USER_NONE);
		return true;
	}
	if (strncmp(word, GROUP_PREFIX, strlen(GROUP_PREFIX)) == 0)
		return group_add(&users->uids, word + strlen(GROUP_PREFIX));
	if (user_is_number(word)) {
		number = strtoul(word, NULL, 10);
		if (number < USER_NONE)
			list32_add(&users->uids, (uint32_t)number);
		return number < USER_NONE;
	}
	user = getpwnam(word);
	if (user)
		list32_add(&users->uids, user->pw_uid);
	return user;
}

static char *unknown(const char *word)
{
	bool group = strncmp(word, GROUP_PREFIX, strlen(GROUP_PREFIX)) == 0;

	return xprintf("%s \"%s\" does not exist", group ? "group" : "user",
		       group ? word + strlen(GROUP_PREFIX) : word);
}

void users_find(const char *words, struct users *users)
{
	char *copy = xstrdup(words), *rest = copy, *word;

	*users = (struct users){0};
	while ((word = strsep(&rest, ",")))
		if (!word_add(users, word) && !users->unknown)
			users->unknown = unknown(word);
	list32_sort(&users->uids);
	free(copy);
}

void users_release(struct users *users)
{
	list32_release(&users->uids);
	free(users->unknown);
}

int user_check(const char *word)
{
	struct users users;
	int result = 0;

	if (strchr(word, ','))
		return fail("user \"%s\" does not exist", word);
	users_find(word, &users);
	if (users.unknown)
		result = fail("%s", users.unknown);
	users_release(&users);
	return result;
}
