/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Pairs of sockets that a session has left open for the next one: to open, bind and close four sockets costs a call more than all
 * of its signalling.  A spare pair stays in its thread's epoll set, so that what strangers, or the peer of the call before, still
 * send to it is read and refused; after SPARE_COOL_MS it may be drawn, at random, by a session of the same thread and
 * address.  The source it listened to before is barred there for good, unless the new description names it (stream_renew).
 *
 * Thread     core; the sockets and the stream are the worker's until a session is given to it that has them
 * Ownership  spares_put takes the stream, spares_take gives it, spares_stale gives those to be dropped by their worker
 * Units      time in milliseconds
 */
#ifndef MEDIA_SPARE_H
#define MEDIA_SPARE_H

#include "base/addr.h"
#include "base/rng.h"

enum { SPARE_COOL_MS = 1000, SPARE_KEEP_MS = 10000 /* unused, then it is given back */ };

struct spares;
struct stream;

int spares_alloc(struct spares **sp, size_t max, struct rng *rng) MUST_USE;
struct spares *spares_free(struct spares *s); /* closes their sockets: no worker may run any more */
/* ENOBUFS: max are kept. */
int spares_put(struct spares *s, struct stream *st, uint16_t worker, uint64_t now_ms) MUST_USE;
/* NULL: there is none for this thread and address.  is_urgent: one that has not cooled will do. */
struct stream *spares_take(struct spares *s, uint16_t worker, const struct addr *local,
			   bool is_urgent, uint64_t now_ms);
/* One that nobody has used for long, and whose it is; NULL: none. */
struct stream *spares_stale(struct spares *s, uint16_t *worker, uint64_t now_ms);
size_t spares_count(const struct spares *s);

#endif
