// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "datapath/datapath.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "store/pins.h"

static size_t pages(size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

static void *map_map(int fd, const char *name, size_t bytes)
{
	void *memory = mmap(NULL, pages(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory != MAP_FAILED)
		return memory;
	fail("cannot map %s: %s", name, strerror(errno));
	return NULL;
}

_Static_assert(sizeof(struct subject) % 8 == 0, "an array's stride");
_Static_assert(sizeof(struct run_entry) % 8 == 0, "an array's stride");
_Static_assert(sizeof(struct run6_entry) % 8 == 0, "an array's stride");

int datapath_open_maps(struct datapath *datapath, struct settings *settings,
		       const struct datapath_maps *maps, const char *pins)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);
	char *runs = pins ? xprintf("%s/runs", pins) : NULL;
	char *runs6 = pins ? xprintf("%s/runs6", pins) : NULL;
	int result = FAILED;

	*datapath = (struct datapath){
	    .settings = settings,
	    .maps = *maps,
	};
	if (bpf_obj_get_info_by_fd(maps->rules, &info, &length)) {
		fail("cannot read the size of map rules: %s", strerror(errno));
		goto out;
	}
	datapath->rule_limit = info.max_entries;
	datapath->subjects =
	    map_map(maps->subjects, "subjects", SUBJECT_SLOTS * sizeof(struct subject));
	datapath->peers4 = map_map(maps->peers4, "peers4", 2 * PEERS4_HALF * sizeof(struct span));
	if (!datapath->subjects || !datapath->peers4)
		goto out;
	if (arena_open(&datapath->runs, "runs", maps->runs, runs, sizeof(struct run_entry),
		       RUN_CHUNK_BITS, RUN_CHUNKS) ||
	    arena_open(&datapath->runs6, "runs6", maps->runs6, runs6, sizeof(struct run6_entry),
		       RUN6_CHUNK_BITS, RUN6_CHUNKS))
		goto out;
	result = 0;
out:
	free(runs);
	free(runs6);
	return result;
}

int datapath_open(struct datapath *datapath, struct instance *instance)
{
	static const char *const names[] = {"subjects", "subjects_more", "peers4", "rules",
					    "counters", "runs",		 "runs6",  "rates",
					    "users",	"containers",	 "shadows"};
	struct datapath_maps maps = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
	int *fd = &maps.subjects;
	char *pins = instance_path(instance, "maps", "");
	size_t i, length = strlen(pins);
	int result = FAILED;

	memset(datapath, 0, sizeof(*datapath));
	_Static_assert(sizeof(maps) == ARRAY_SIZE(names) * sizeof(int), "a name each");
	if (length && pins[length - 1] == '/')
		pins[length - 1] = '\0';
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		/* what an earlier build or kernel loaded may have none for users and containers */
		if (&fd[i] >= &maps.rates && !pin_exists(instance, "maps", names[i]))
			continue;
		fd[i] = instance_map(instance, names[i]);
		if (fd[i] < 0)
			goto out;
	}
	result = datapath_open_maps(datapath, instance->settings, &maps, pins);
out:
	datapath->maps = maps;
	datapath->owns_maps = true;
	free(pins);
	return result;
}

void datapath_close(struct datapath *datapath)
{
	int *fd = &datapath->maps.subjects;
	size_t i;

	if (datapath->subjects)
		munmap(datapath->subjects, pages(SUBJECT_SLOTS * sizeof(struct subject)));
	if (datapath->peers4)
		munmap(datapath->peers4, pages(2 * PEERS4_HALF * sizeof(struct span)));
	arena_close(&datapath->runs);
	arena_close(&datapath->runs6);
	for (i = 0; datapath->owns_maps && i < sizeof(datapath->maps) / sizeof(int); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	memset(datapath, 0, sizeof(*datapath));
}
