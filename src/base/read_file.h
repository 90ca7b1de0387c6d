/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef NPCTL_BASE_READ_FILE_H
#define NPCTL_BASE_READ_FILE_H

#include <stddef.h>

/* A whole file, or standard input for "-", with a zero behind; freed by the caller. */
int file_read(const char *path, char **text, size_t *size);

#endif
