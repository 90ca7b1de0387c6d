/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether this process may do what npctl does. */
#ifndef NPCTL_KERNEL_PRIVILEGES_H
#define NPCTL_KERNEL_PRIVILEGES_H

#include <stdbool.h>

/* fail() for a refusal of the kernel: names the privileges that npctl needs. */
int fail_privileges(const char *what);
/* CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are in effect. */
bool privileges_suffice(void);
/* They are a user namespace's own, which the kernel does not take for BPF. */
bool privileges_are_borrowed(void);

#endif
