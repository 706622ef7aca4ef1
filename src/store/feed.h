/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core is told by the writer alone: changes in order, and everything anew.
 *
 * Thread     writer
 * Errors     those of db.h; ECANCELED: the store is closing
 */
#ifndef STORE_FEED_H
#define STORE_FEED_H

#include "store/store_impl.h"

/* Waits for room; takes c->after. */
int feed_push(struct store *s, struct store_change *c) MUST_USE;
/* All that the database holds, as one instant saw it, takes the place of what the core has.  token: punched at the end. */
int feed_reload(struct store *s, struct rows *r, uint64_t token) MUST_USE;

#endif
