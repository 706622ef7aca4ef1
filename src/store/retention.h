/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records that a tenant keeps no longer (keep_records_days): calls with their legs and segments, text messages, events,
 * call reports; recordings by age, or when the tenant's disk is full (TEN-2).
 *
 * A turn is one short transaction of one tenant, so that nobody waits long for the database.  Calls that are not over, and messages
 * that somebody is still to get, stay however old they are.  Who keeps a copy of call records hears that they are gone.
 *
 * Thread     journal
 * Errors     those of db.h: nothing was removed
 */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "store/rows.h"

struct retention {
	uint64_t tenant_id; /* whose turn it was */
};

/* Removes the oldest, at most RETENTION_BATCH of each kind, of the tenant whose turn it is; *more: there is more to do at once.
 * Without, all tenants have had their turn. */
enum { RETENTION_BATCH = 200 };
int retention_turn(struct retention *t, struct rows *r, int64_t now_us, bool *more) MUST_USE;

#endif
