// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "agent/follow.h"
#include <stdlib.h>
#include <string.h>
#include "agent/intake.h"
#include "manifest/schema.h"

#define PAGE 500
#define BACKOFF_MS 100
#define BACKOFF_MOST_MS 10000
#define ABSENT_MS 60000	  /* looked for again after so long */
#define MISSED_MS 10000	  /* for a server that does not say whether it knows all that it has */
#define MISSED_FAILURES 3 /* asks again every second or so */
#define WATCH_S 300
#define STEADY_MS 1000	     /* a watch that lasts so long has not failed */
#define DOUBTS 3	     /* refused watches, until the version is doubted */
#define GONE 410	     /* the status: that version is forgotten */
#define LINE_MOST (64 << 20) /* no object is so large */

static void set_text(char **to, const char *text)
{
	free(*to);
	*to = text && *text ? xstrdup(text) : NULL;
}

/* Between half of it and one and a half times. */
static int64_t jitter(int64_t ms)
{
	return ms / 2 + random() % (ms + 1);
}

static void pause_for(struct follow *follow, int64_t ms)
{
	follow->state = PAUSED;
	follow->due_ms = now_ms() + ms;
}

static void back_off(struct follow *follow)
{
	int64_t ms = BACKOFF_MS;

	for (unsigned i = 0; i < follow->failures && ms < BACKOFF_MOST_MS; i++)
		ms *= 2;
	follow->failures++;
	pause_for(follow, jitter(ms < BACKOFF_MOST_MS ? ms : BACKOFF_MOST_MS));
}

/* Takes the remembered failure. A watch that breaks once is nothing to speak of. */
static void failed(struct follow *follow)
{
	follow->source->errors++;
	if (follow->state == WATCHING && !follow->failures) {
		failure_clear();
	} else {
		follow->failing = true;
		source_complain(follow->source, &follow->source->said);
	}
	back_off(follow);
}

static void answered(struct follow *follow)
{
	follow->back |= follow->failing;
	follow->failing = false;
}

void follow_hurry(struct follow *follow)
{
	int64_t soon = now_ms() + jitter(BACKOFF_MS);

	if (follow->state == PAUSED && follow->failures && follow->due_ms > soon)
		follow->due_ms = soon;
}

static const json_t *metadata(const json_t *object)
{
	return field_get(object, "metadata");
}

/* Lists leave out what all of their items are. */
static void add_type(const struct follow *follow, json_t *object)
{
	if (!json_object_get(object, "kind"))
		json_object_set_new(object, "kind", json_string(follow->resource->kind));
	if (!json_object_get(object, "apiVersion"))
		json_object_set_new(object, "apiVersion", json_string(follow->resource->version));
}

/*
 * Of a NetworkPolicy that cannot be understood, that it isolates its pods, or
 * all if nobody knows which they are: the API server took it, so it means
 * something that npctl does not know.
 */
static int intake_closed(const json_t *object, const char *where, bool all, struct intake *intake)
{
	json_t *selector = field_get(field_get(object, "spec"), "podSelector");
	json_t *closed = json_pack("{s:O, s:O, s:O, s:{s:o, s:[s,s]}}", "apiVersion",
				   json_object_get(object, "apiVersion"), "kind",
				   json_object_get(object, "kind"), "metadata",
				   json_object_get(object, "metadata"), "spec", "podSelector",
				   selector && !all ? json_incref(selector) : json_object(),
				   "policyTypes", "Ingress", "Egress");
	int result = closed ? intake_object(closed, where, "agent", intake) : FAILED;

	failure_clear();
	json_decref(closed);
	return result;
}

static void refuse(struct follow *follow, const json_t *object, const char *key)
{
	struct intake intake = {0};

	follow->source->refused++;
	warn("%s", failure());
	failure_clear();
	if (strcmp(follow->resource->kind, "NetworkPolicy") == 0 &&
	    !mirror_has(follow->source->mirror, key) &&
	    (intake_closed(object, key, false, &intake) == 0 ||
	     intake_closed(object, key, true, &intake) == 0))
		mirror_put(follow->source->mirror, intake.key, intake.text);
	intake_release(&intake);
	mirror_keep(follow->source->mirror, key);
}

static void put(struct follow *follow, json_t *object)
{
	struct intake intake;
	char *key, *where;

	add_type(follow, object);
	key = intake_key(object);
	where = xprintf("%s of the API server", key);
	if (intake_object(object, where, "agent", &intake) < 0)
		refuse(follow, object, key);
	else if (intake.key)
		mirror_put(follow->source->mirror, intake.key, intake.text);
	intake_release(&intake);
	free(key);
	free(where);
}

static void take_away(struct follow *follow, json_t *object)
{
	char *key;

	add_type(follow, object);
	key = intake_key(object);
	mirror_remove(follow->source->mirror, key);
	free(key);
}

