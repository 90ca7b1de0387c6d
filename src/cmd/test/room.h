/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A room of its own for work that must leave nothing behind. */
#ifndef NPCTL_CMD_TEST_ROOM_H
#define NPCTL_CMD_TEST_ROOM_H

#include <stddef.h>

/*
 * Runs `work` in a child with network, mounts and processes of its own, a
 * bpffs and /run/netns of its own, and DEFAULT_ROOT free for use. Whatever it
 * makes ends with it. `shared` is memory that both see. 0, or what the child
 * failed with; failure() is the child's.
 */
int room_run(int (*work)(void *shared, void *data), void *shared, void *data);
/* Memory that a child shares. */
void *room_memory(size_t size);
void room_memory_free(void *memory, size_t size);

#endif
