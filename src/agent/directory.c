// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A directory of manifests. A file counts as a whole: while it cannot be read,
 * its last good content stays in force.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/intake.h"
#include "agent/source.h"
#include "manifest/manifest.h"
#include "manifest/schema.h"

#define EVENTS                                                                               \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR | \
	 IN_DELETE_SELF | IN_MOVE_SELF)
#define SEARCH_MS 1000 /* for a directory that is not there */

struct file {
	char *name;
	struct intake *objects;
	size_t count, capacity;
	char *said;   /* why it is broken; NULL: it is not */
	bool repeats; /* what was said before it; then that was said, too */
	bool seen;    /* by the scan that runs */
};

struct directory_source {
	char *path;
	struct file **files; /* sorted by name */
	size_t count, capacity;
	int inotify, watch;
	char *said;
	bool changed;
};

static void file_release(struct file *file)
{
	while (file->count)
		intake_release(&file->objects[--file->count]);
	free(file->objects);
	free(file->name);
	free(file->said);
	free(file);
}

/* The file of that name; made when there is none. */
static struct file *file_get(struct directory_source *own, const char *name)
{
	struct file *file;
	size_t at = 0;

	while (at < own->count && strcmp(own->files[at]->name, name) < 0)
		at++;
	if (at < own->count && strcmp(own->files[at]->name, name) == 0)
		return own->files[at];
	GROW(own->files, own->count, own->capacity);
	memmove(&own->files[at + 1], &own->files[at], (own->count++ - at) * sizeof(*own->files));
	file = own->files[at] = xalloc(sizeof(*file));
	file->name = xstrdup(name);
	return file;
}

static void file_forget(struct directory_source *own, size_t at)
{
	file_release(own->files[at]);
	own->count--;
	memmove(&own->files[at], &own->files[at + 1], (own->count - at) * sizeof(*own->files));
	own->changed = true;
}

static void file_add(struct file *file, struct intake intake)
{
	GROW(file->objects, file->count, file->capacity);
	file->objects[file->count++] = intake;
}

static char *origin_of(const struct file *file)
{
	return xprintf("agent:%s", file->name);
}

static int take_manifest(struct file *into, const struct manifests *manifests, size_t index)
{
	const struct manifest *manifest = &manifests->manifest[index];
	struct intake intake;
	int result = manifest_check(manifests, manifest);
	char *origin;

	if (result)
		return result;
	origin = origin_of(into);
	result = intake_object(manifest->object, manifest->where, origin, &intake);
	free(origin);
	if (result == 1)
		warn("%s: %s is passed over: an agent follows a cluster's objects, no others",
		     manifest->where, field_text(manifest->object, "kind", "an object"));
	if (result == 0)
		file_add(into, intake);
	return result;
}

/* Its objects, or why they cannot be had. */
static int file_parse(const char *path, struct file *into)
{
	struct manifests manifests = {0};
	int result = manifests_read(path, &manifests);

	for (size_t i = 0; result >= 0 && i < manifests.count; i++)
		result = take_manifest(into, &manifests, i);
	manifests_release(&manifests);
	return result < 0 ? FAILED : 0;
}

static void file_read_again(struct source *source, struct directory_source *own, struct file *file)
{
	char *path = xprintf("%s/%s", own->path, file->name);
	struct file *fresh = xalloc(sizeof(*fresh)), old = *file;

	fresh->name = xstrdup(file->name);
	if (file_parse(path, fresh)) {
		source->errors++;
		source_complain(source, &file->said);
		own->changed = true;
		file_release(fresh);
		free(path);
		return;
	}
	if (file->said)
		warn("%s can be read again", path);
	fresh->repeats = file->repeats;
	fresh->seen = true;
	*file = *fresh;
	*fresh = old;
	file_release(fresh);
	own->changed = true;
	free(path);
}

/* An event, or a look at all of them, named it. */
static void file_look(struct source *source, struct directory_source *own, const char *name)
{
	char *path = xprintf("%s/%s", own->path, name);
	struct stat info;
	size_t at;

	if (!stat(path, &info) && S_ISREG(info.st_mode)) {
		struct file *file = file_get(own, name);

		file->seen = true;
		file_read_again(source, own, file);
	} else {
		for (at = 0; at < own->count; at++)
			if (strcmp(own->files[at]->name, name) == 0)
				file_forget(own, at--);
	}
	free(path);
}

static int is_manifest(const struct dirent *entry)
{
	return manifest_is_name(entry->d_name);
}

