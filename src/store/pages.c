// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "store/pages.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned int chunk_of(uint32_t page)
{
	return page < PAGE_FIRST_CHUNK ? 0 : 32 - __builtin_clz(page / PAGE_FIRST_CHUNK);
}

static uint32_t chunk_first(unsigned int chunk)
{
	return chunk ? PAGE_FIRST_CHUNK << (chunk - 1) : 0;
}

static uint32_t chunk_pages(unsigned int chunk)
{
	return chunk ? PAGE_FIRST_CHUNK << (chunk - 1) : PAGE_FIRST_CHUNK;
}

static size_t chunk_bytes(unsigned int chunk)
{
	return (size_t)chunk_pages(chunk) * PAGE_BYTES;
}

static void *map_chunk(const struct pages *pages, unsigned int chunk, int fd)
{
	int protection = PROT_READ | (pages->access == TREE_WRITE ? PROT_WRITE : 0);
	void *memory = mmap(NULL, chunk_bytes(chunk), protection, MAP_SHARED, fd, 0), *copy;

	if (memory == MAP_FAILED)
		return NULL;
	if (pages->access != TREE_SNAPSHOT)
		return memory;
	copy = xalloc(chunk_bytes(chunk));
	memcpy(copy, memory, chunk_bytes(chunk));
	munmap(memory, chunk_bytes(chunk));
	return copy;
}

static int open_chunk(struct pages *pages, unsigned int chunk)
{
	char *pin = xprintf("%s-%u", pages->pins, chunk);
	int fd = bpf_obj_get(pin), result = fd < 0 && errno == ENOENT ? 1 : 0;

	if (fd >= 0)
		pages->chunk[chunk] = map_chunk(pages, chunk, fd);
	if (!result && !pages->chunk[chunk])
		result = fail("cannot open %s: %s", pin, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(pin);
	return result;
}

int pages_open(struct pages *pages, const char *pins, enum tree_access access)
{
	unsigned int chunk;
	int result = 0;

	*pages = (struct pages){.pins = pins ? xstrdup(pins) : NULL, .access = access};
	for (chunk = 0; pins && chunk < PAGE_CHUNKS && !result; chunk++)
		result = open_chunk(pages, chunk);
	return result < 0 ? result : 0;
}

void pages_close(struct pages *pages)
{
	unsigned int chunk;

	for (chunk = 0; chunk < PAGE_CHUNKS; chunk++) {
		if (!pages->chunk[chunk])
			continue;
		if (pages->access == TREE_SNAPSHOT)
			free(pages->chunk[chunk]);
		else
			munmap(pages->chunk[chunk], chunk_bytes(chunk));
	}
	free(pages->pins);
	*pages = (struct pages){0};
}

void pages_remove(const char *pins)
{
	unsigned int chunk;

	for (chunk = 0; chunk < PAGE_CHUNKS; chunk++) {
		char *pin = xprintf("%s-%u", pins, chunk);

		unlink(pin);
		free(pin);
	}
}

void *pages_at(const struct pages *pages, uint32_t page)
{
	unsigned int chunk = chunk_of(page);
	char *memory = chunk < PAGE_CHUNKS ? pages->chunk[chunk] : NULL;

	return memory ? memory + (size_t)(page - chunk_first(chunk)) * PAGE_BYTES : NULL;
}

static void *make_pinned(const struct pages *pages, unsigned int chunk)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	char *pin = xprintf("%s-%u", pages->pins, chunk);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "npctl_records", sizeof(uint32_t), PAGE_BYTES,
				chunk_pages(chunk), &options);
	int error = fd < 0 ? fd : bpf_obj_pin(fd, pin);
	void *memory = error ? NULL : map_chunk(pages, chunk, fd);

	if (!memory)
		fail("cannot make %s: %s", pin, strerror(error ? -error : errno));
	if (fd >= 0)
		close(fd);
	free(pin);
	return memory;
}

static void *make_private(unsigned int chunk)
{
	void *memory = mmap(NULL, chunk_bytes(chunk), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory != MAP_FAILED)
		return memory;
	fail("no memory for records: %s", strerror(errno));
	return NULL;
}

int pages_reach(struct pages *pages, uint32_t page)
{
	unsigned int chunk = chunk_of(page);

	if (chunk >= PAGE_CHUNKS)
		return fail("the records are full: %u pages", PAGE_LIMIT);
	if (!pages->chunk[chunk])
		pages->chunk[chunk] = pages->pins ? make_pinned(pages, chunk) : make_private(chunk);
	return pages->chunk[chunk] ? 0 : FAILED;
}
