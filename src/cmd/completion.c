// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* npctl completion: what a shell has to source to complete npctl's words. */
#include "words/words.h"
#include "completion.h"
#include <stdio.h>
#include <string.h>

static int run_completion(struct context *context, const struct words *words)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = {
	    {"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
	const char *shell = words->word[0];

	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		if (!strcmp(scripts[i].shell, shell)) {
			fputs(scripts[i].script, stdout);
			return 0;
		}
	return misuse("no completion for the shell \"%s\": there is bash, zsh and fish", shell);
}

const struct command command_completion = {
    "completion",
    "print the completion for a shell",
    (const struct verb[]){
	{"", "bash|zsh|fish", "what that shell has to source to complete npctl's words", 1, 1, NULL,
	 run_completion, "bash|zsh|fish"},
	{0},
    },
};