static int look_at_all(struct source *source, struct directory_source *own)
{
	struct dirent **entries;
	int count = scandir(own->path, &entries, is_manifest, alphasort);

	if (count < 0)
		return fail("%s: %s", own->path, strerror(errno));
	for (size_t i = 0; i < own->count; i++)
		own->files[i]->seen = false;
	for (int i = 0; i < count; i++) {
		file_look(source, own, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	for (size_t i = own->count; i-- > 0;)
		if (!own->files[i]->seen)
			file_forget(own, i);
	return 0;
}

/* Where two say the same, the later one counts; NULL or the first such object. */
static const char *put_file(struct source *source, const struct file *file)
{
	const char *again = NULL;

	for (size_t i = 0; i < file->count; i++)
		if (!mirror_put(source->mirror, file->objects[i].key, file->objects[i].text) &&
		    !again)
			again = file->objects[i].key;
	return again;
}

static void put_all(struct source *source, struct directory_source *own)
{
	uint32_t round = mirror_round(source->mirror);

	source->failing = own->watch < 0;
	for (size_t i = 0; i < own->count; i++) {
		struct file *file = own->files[i];
		const char *again = put_file(source, file);

		source->failing |= file->said != NULL;
		if (again && !file->repeats)
			warn("%s/%s: %s was said before; this counts", own->path, file->name,
			     again);
		file->repeats = again != NULL;
	}
	mirror_sweep(source->mirror, NULL, round);
	own->changed = false;
}

/* Watch first, then look: what changes between is seen twice, not never. */
static int watch(struct source *source, struct directory_source *own)
{
	own->watch = inotify_add_watch(own->inotify, own->path, EVENTS);
	if (own->watch < 0)
		return fail("%s: %s", own->path, strerror(errno));
	return look_at_all(source, own);
}

/* What a broken file said when it could be read last, by an agent before this one. */
static void take_stored(const json_t *object, void *data)
{
	const struct directory_source *own = data;
	const char *origin = field_text(object, "origin", "");

	for (size_t i = 0; i < own->count; i++) {
		char *name = origin_of(own->files[i]);
		struct intake intake;

		if (own->files[i]->said && strcmp(name, origin) == 0 &&
		    intake_object(object, "documents", name, &intake) == 0)
			file_add(own->files[i], intake);
		free(name);
	}
	failure_clear();
}

static int directory_start(struct source *source, struct instance *instance)
{
	struct directory_source *own = source->own;

	own->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (own->inotify < 0)
		return fail("inotify: %s", strerror(errno));
	if (watch(source, own))
		return FAILED;
	if (instance)
		mirror_stored_each(instance, take_stored, own);
	put_all(source, own);
	source->synced = true;
	return 0;
}

static void directory_wait(struct source *source, struct waits *waits)
{
	const struct directory_source *own = source->own;

	waits_add(waits, own->inotify, POLLIN);
	if (own->watch < 0)
		waits_until(waits, now_ms() + SEARCH_MS);
}

/* A link, hard or symbolic, is complete as soon as it is there; a file when it was closed. */
static bool is_complete(const struct directory_source *own, const struct inotify_event *event)
{
	char *path = xprintf("%s/%s", own->path, event->name);
	struct stat info;
	bool link = !lstat(path, &info) && (S_ISLNK(info.st_mode) || info.st_nlink > 1);

	free(path);
	return link || !(event->mask & IN_CREATE);
}

/* True when all of them have to be looked at. */
static bool take_event(struct source *source, struct directory_source *own,
		       const struct inotify_event *event)
{
	source->events++;
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
		if (own->watch >= 0 && event->wd == own->watch) {
			inotify_rm_watch(own->inotify, own->watch);
			own->watch = -1;
		}
		return false;
	}
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	if (!event->len)
		return false;
	if (event->name[0] == '.') /* ConfigMaps turn a link "..data" */
		return strcmp(event->name, "..data") == 0;
	if (manifest_is_name(event->name) && is_complete(own, event))
		file_look(source, own, event->name);
	return false;
}

static void directory_relist(struct source *source)
{
	struct directory_source *own = source->own;

	source->relists++;
	if (own->watch < 0 ? watch(source, own) : look_at_all(source, own)) {
		if (!own->said)
			source->errors++;
		source_complain(source, &own->said);
	} else if (own->said) {
		warn("%s is there again", own->path);
		free(own->said);
		own->said = NULL;
	}
	put_all(source, own);
}

static void directory_step(struct source *source)
{
	struct directory_source *own = source->own;
	char buffer[16384] __attribute__((aligned(8)));
	bool all = false;
	ssize_t length;

	while ((length = read(own->inotify, buffer, sizeof(buffer))) > 0) {
		for (char *at = buffer; at < buffer + length;) {
			const struct inotify_event *event = (void *)at;

			all |= take_event(source, own, event);
			at += sizeof(*event) + event->len;
		}
	}
	if (all || own->watch < 0)
		directory_relist(source);
	else if (own->changed)
		put_all(source, own);
}

static void directory_stop(struct source *source)
{
	struct directory_source *own = source->own;

	for (size_t i = 0; i < own->count; i++)
		file_release(own->files[i]);
	free(own->files);
	free(own->path);
	free(own->said);
	if (own->inotify >= 0)
		close(own->inotify);
	free(own);
}

int source_of_directory(struct source *source, const char *path)
{
	static const struct source_kind kind = {directory_start,  directory_wait, directory_step,
						directory_relist, directory_stop, NULL};
	struct directory_source *own = xalloc(sizeof(*own));

	own->path = xstrdup(path);
	own->inotify = own->watch = -1;
	source->kind = &kind;
	source->own = own;
	return 0;
}
