// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/arena.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GAPS_TRIED 256 /* before a new chunk: looking longer costs more than it saves */

static size_t chunk_bytes(const struct arena *arena)
{
	size_t bytes = (size_t)arena->entry_size << arena->chunk_bits, page = sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static char *chunk_pin(const struct arena *arena, uint32_t number)
{
	return arena->pins ? xprintf("%s-%u", arena->pins, number) : NULL;
}

static int chunk_map(struct arena *arena, uint32_t number)
{
	struct arena_chunk *chunk = &arena->chunks[number];
	void *entries;

	entries = mmap(NULL, chunk_bytes(arena), PROT_READ | PROT_WRITE, MAP_SHARED, chunk->fd, 0);
	if (entries == MAP_FAILED)
		return fail("cannot map chunk %u of %s: %s", number, arena->name, strerror(errno));
	chunk->entries = entries;
	return 0;
}

/* One look at the folder: asking for each of hundreds of names takes longer than all the rest. */
static int chunks_find(struct arena *arena)
{
	char *folder = xstrdup(arena->pins), *slash = strrchr(folder, '/'), *end;
	struct dirent *entry;
	DIR *directory;
	int result = 0;

	*slash = '\0';
	directory = opendir(folder);
	while (directory && !result && (entry = readdir(directory))) {
		size_t length = strlen(slash + 1);
		unsigned long number;
		char *pin;

		if (strncmp(entry->d_name, slash + 1, length) || entry->d_name[length] != '-')
			continue;
		number = strtoul(entry->d_name + length + 1, &end, 10);
		if (*end || number >= arena->limit)
			continue;
		pin = chunk_pin(arena, number);
		arena->chunks[number].fd = bpf_obj_get(pin);
		if (arena->chunks[number].fd < 0)
			result = fail("cannot open %s: %s", pin, strerror(errno));
		free(pin);
	}
	if (directory)
		closedir(directory);
	free(folder);
	return result;
}

int arena_open(struct arena *arena, const char *name, int outer, const char *pins,
	       uint32_t entry_size, uint32_t chunk_bits, uint32_t limit)
{
	uint32_t number;

	*arena = (struct arena){
	    .outer = outer,
	    .name = name,
	    .entry_size = entry_size,
	    .chunk_bits = chunk_bits,
	    .limit = limit,
	    .pins = pins ? xstrdup(pins) : NULL,
	    .chunks = xalloc(limit * sizeof(*arena->chunks)),
	};
	for (number = 0; number < limit; number++)
		arena->chunks[number].fd = -1;
	return pins ? chunks_find(arena) : 0;
}

void arena_close(struct arena *arena)
{
	uint32_t number;

	for (number = 0; arena->chunks && number < arena->limit; number++) {
		if (arena->chunks[number].entries)
			munmap(arena->chunks[number].entries, chunk_bytes(arena));
		if (arena->chunks[number].fd >= 0)
			close(arena->chunks[number].fd);
	}
	free(arena->chunks);
	free(arena->live);
	free(arena->gaps);
	free(arena->pins);
	memset(arena, 0, sizeof(*arena));
}

void arena_mark(struct arena *arena, struct span span)
{
	if (!span.count)
		return;
	GROW(arena->live, arena->live_count, arena->live_capacity);
	arena->live[arena->live_count++] = (struct arena_gap){span.first, span.count};
}

void arena_unmark(struct arena *arena)
{
	arena->live_count = 0;
	arena->gap_count = 0;
	arena->cursor = 0;
}

static int gap_compare(const void *a, const void *b)
{
	const struct arena_gap *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void gap_add(struct arena *arena, uint32_t first, uint32_t end)
{
	if (first >= end)
		return;
	GROW(arena->gaps, arena->gap_count, arena->gap_capacity);
	arena->gaps[arena->gap_count++] = (struct arena_gap){first, end - first};
}

void arena_seal(struct arena *arena)
{
	uint32_t size = 1u << arena->chunk_bits, number;
	size_t next = 0;

	if (arena->live_count)
		qsort(arena->live, arena->live_count, sizeof(*arena->live), gap_compare);
	for (number = 0; number < arena->limit; number++) {
		uint32_t at = number * size, end = at + size;

		while (next < arena->live_count && arena->live[next].first < end) {
			if (arena->chunks[number].fd >= 0)
				gap_add(arena, at, arena->live[next].first);
			if (arena->live[next].first + arena->live[next].count > at)
				at = arena->live[next].first + arena->live[next].count;
			next++;
		}
		if (arena->chunks[number].fd >= 0)
			gap_add(arena, at, end);
	}
}

static int chunk_add(struct arena *arena)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	uint32_t number = 0, size = 1u << arena->chunk_bits;
	char *pin;
	int fd, error;

	while (number < arena->limit && arena->chunks[number].fd >= 0)
		number++;
	if (number == arena->limit)
		return fail("%s is full: %u entries in %u chunks", arena->name, arena->limit * size,
			    arena->limit);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "npctl_chunk", sizeof(uint32_t), arena->entry_size,
			    size, &options);
	if (fd < 0)
		return fail("cannot create chunk %u of %s: %s", number, arena->name, strerror(-fd));
	arena->chunks[number].fd = fd;
	pin = chunk_pin(arena, number);
	error = pin ? bpf_obj_pin(fd, pin) : 0;
	if (!error)
		error = bpf_map_update_elem(arena->outer, &number, &fd, BPF_ANY);
	free(pin);
	if (error)
		return fail("cannot add chunk %u to %s: %s", number, arena->name, strerror(-error));
	if (chunk_map(arena, number))
		return FAILED;
	arena->cursor = arena->gap_count;
	gap_add(arena, number * size, (number + 1) * size);
	return 0;
}

