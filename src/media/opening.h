/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a session gets its sockets: spare ones of its thread, or new ones on ports drawn at random.
 *
 * Thread     core.  Here and not on the worker: binding does not wait for anything, asking another thread for it does.
 * Ownership  the session is the caller's until it is given to a worker; the ports are the part's
 */
#ifndef MEDIA_OPENING_H
#define MEDIA_OPENING_H

#include "media/parts.h"

enum { OPENING_MAX_CLASHES = 16 }; /* ports of other programs that are passed over */

/* Carries out a MEDIA_OPEN.  ENOBUFS: the worker has too many new ones; ENOSPC: no port; ENOMEM, EADDRNOTAVAIL, EMFILE … */
int opening_make(struct parts *ps, struct worker_shared *shared, struct part *p,
		 const struct media_cmd *cmd, struct worker_session **sp) MUST_USE;
/* A pair that the part's closed session has left open. */
void opening_keep(struct parts *ps, struct part *p, struct stream *st);
/* A pair that nobody needed, to be dropped by this worker; NULL: none. */
struct stream *opening_stale(struct parts *ps, struct worker_shared *shared, uint16_t *worker);

#endif
