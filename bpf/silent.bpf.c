// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pod programs without their code for events: what `npctl test bench` compares them with. */
#define SILENT
#include "pod.bpf.c"
