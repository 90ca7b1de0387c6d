/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cmocka, without its fail(), which is ours. Include it first. */
#ifndef NPCTL_UNIT_H
#define NPCTL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#undef fail

#endif
