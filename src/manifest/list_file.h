/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file of prefixes, one a line, as the document "lists/NAME". */
#ifndef NPCTL_MANIFEST_LIST_FILE_H
#define NPCTL_MANIFEST_LIST_FILE_H

#include <jansson.h>

/* `given` NULL: the list is called after the file. The name is freed by the caller. */
int list_file_read(const char *file, const char *given, char **name, json_t **list);

#endif
