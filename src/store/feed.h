/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the core is told, by the writer alone: changes in order, and everything anew.
 *
 * Several nodes may write to one PostgreSQL.  A node knows of each tenant which revision its core has; the listener wakes it, and what
 * it then reads are the rows of `change` above that revision.  Revisions of a tenant are given under a lock on its row, so
 * there is never a lower one to come.  The objects are read as they are now, and told in the order of their changes; before the
 * writer tells of its own change it tells of those of others below it.
 *
 * Thread     feed_loaded: main, before the core holds anything; the rest writer
 * Errors     those of db.h; ECANCELED: the store is closing
 */
#ifndef STORE_FEED_H
#define STORE_FEED_H

#include "store/store_impl.h"

/* NULL on SQLite, which one process has for itself: every function takes that. */
struct feed;
int feed_open(struct feed **fp, struct store *s) MUST_USE;
struct feed *feed_close(struct feed *f);

/* Within the transaction that the core is loaded from: which revisions that are. */
int feed_loaded(struct feed *f, struct db *db) MUST_USE;
/* Waits for room; takes c->after. */
int feed_push(struct store *s, struct store_change *c) MUST_USE;
/* The same for a change of our own: what others changed below it goes first. */
int feed_push_own(struct feed *f, struct store *s, struct rows *r, struct store_change *c) MUST_USE;
/* What others have changed since: of a tenant, or STORE_ALL. */
int feed_catch_up(struct feed *f, struct rows *r, uint64_t tenant_id) MUST_USE;
void feed_retry(struct feed *f, struct rows *r); /* what could not be read before */
/* All that the database holds, as one instant saw it, takes the place of what the core has.  token: punched at the end. */
int feed_reload(struct store *s, struct feed *f, struct rows *r, uint64_t token) MUST_USE;

#endif
