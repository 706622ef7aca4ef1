/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the journal into the database: some records are one transaction, which also moves the node's mark (boot, sequence).
 *
 * What is not over yet (a call without its end, its legs, what is kept of them) is held back for a while: it is about to be
 * replaced by a later record of the same thing, and of several only the last is written.  The mark and the place that
 * may be forgotten stay before the oldest record held back, so a crash loses none.  After one, records behind the mark
 * are written once more; each is a whole row, so that changes nothing.
 *
 * Records of a tenant that no longer exists are dropped, contacts that were removed are deleted, what is kept of a leg is
 * sealed.  A record that the database refuses for what it holds is logged and left out: the others do not wait for it.
 *
 * Thread     journal (main at start)
 * Errors     those of db.h; ECONNABORTED becomes EAGAIN: draining again finds out
 */
#ifndef STORE_DRAIN_H
#define STORE_DRAIN_H

#include "store/journal_file.h"
#include "store/store_impl.h"

struct drain;

int drain_open(struct drain **dp, struct store *s) MUST_USE; /* connects at first use */
struct drain *drain_close(struct drain *d);
struct db *drain_db(struct drain *d);
struct rows *drain_rows(struct drain *d);

/* From now on this file, from this place; hold_ms: how long to hold back what is not over, 0: not at all. */
void drain_begin(struct drain *d, const struct journal_file *f, const struct journal_place *from,
		 uint32_t hold_ms);
/* One transaction of what stands before position `end`.  flush: hold nothing back.
 * On success *safe is where reading would have to start again.  ENOENT: there is nothing to write now. */
int drain_turn(struct drain *d, uint64_t end, uint64_t now_ms, bool flush,
	       struct journal_place *safe) MUST_USE;
/* The last boot of the node that the database knows of; 0: none. */
int drain_last_boot(struct drain *d, uint64_t node, uint64_t *bootp) MUST_USE;
/* Contacts that lapsed before; of blocked sources that did, the first 10,000. */
int drain_forget_lapsed(struct drain *d, int64_t before_us) MUST_USE;

/* ---- at start: recover.c ---- */

/* Calls of this node that have no end are closed as interrupted, with their legs and segments, at the time they were last
 * known alive; *np: how many. */
int drain_close_interrupted(struct drain *d, uint64_t node, int64_t alive_at_us,
			    size_t *np) MUST_USE;
typedef void drain_record_h(const void *rec, void *arg);
typedef void drain_leg_h(const struct kept_head *leg, void *arg);
/* Records with an expires_at after now, in order of tenant and id; which: a further condition in SQL, ours. */
int drain_records(struct drain *d, enum record_kind kind, const char *which, int64_t now_us,
		  drain_record_h *fn, void *arg) MUST_USE;
typedef void drain_spending_h(const struct spending_record *s, void *arg);
int drain_spendings(struct drain *d, drain_spending_h *fn, void *arg) MUST_USE;
/* TEN-2: what tenants have on the disk. */
typedef void drain_storage_h(uint64_t tenant_id, uint64_t nbytes, void *arg);
int drain_storage(struct drain *d, drain_storage_h *fn, void *arg) MUST_USE;
/* Hands out what is kept of this node's legs, then forgets it. */
int drain_legs(struct drain *d, uint64_t node, drain_leg_h *fn, void *arg) MUST_USE;

#endif
