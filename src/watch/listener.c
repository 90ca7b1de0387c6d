// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "watch/listener.h"
#include "kernel/privileges.h"
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define LEASE_NS 3000000000ull
#define RENEW_NS 1000000000ull
#define CLOCK_EVERY 256 /* events between two looks at the clock */

struct listener {
	struct settings *settings; /* both mapped and shared with the datapath */
	struct sink *sinks;
	int rings, ring; /* maps: the slots', and our own ring buffer */
	struct ring_buffer *buffer;
	struct sink filter;
	unsigned int slot;
	uint64_t lease;		 /* as we wrote it last; 0: we have no slot */
	uint64_t sent, lost;	 /* in a slot that we had before, or at the end */
	unsigned int until_look; /* events until the clock is looked at */
	/* of the poll under way */
	listener_callback *callback;
	void *data;
	int count;
	bool stopped;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Slots are taken, kept and left by exchanging the lease: whoever finds one
 * expired and exchanges it first has the slot, and a listener that slept too
 * long finds out when it cannot exchange what it wrote.
 */
static bool lease_exchange(struct sink *sink, __u64 old, __u64 new)
{
	return __atomic_compare_exchange_n(&sink->lease, &old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

static uint64_t lease_of(const struct sink *sink)
{
	return __atomic_load_n(&sink->lease, __ATOMIC_SEQ_CST);
}

static void silence(struct settings *settings, unsigned int slot)
{
	__atomic_and_fetch(&settings->listening, ~(1u << slot), __ATOMIC_SEQ_CST);
	__atomic_and_fetch(&settings->listening_all, ~(1u << slot), __ATOMIC_SEQ_CST);
}

static bool is_listening(const struct settings *settings, unsigned int slot)
{
	return __atomic_load_n(&settings->listening, __ATOMIC_SEQ_CST) & 1u << slot;
}

/* Frees what killed listeners left. */
static void reap(struct listener *listener)
{
	for (unsigned int slot = 0; slot < SINKS; slot++) {
		struct sink *sink = &listener->sinks[slot];
		uint64_t lease = lease_of(sink), now = now_ns();

		if (!lease || lease > now || !lease_exchange(sink, lease, now + LEASE_NS))
			continue;
		silence(listener->settings, slot);
		bpf_map_delete_elem(listener->rings, &slot);
		lease_exchange(sink, now + LEASE_NS, 0);
	}
}

static int take_slot(struct listener *listener)
{
	for (unsigned int slot = 0; slot < SINKS; slot++) {
		struct sink *sink = &listener->sinks[slot];
		uint64_t lease = lease_of(sink), now = now_ns();

		if (lease > now || !lease_exchange(sink, lease, now + LEASE_NS))
			continue;
		listener->slot = slot;
		listener->lease = now + LEASE_NS;
		return 0;
	}
	return fail("all %d listeners' slots are taken; end another npctl trace first", SINKS);
}

/*
 * Setting the ring waits for the programs that still know the slot's former
 * owner, or an expired lease of our own: none of them writes to our ring before
 * the counters are zero, or silences us after we have spoken.
 */
static int publish(struct listener *listener, bool anew)
{
	struct sink *sink = &listener->sinks[listener->slot];
	size_t matches = offsetof(struct sink, cgroup);

	silence(listener->settings, listener->slot);
	if (bpf_map_update_elem(listener->rings, &listener->slot, &listener->ring, BPF_ANY))
		return fail("hand a ring buffer to the datapath: %s", strerror(errno));
	memcpy((char *)sink + matches, (const char *)&listener->filter + matches,
	       sizeof(*sink) - matches);
	if (anew)
		sink->sent = sink->lost = 0;
	if (listener->filter.flags & SINK_ALL)
		__atomic_or_fetch(&listener->settings->listening_all, 1u << listener->slot,
				  __ATOMIC_SEQ_CST);
	__atomic_or_fetch(&listener->settings->listening, 1u << listener->slot, __ATOMIC_SEQ_CST);
	return 0;
}

/* The datapath silences those whose lease is over. */
static void warn_missed(void)
{
	warn("events were missed: npctl was stopped for more than %llu s", LEASE_NS / 1000000000);
}

static int renew(struct listener *listener)
{
	uint64_t now = now_ns();

	listener->until_look = CLOCK_EVERY;
	if (listener->lease > now + LEASE_NS - RENEW_NS)
		return 0;
	if (listener->lease &&
	    lease_exchange(&listener->sinks[listener->slot], listener->lease, now + LEASE_NS)) {
		listener->lease = now + LEASE_NS;
		if (is_listening(listener->settings, listener->slot))
			return 0;
		warn_missed();
		return publish(listener, false) ? -ESTALE : 0;
	}
	listener->lease = 0; /* somebody else has the slot */
	warn_missed();
	return take_slot(listener) || publish(listener, true) ? -ESTALE : 0;
}

/* A ring that fills as fast as it is read keeps libbpf reading: the lease is renewed in here. */
static int receive(void *data, void *record, size_t size)
{
	struct listener *listener = data;
	int error = 0;

	if (size < sizeof(struct event) || listener->stopped)
		return 0;
	listener->count++;
	if (listener->callback(listener->data, record)) {
		listener->stopped = true;
		return -ECANCELED;
	}
	if (listener->lease && --listener->until_look == 0)
		error = renew(listener);
	return error;
}

static int poll_once(struct listener *listener, int timeout_ms)
{
	int error = renew(listener);

	if (!error)
		error = ring_buffer__poll(listener->buffer, timeout_ms);
	return error > 0 || error == -ECANCELED ? 0 : error;
}

int listener_poll(struct listener *listener, int timeout_ms, listener_callback *callback,
		  void *data)
{
	const int step_ms = RENEW_NS / 1000000;
	int error;

	listener->callback = callback;
	listener->data = data;
	listener->count = 0;
	listener->stopped = false;
	do {
		int wait_ms = timeout_ms < step_ms ? timeout_ms : step_ms;

		error = poll_once(listener, wait_ms);
		timeout_ms -= wait_ms;
	} while (!error && !listener->count && timeout_ms > 0);
	return error && !listener->count ? error : listener->count;
}

void listener_totals(const struct listener *listener, uint64_t *sent, uint64_t *lost)
{
	*sent = listener->sent;
	*lost = listener->lost;
	if (listener->lease) {
		const struct sink *sink = &listener->sinks[listener->slot];

		*sent += __atomic_load_n(&sink->sent, __ATOMIC_SEQ_CST);
		*lost += __atomic_load_n(&sink->lost, __ATOMIC_SEQ_CST);
	}
}

void listener_stop(struct listener *listener, listener_callback *callback, void *data)
{
	struct sink *sink;

	if (!listener->lease)
		return;
	sink = &listener->sinks[listener->slot];
	/* A last lease: the slot must not be taken from us while we count. */
	if (lease_exchange(sink, listener->lease, now_ns() + 2 * LEASE_NS)) {
		silence(listener->settings, listener->slot);
		bpf_map_delete_elem(listener->rings, &listener->slot);
		listener_totals(listener, &listener->sent, &listener->lost);
		__atomic_store_n(&sink->lease, 0, __ATOMIC_SEQ_CST);
	}
	listener->lease = 0;
	listener->callback = callback;
	listener->data = data;
	listener->stopped = false;
	ring_buffer__consume(listener->buffer);
}

static void copy_rules(struct sink *to, const struct sink *from)
{
	memcpy(to->rules, from->rules, sizeof(to->rules));
	to->rule_count = from->rule_count;
	to->flags = from->flags;
}

void listener_rules(struct listener *listener, const struct sink *filter)
{
	copy_rules(&listener->filter, filter);
	if (listener->lease)
		copy_rules(&listener->sinks[listener->slot], filter);
}

static int ignore(void *data, const struct event *event)
{
	(void)data;
	(void)event;
	return 0;
}

void listener_close(struct listener *listener)
{
	if (!listener)
		return;
	listener_stop(listener, ignore, NULL);
	ring_buffer__free(listener->buffer);
	if (listener->ring >= 0)
		close(listener->ring);
	if (listener->rings >= 0)
		close(listener->rings);
	if (listener->sinks)
		munmap(listener->sinks, SINKS * sizeof(struct sink));
	if (listener->settings)
		munmap(listener->settings, sizeof(struct settings));
	free(listener);
}

static void *map_shared(struct instance *instance, const char *name, size_t size)
{
	int fd = instance_map(instance, name);
	void *memory;

	if (fd < 0)
		return NULL;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		fail("map %s/maps/%s: %s", instance->root, name, strerror(errno));
		memory = NULL;
	}
	close(fd);
	return memory;
}

static int make_ring(struct listener *listener, size_t ring_bytes)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);

