// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/pages.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WINDOW_BYTES ((size_t)WINDOW_PAGES * PAGE_BYTES)

/* Chunk 0 is window 0, chunk n the 2^(n-1) windows from there on. */
static unsigned int chunk_of(uint32_t window)
{
	return window ? 32 - __builtin_clz(window) : 0;
}

static uint32_t chunk_first(unsigned int chunk)
{
	return chunk ? 1u << (chunk - 1) : 0;
}

static uint32_t chunk_windows(unsigned int chunk)
{
	return chunk ? 1u << (chunk - 1) : 1;
}

static char *pin_of(const char *pins, unsigned int chunk)
{
	return xprintf("%s-%u", pins, chunk);
}

static void *window_map(const struct pages *pages, uint32_t window)
{
	int protection = PROT_READ | (pages->access == TREE_WRITE ? PROT_WRITE : 0);
	unsigned int chunk = chunk_of(window);
	void *memory;

	if (chunk >= PAGE_CHUNKS || pages->fd[chunk] < 0)
		return NULL;
	memory = mmap(NULL, WINDOW_BYTES, protection, MAP_SHARED, pages->fd[chunk],
		      (off_t)(window - chunk_first(chunk)) * WINDOW_BYTES);
	return memory == MAP_FAILED ? NULL : memory;
}

/* While somebody may write, all of it at once: what is copied later would be of another time. */
static int windows_copy(struct pages *pages)
{
	for (uint32_t window = 0; window < WINDOWS; window++) {
		void *memory = window_map(pages, window);

		if (!memory)
			continue;
		pages->window[window] = xalloc(WINDOW_BYTES);
		memcpy(pages->window[window], memory, WINDOW_BYTES);
		munmap(memory, WINDOW_BYTES);
	}
	return 0;
}

int pages_open(struct pages *pages, const char *pins, enum tree_access access)
{
	int result = 0;

	*pages = (struct pages){.pins = pins ? xstrdup(pins) : NULL,
				.access = access,
				.window = xalloc(WINDOWS * sizeof(*pages->window))};
	memset(pages->fd, 0xff, sizeof(pages->fd));
	for (unsigned int chunk = 0; pins && chunk < PAGE_CHUNKS; chunk++) {
		char *pin = pin_of(pins, chunk);

		pages->fd[chunk] = bpf_obj_get(pin);
		if (pages->fd[chunk] < 0 && errno != ENOENT)
			result = fail("cannot open %s: %s", pin, strerror(errno));
		free(pin);
		if (pages->fd[chunk] < 0)
			break;
	}
	return result || access != TREE_SNAPSHOT ? result : windows_copy(pages);
}

void pages_close(struct pages *pages)
{
	for (uint32_t window = 0; pages->window && window < WINDOWS; window++) {
		if (!pages->window[window])
			continue;
		if (pages->access == TREE_SNAPSHOT)
			free(pages->window[window]);
		else
			munmap(pages->window[window], WINDOW_BYTES);
	}
	for (unsigned int chunk = 0; chunk < PAGE_CHUNKS; chunk++)
		if (pages->fd[chunk] >= 0)
			close(pages->fd[chunk]);
	free(pages->window);
	free(pages->pins);
}

void pages_remove(const char *pins)
{
	for (unsigned int chunk = 0; chunk < PAGE_CHUNKS; chunk++) {
		char *pin = pin_of(pins, chunk);

		unlink(pin);
		free(pin);
	}
}

void *pages_at(const struct pages *pages, uint32_t page)
{
	uint32_t window = page / WINDOW_PAGES;
	char *memory;

	if (window >= WINDOWS)
		return NULL;
	if (!pages->window[window] && pages->access != TREE_SNAPSHOT)
		pages->window[window] = window_map(pages, window);
	memory = pages->window[window];
	return memory ? memory + (size_t)(page % WINDOW_PAGES) * PAGE_BYTES : NULL;
}

static int chunk_make(struct pages *pages, unsigned int chunk)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	char *pin = pin_of(pages->pins, chunk);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "npctl_records", sizeof(uint32_t), PAGE_BYTES,
				chunk_windows(chunk) * WINDOW_PAGES, &options);
	int error = fd < 0 ? fd : bpf_obj_pin(fd, pin);

	if (error)
		fail("cannot make %s: %s", pin, strerror(-error));
	if (error && fd >= 0)
		close(fd);
	else
		pages->fd[chunk] = fd;
	free(pin);
	return error ? FAILED : 0;
}

static int window_make(struct pages *pages, uint32_t window)
{
	void *memory =
	    mmap(NULL, WINDOW_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return fail("no memory for records: %s", strerror(errno));
	pages->window[window] = memory;
	return 0;
}

int pages_reach(struct pages *pages, uint32_t page)
{
	uint32_t window = page / WINDOW_PAGES;
	unsigned int chunk = chunk_of(window);

	if (pages_at(pages, page))
		return 0;
	if (!pages->pins)
		return window_make(pages, window);
	if (pages->fd[chunk] < 0 && chunk_make(pages, chunk))
		return FAILED;
	return pages_at(pages, page) ? 0 : fail("cannot map records: %s", strerror(errno));
}
