/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes that write to one PostgreSQL wake each other by NOTIFY.
 *
 * A notification is a hint and no more: it wakes the writer, which reads what the feed has not told, and rings who waits for a commit.  So
 * one that is lost with its connection costs nothing: after every connecting all tenants are looked at.
 *
 * Thread     telling: writer; listener_hears: any; hearing has a thread of its own; the rest main
 * Errors     those of db.h
 */
#ifndef STORE_LISTENER_H
#define STORE_LISTENER_H

#include "store/store_impl.h"

/* NULL on SQLite, which one process has for itself: every function takes that. */
struct listener;
int listener_open(struct listener **lp, struct store *s) MUST_USE;
int listener_start(struct listener *l) MUST_USE;
void listener_stop(struct listener *l);
struct listener *listener_close(struct listener *l);

/* Within a transaction that changes the tenant (STORE_ALL: everything): others are woken when it commits. */
int listener_tell(const struct listener *l, struct db *db, uint64_t tenant_id) MUST_USE;
/* The same where only sessions have changed: what others keep in memory counts no more, and their cores need not know. */
int listener_tell_of_sessions(const struct listener *l, struct db *db) MUST_USE;
/* Whatever others have committed since TRUST_MS ago or longer is counted in store->commits; any thread. */
bool listener_hears(const struct listener *l);

#endif