	while (bytes < ring_bytes && bytes < 1ull << 31)
		bytes *= 2;
	step("bpftool map create … type ringbuf key 0 value 0 entries %zu name events", bytes);
	listener->ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, bytes, NULL);
	if (listener->ring < 0 && errno == EPERM)
		return fail_privileges("make a ring buffer");
	if (listener->ring < 0)
		return fail("make a ring buffer of %zu bytes: %s", bytes, strerror(errno));
	listener->buffer = ring_buffer__new(listener->ring, receive, listener, NULL);
	if (!listener->buffer)
		return fail("read a ring buffer of %zu bytes: %s", bytes, strerror(errno));
	return 0;
}

int listener_open(struct instance *instance, const struct sink *filter, size_t ring_bytes,
		  struct listener **listener)
{
	struct listener *new = xalloc(sizeof(*new));
	int error = FAILED;

	new->ring = -1;
	new->filter = *filter;
	new->rings = instance_map(instance, "rings");
	if (new->rings >= 0)
		new->sinks = map_shared(instance, "sinks", SINKS * sizeof(struct sink));
	if (new->sinks)
		new->settings = map_shared(instance, "settings", sizeof(struct settings));
	if (new->settings)
		error = make_ring(new, ring_bytes);
	if (!error) {
		reap(new);
		error = take_slot(new);
	}
	if (!error)
		error = publish(new, true);
	if (error)
		listener_close(new);
	else
		*listener = new;
	return error;
}
