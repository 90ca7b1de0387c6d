/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "base/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/base.h"
#include "base/interrupt.h"

#define LARGEST ((size_t)256 << 20)

static int read_all(int fd, const char *path, char **text, size_t *size)
{
	size_t capacity = 65536;
	ssize_t got;

	*text = xalloc(capacity);
	*size = 0;
	while ((got = read(fd, *text + *size, capacity - *size - 1)) != 0) {
		if (got < 0 && errno == EINTR && !interrupted)
			continue;
		if (got < 0 || *size + (size_t)got > LARGEST) {
			free(*text);
			*text = NULL;
			return got < 0 ? fail("%s: %s", path, strerror(errno))
				       : fail("%s: is larger than 256 MiB", path);
		}
		*size += (size_t)got;
		if (capacity - *size < 4096) {
			capacity *= 2;
			*text = xrealloc(*text, capacity);
		}
	}
	(*text)[*size] = '\0';
	return 0;
}

int file_read(const char *path, char **text, size_t *size)
{
	int fd, result;

	if (strcmp(path, "-") == 0) {
		interrupt_allow(true);
		result = read_all(STDIN_FILENO, "standard input", text, size);
		interrupt_allow(false);
		return result;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail("%s: %s", path, strerror(errno));
	result = read_all(fd, path, text, size);
	close(fd);
	return result;
}
