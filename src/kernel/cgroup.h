/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cgroups of the second version, wherever they are mounted; and who is in them. */
#ifndef NPCTL_KERNEL_CGROUP_H
#define NPCTL_KERNEL_CGROUP_H

#include "base/base.h"

/*
 * What people write, an absolute path under the mount or one below it, as
 * "/a/b"; all results are freed by the caller.
 */
int cgroup_find(const char *word, char **path);
/* The cgroup of a process; of a container by the start of its id, or its name. */
int cgroup_of_process(const char *pid, char **path);
int cgroup_of_container(const char *word, char **path);
/* Its directory, NULL without a mount. */
char *cgroup_directory(const char *path);
/* As the kernel's programs see it; 0 when it is not there. */
uint64_t cgroup_id(const char *path);
/* Calls back for every cgroup, "/" first, until that says true. */
bool cgroup_walk(bool (*callback)(const char *path, void *data), void *data);
/* The path that an id has now; NULL when it is gone. */
char *cgroup_path(uint64_t id);
/* `path` is below `ancestor`. */
bool cgroup_is_below(const char *path, const char *ancestor);

#endif
