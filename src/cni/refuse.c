// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cni/refuse.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	int code;
	char *sentence;
} last;

int refuse(int code, const char *format, ...)
{
	va_list list;
	char *text;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		abort();
	va_end(list);
	fail("%s", text);
	free(last.sentence);
	last.code = code;
	last.sentence = text;
	return FAILED;
}

int refuse_as(int code)
{
	struct refusal_kept kept = refusal_keep();

	kept.code = code;
	return refusal_again(&kept);
}

int refusal_code(void)
{
	return last.sentence && !strcmp(last.sentence, failure()) ? last.code : REFUSED_FAILED;
}

struct refusal_kept refusal_keep(void)
{
	return (struct refusal_kept){refusal_code(), xstrdup(failure()), xstrdup(failure_mend())};
}

int refusal_again(struct refusal_kept *kept)
{
	refuse(kept->code, "%s", kept->sentence);
	if (*kept->mend)
		fail_mend("%s", kept->mend);
	free(kept->sentence);
	free(kept->mend);
	return FAILED;
}
