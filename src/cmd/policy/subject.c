/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom rules are for, as options say it: --pod, --user with --dev, --cgroup. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include "cmd/policy/policy.h"
#include "kernel/cgroup.h"

/* As it was written: who that is, is looked up whenever the rule is read. */
static int user_subject(const char *word, const char *device, char **subject)
{
	if (!if_nametoindex(device))
		return fail("interface \"%s\" does not exist", device);
	*subject = xprintf("user:%s:%s", device, word);
	return 0;
}

static int cgroup_subject(const char *word, char **subject)
{
	char *path;
	int error = cgroup_find(word, &path);

	if (error == FAILED && !strchr(word, '/') && !cgroup_of_container(word, &path)) {
		failure_clear();
		error = 0;
	} else if (error == FAILED && !strchr(word, '/')) {
		fail("neither a cgroup nor a container \"%s\" exists", word);
	}
	if (!error) {
		*subject = xprintf("cgroup:%s", path);
		free(path);
	}
	return error;
}

int subject_of_words(const struct words *words, size_t n, char **subject)
{
	const char *word;
	size_t i;

	*subject = NULL;
	for (i = 0; (word = word_nth(words, "pod", i)); i++)
		if (i == n)
			*subject = xstrdup(word);
	for (n -= i, i = 0; !*subject && (word = word_nth(words, "user", i)); i++)
		if (i == n)
			return user_subject(word, word_value(words, "dev"), subject);
	for (n -= i, i = 0; !*subject && (word = word_nth(words, "cgroup", i)); i++)
		if (i == n)
			return cgroup_subject(word, subject);
	return 0;
}
