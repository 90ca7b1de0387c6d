/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's names of its functions. */
#ifndef NPCTL_KERNEL_SYMBOLS_H
#define NPCTL_KERNEL_SYMBOLS_H

#include <stdint.h>

struct symbols;

/* Empty where the kernel hides its addresses. */
struct symbols *symbols_read(void);
void symbols_free(struct symbols *symbols);
/* The function that an address is in; freed by the caller. Numbers stand for what has no name. */
char *symbol_name(const struct symbols *symbols, uint64_t address);

#endif
