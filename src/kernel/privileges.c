// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/privileges.h"
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/base.h"

/* Which of the three are missing, as ", without CAP_BPF"; "" when none is. */
static char *missing_capabilities(void)
{
	static const struct {
		int number;
		const char *name;
	} needed[] = {
	    {CAP_BPF, "CAP_BPF"}, {CAP_PERFMON, "CAP_PERFMON"}, {CAP_NET_ADMIN, "CAP_NET_ADMIN"}};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
	char *text = xstrdup(""), *longer;
	size_t i;

	if (syscall(SYS_capget, &header, data))
		return text;
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		int number = needed[i].number;

		if (data[CAP_TO_INDEX(number)].effective & CAP_TO_MASK(number))
			continue;
		longer = xprintf("%s%s%s", text, *text ? ", " : ", without ", needed[i].name);
		free(text);
		text = longer;
	}
	return text;
}

bool privileges_are_borrowed(void)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned int inside = 0, outside = 0, count = UINT32_MAX;

	if (map && fscanf(map, "%u %u %u", &inside, &outside, &count) != 3)
		count = UINT32_MAX;
	if (map)
		fclose(map);
	return inside != outside || count != UINT32_MAX;
}

bool privileges_suffice(void)
{
	char *missing = missing_capabilities();
	bool suffice = !*missing;

	free(missing);
	return suffice;
}

int fail_privileges(const char *what)
{
	char *missing = missing_capabilities();

	if (privileges_are_borrowed()) {
		free(missing);
		return fail("%s: not permitted: the privileges of a user namespace do not count; "
			    "npctl needs those of the first one",
			    what);
	}
	fail("%s: not permitted%s; npctl needs root, or CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN "
	     "and a bpffs of its own",
	     what, missing);
	free(missing);
	return FAILED;
}
