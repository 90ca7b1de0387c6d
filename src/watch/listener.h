/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A listener: one ring buffer in one slot, with a filter and a lease. */
#ifndef NPCTL_WATCH_LISTENER_H
#define NPCTL_WATCH_LISTENER_H

#include "store/instance.h"

struct listener;

/*
 * `filter`: flags and match fields of struct sink; the rest is set here.
 * `ring_bytes` is rounded up to a power of two of whole pages. The listener
 * lives on after the instance is closed.
 */
int listener_open(struct instance *instance, const struct sink *filter, size_t ring_bytes,
		  struct listener **listener);
/*
 * Waits up to `timeout_ms` for events, calls back for each, renews the lease.
 * Returns how many there were, or a negative errno (-EINTR after a signal).
 * A callback that returns other than 0 ends it after that event.
 */
typedef int listener_callback(void *data, const struct event *event);
int listener_poll(struct listener *listener, int timeout_ms, listener_callback *callback,
		  void *data);
/*
 * Sends no more events here and calls back for those still in the ring. From
 * then on the totals stand: sent is how many the callbacks have seen. A
 * callback that returns other than 0 leaves the rest unseen.
 */
void listener_stop(struct listener *listener, listener_callback *callback, void *data);
/* From now on by the rules of this filter, which else is the one that it was opened with. */
void listener_rules(struct listener *listener, const struct sink *filter);
/* Sent and lost so far. */
void listener_totals(const struct listener *listener, uint64_t *sent, uint64_t *lost);
void listener_close(struct listener *listener); /* NULL is fine */

#endif
