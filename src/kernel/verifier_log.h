/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What libbpf says, and of it the verifier's reason. */
#ifndef NPCTL_KERNEL_VERIFIER_LOG_H
#define NPCTL_KERNEL_VERIFIER_LOG_H

/* libbpf is silent, but with -d, from now on; who opens an instance need not ask for it. */
void libbpf_listen(void);
/* Why the verifier refused the last program that it did refuse; "" when it has not. */
const char *verifier_reason(void);

#endif