int arena_alloc(struct arena *arena, uint32_t count, uint32_t align, uint32_t *first)
{
	size_t tried;

	if (count > 1u << arena->chunk_bits)
		return fail("a run of %u entries does not fit into %s", count, arena->name);
	for (tried = 0; tried < arena->gap_count && tried < GAPS_TRIED; tried++) {
		struct arena_gap *gap = &arena->gaps[arena->cursor];
		uint32_t skipped = -gap->first % align;

		if (gap->count >= skipped + count) {
			*first = gap->first + skipped;
			gap->first += skipped + count;
			gap->count -= skipped + count;
			return 0;
		}
		arena->cursor = (arena->cursor + 1) % arena->gap_count;
	}
	if (chunk_add(arena))
		return FAILED;
	return arena_alloc(arena, count, align, first);
}

void *arena_entries(struct arena *arena, uint32_t first)
{
	uint32_t number = first >> arena->chunk_bits,
		 place = first & ((1u << arena->chunk_bits) - 1);
	struct arena_chunk *chunk = &arena->chunks[number];

	/* only now, for mapping costs by the page */
	if (!chunk->entries && chunk->fd >= 0 && chunk_map(arena, number))
		abort(); /* what was opened can be mapped */
	return chunk->entries ? (char *)chunk->entries + (size_t)place * arena->entry_size : NULL;
}

static int gap_larger(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->count > y->count ? -1 : x->count < y->count;
}

/* In a chunk of which nothing is used the gap goes with the chunk. */
static bool gap_is_chunk(const struct arena *arena, const struct arena_gap *gap)
{
	return gap->count == 1u << arena->chunk_bits && gap->first;
}

size_t arena_gaps(const struct arena *arena, bool whole, struct span *gaps, size_t most)
{
	struct span *all = xalloc((arena->gap_count + 1) * sizeof(*all));
	size_t i, count = 0;

	for (i = 0; i < arena->gap_count; i++)
		if (arena->gaps[i].count && (whole || !gap_is_chunk(arena, &arena->gaps[i])))
			all[count++] = (struct span){arena->gaps[i].first, arena->gaps[i].count};
	qsort(all, count, sizeof(*all), gap_larger);
	if (count > most)
		count = most;
	memcpy(gaps, all, count * sizeof(*gaps));
	free(all);
	return count;
}

void arena_take_gaps(struct arena *arena, const struct span *gaps, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (arena->chunks[gaps[i].first >> arena->chunk_bits].fd >= 0)
			gap_add(arena, gaps[i].first, gaps[i].first + gaps[i].count);
}

void arena_free(struct arena *arena, struct span span)
{
	uint32_t chunk = span.first >> arena->chunk_bits, end = span.first + span.count;
	size_t i;

	for (i = 0; i < arena->gap_count; i++) {
		struct arena_gap *gap = &arena->gaps[i];

		if (!gap->count || gap->first >> arena->chunk_bits != chunk)
			continue;
		if (gap->first + gap->count == span.first) {
			gap->count += span.count;
			return;
		}
		if (gap->first == end) {
			gap->first = span.first;
			gap->count += span.count;
			return;
		}
	}
	gap_add(arena, span.first, end);
}

bool arena_is_sparse(const struct arena *arena)
{
	uint64_t used = 0, room = 0;
	uint32_t number;
	size_t i;

	for (number = 0; number < arena->limit; number++)
		room += arena->chunks[number].fd >= 0;
	for (i = 0; i < arena->live_count; i++)
		used += arena->live[i].count;
	return room > 1 && used * 4 < room << arena->chunk_bits;
}

void arena_shrink(struct arena *arena)
{
	bool *used = xalloc(arena->limit);
	uint32_t number;
	size_t i;

	for (i = 0; i < arena->live_count; i++)
		used[arena->live[i].first >> arena->chunk_bits] = true;
	/* the first one stays: making it costs a grace period */
	for (number = 1; number < arena->limit; number++) {
		struct arena_chunk *chunk = &arena->chunks[number];
		char *pin;

		if (used[number] || chunk->fd < 0)
			continue;
		bpf_map_delete_elem(arena->outer, &number);
		pin = chunk_pin(arena, number);
		if (pin)
			unlink(pin);
		free(pin);
		if (chunk->entries)
			munmap(chunk->entries, chunk_bytes(arena));
		close(chunk->fd);
		*chunk = (struct arena_chunk){.fd = -1};
	}
	free(used);
}