/* An event ERROR, or the body of an error. */
static int fail_status(const struct follow *follow, const json_t *status, long code)
{
	const char *message = field_text(status, "message", "");

	return fail("%s %s: %s%s%ld", follow->cluster->server, follow->resource->path, message,
		    *message ? ", status " : "status ", field_number(status, "code", code));
}

static int take_event(struct follow *follow, json_t *event)
{
	const char *type = field_text(event, "type", "");
	json_t *object = field_get(event, "object");

	if (strcmp(type, "ERROR") == 0) {
		follow->gone = field_number(object, "code", 0) == GONE;
		set_text(&follow->version, NULL); /* what else it may be, a list will tell */
		return fail_status(follow, object, 0);
	}
	if (!json_is_object(object))
		return fail("%s %s: an event without an object", follow->cluster->server,
			    follow->resource->path);
	follow->source->events++;
	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0)
		put(follow, object);
	else if (strcmp(type, "DELETED") == 0)
		take_away(follow, object);
	set_text(&follow->version, field_text(metadata(object), "resourceVersion", ""));
	follow->heard = true;
	follow->failures = 0;
	return 0;
}

static int take_line(struct follow *follow, const char *line, size_t length)
{
	json_error_t error;
	json_t *event;
	int result;

	if (!length)
		return 0;
	event = json_loadb(line, length, 0, &error);
	if (!event)
		return fail("%s %s: what came is no event: %.80s", follow->cluster->server,
			    follow->resource->path, error.text);
	result = take_event(follow, event);
	json_decref(event);
	return result;
}

static int take_lines(struct follow *follow)
{
	char *from = follow->buffer, *end = from + follow->length, *newline;
	int result = 0;

	while (!result && (newline = memchr(from, '\n', (size_t)(end - from)))) {
		result = take_line(follow, from, (size_t)(newline - from));
		from = newline + 1;
	}
	follow->length = (size_t)(end - from);
	memmove(follow->buffer, from, follow->length);
	return result;
}

/* Ends the transfer; others may fail before its end is seen. */
static size_t give_up(struct follow *follow)
{
	set_text(&follow->fault, failure());
	failure_clear();
	return 0;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *data)
{
	struct follow *follow = data;

	size *= count;
	if (follow->length + size > LINE_MOST) {
		fail("%s %s: what came has no end", follow->cluster->server,
		     follow->resource->path);
		return give_up(follow);
	}
	if (follow->length + size > follow->capacity) {
		follow->capacity = 2 * (follow->length + size);
		follow->buffer = xrealloc(follow->buffer, follow->capacity);
	}
	memcpy(follow->buffer + follow->length, bytes, size);
	follow->length += size;
	if (follow->state == WATCHING && request_status(&follow->request) == 200 &&
	    take_lines(follow))
		return give_up(follow);
	return size;
}

/* A watch that nothing comes from is well once it was answered. */
static size_t take_header(char *bytes, size_t size, size_t count, void *data)
{
	struct follow *follow = data;

	(void)bytes;
	if (follow->state == WATCHING && request_status(&follow->request) == 200)
		answered(follow);
	return size * count;
}

static char *list_path(struct follow *follow)
{
	char *next, *path;

	if (!follow->next_page) {
		follow->round = mirror_round(follow->source->mirror);
		return xprintf("%s?limit=%d", follow->resource->path, PAGE);
	}
	next = query_escape(follow->next_page);
	path = xprintf("%s?limit=%d&continue=%s", follow->resource->path, PAGE, next);
	free(next);
	return path;
}

void follow_start(struct follow *follow)
{
	long seconds = follow->version ? WATCH_S - 30 + random() % 60 : 0;
	char *path = NULL;

	if (follow->state != PAUSED || follow->due_ms > now_ms())
		return;
	follow->state = follow->version					       ? WATCHING
			: follow->known && follow->missed_ms && !follow->ready ? ASKING
									       : LISTING;
	path = follow->state == ASKING ? xstrdup("/readyz")
	       : follow->version
		   ? xprintf("%s?watch=true&allowWatchBookmarks=true&resourceVersion=%s"
			     "&timeoutSeconds=%ld",
			     follow->resource->path, follow->version, seconds)
		   : list_path(follow);
	follow->length = 0;
	set_text(&follow->fault, NULL);
	follow->heard = follow->gone = false;
	follow->began_ms = now_ms();
	if (request_start(&follow->request, follow->multi, follow->cluster, path,
			  seconds ? seconds + 30 : 0, take_bytes, take_header, follow))
		failed(follow);
	free(path);
}

static void take_items(struct follow *follow, const json_t *list)
{
	json_t *items = field_get(list, "items"), *item;
	size_t i;

	json_array_foreach (items, i, item)
		if (json_is_object(item))
			put(follow, item);
}

