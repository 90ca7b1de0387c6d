/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program includes first. */
#ifndef NPCTL_LIB_BPF_H
#define NPCTL_LIB_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A word that user space changes under us: one load, where it is written. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/* What the compiler must not see through. */
#ifndef barrier_var
#define barrier_var(x) asm volatile("" : "+r"(x))
#endif

/*
 * Of what __sk_buff points to, this and bpf_sock are types that nobody uses. clang 19
 * puts such into BTF in the order of its own memory, which no two builds have in
 * common; one alone has no order, so this is used.
 */
const struct bpf_flow_keys *const type_used SEC(".rodata") = NULL;

#define PINNED __uint(pinning, LIBBPF_PIN_BY_NAME)

/* By words: the compiler would take bytes where a header is declared packed. */
static __always_inline void copy16(void *to, const void *from)
{
	const __u32 *x = from;
	__u32 *y = to;

	y[0] = x[0];
	y[1] = x[1];
	y[2] = x[2];
	y[3] = x[3];
}

static __always_inline bool equal16(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2] && x[3] == y[3];
}

static __always_inline bool is_zero16(const void *a)
{
	const __u32 *x = a;

	return !(x[0] | x[1] | x[2] | x[3]);
}

#endif
