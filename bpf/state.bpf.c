// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* An object without programs: a topology can be stored before a datapath is loaded. */
#include "lib/state.h"

char _license[] SEC("license") = "Dual BSD/GPL";