/* A page, and perhaps the last. */
static int take_page(struct follow *follow)
{
	json_t *list = json_loadb(follow->buffer, follow->length, 0, NULL);
	const char *version = field_text(metadata(list), "resourceVersion", "");

	if (!json_is_array(json_object_get(list, "items")) &&
	    !json_is_null(json_object_get(list, "items"))) {
		json_decref(list);
		return fail("%s %s: what came is no list", follow->cluster->server,
			    follow->resource->path);
	}
	take_items(follow, list);
	set_text(&follow->next_page, field_text(metadata(list), "continue", ""));
	if (!follow->next_page) {
		mirror_sweep(follow->source->mirror, follow->resource->kind, follow->round);
		set_text(&follow->version, *version ? version : "0");
		follow->listed = true;
	}
	json_decref(list);
	follow->known = true;
	follow->missed_ms = 0;
	follow->ready = UNASKED;
	answered(follow);
	pause_for(follow, 0);
	return 0;
}

static int fail_missed(struct follow *follow)
{
	if (follow->failures > MISSED_FAILURES)
		follow->failures = MISSED_FAILURES;
	return fail("%s %s: not there any more", follow->cluster->server, follow->resource->path);
}

/*
 * A kind of policy that the cluster has not. One that it had counts as gone when the
 * server, which may just be starting, was ready before it said so.
 */
static int take_absence(struct follow *follow)
{
	uint32_t round = mirror_round(follow->source->mirror);

	if (!follow->missed_ms)
		follow->missed_ms = now_ms();
	if (follow->known && !follow->ready) {
		pause_for(follow, 0);
		return 0;
	}
	if (follow->known && follow->ready == UNKNOWN && now_ms() - follow->missed_ms < MISSED_MS)
		return fail_missed(follow);
	follow->known = false;
	follow->missed_ms = 0;
	follow->ready = UNASKED;
	mirror_sweep(follow->source->mirror, follow->resource->kind, round);
	set_text(&follow->version, NULL);
	set_text(&follow->next_page, NULL);
	follow->listed = true;
	follow->failing = false;
	follow->failures = 0;
	pause_for(follow, jitter(ABSENT_MS));
	return 0;
}

static int fail_answer(struct follow *follow, long status)
{
	json_t *body = follow->length ? json_loadb(follow->buffer, follow->length, 0, NULL) : NULL;

	fail_status(follow, body, status);
	json_decref(body);
	return FAILED;
}

static int fail_transfer(struct follow *follow, CURLcode code)
{
	if (follow->fault)
		return fail("%s", follow->fault);
	return fail("%s: %s", follow->cluster->server,
		    *follow->request.error ? follow->request.error : curl_easy_strerror(code));
}

static int list_ended(struct follow *follow, CURLcode code, long status)
{
	if (code)
		return fail_transfer(follow, code);
	if (status == 200)
		return take_page(follow);
	if (status == 404 && follow->resource->optional)
		return take_absence(follow);
	set_text(&follow->next_page, NULL); /* 410: the pages' version is gone */
	return fail_answer(follow, status);
}

/* Whether it is ready; who may not ask has to wait and see. */
static int asking_ended(struct follow *follow, CURLcode code, long status)
{
	if (code || status >= 500) {
		failure_clear();
		return fail_missed(follow);
	}
	follow->ready = status == 200 ? READY : UNKNOWN;
	pause_for(follow, 0);
	return 0;
}

static int watch_ended(struct follow *follow, CURLcode code, long status)
{
	if (status == GONE || status == 404 || follow->gone) {
		set_text(&follow->version, NULL);
		back_off(follow);
		return 0;
	}
	if (status && status != 200) {
		/* A server that was restored may never have seen that version. */
		if (follow->failures >= DOUBTS)
			set_text(&follow->version, NULL);
		return fail_answer(follow, status);
	}
	if (code == CURLE_OK && follow->length)
		return fail("%s: a watch ended amid an event", follow->cluster->server);
	if (code)
		return fail_transfer(follow, code);
	if (follow->heard || !follow->failures)
		pause_for(follow, 0);
	else
		back_off(follow);
	return 0;
}

void follow_ended(struct follow *follow, CURLcode code)
{
	long status = request_status(&follow->request);
	bool watched = follow->state == WATCHING;
	int result;

	if (watched) {
		follow->source->reconnects++;
		if (now_ms() - follow->began_ms > STEADY_MS)
			follow->failures = 0;
		else if (!follow->heard && code == CURLE_OK)
			follow->failures++; /* one that ends at once will again */
	}
	if (follow->state == ASKING)
		result = asking_ended(follow, code, status);
	else
		result =
		    watched ? watch_ended(follow, code, status) : list_ended(follow, code, status);
	if (result)
		failed(follow);
	request_end(&follow->request, follow->multi);
	if (!follow->version && watched)
		follow->source->relists++;
}

void follow_relist(struct follow *follow)
{
	request_end(&follow->request, follow->multi);
	set_text(&follow->version, NULL);
	set_text(&follow->next_page, NULL);
	follow->source->relists++;
	follow->failures = 0;
	pause_for(follow, 0);
}

void follow_release(struct follow *follow)
{
	request_end(&follow->request, follow->multi);
	free(follow->version);
	free(follow->next_page);
	free(follow->buffer);
	free(follow->fault);
}
