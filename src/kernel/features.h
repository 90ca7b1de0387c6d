/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel can do, by doing it. All return 0 or a negative errno; nothing stays. */
#ifndef NPCTL_KERNEL_FEATURES_H
#define NPCTL_KERNEL_FEATURES_H

#include <bpf/bpf.h>
#include <stdint.h>

int try_map(enum bpf_map_type type, uint32_t flags);
int try_program(enum bpf_prog_type type, enum bpf_attach_type attach);
int try_memory(void);
int try_test_run(void);
int try_statistics(void);
int try_jit(void); /* 1: programs are compiled, 0: they are not */

struct try_network {
	int namespaces, veth, bridge, tcx, clsact;
};

/* In a network namespace of a thread of its own. */
void try_network(struct try_network *network);

#endif
