/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal: what has happened, kept from the instant it happened.  A checksummed mapped file that the core thread writes
 * before it sends the 200 (about 1 µs: a copy into the page cache, which survives kill -9); another thread syncs it to
 * disk and drains it into SQL, idempotent by (node, boot, sequence).
 *
 * Thread     journal_write, journal_mark_alive: core.  Sync and drain: the journal thread.
 * Ownership  records are copied
 * Errors     ENOSPC: the journal is full because the database has been away too long (counted and logged here)
 */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "schema/record.h"
#include "store/store.h"

struct journal;

struct journal_conf {
	const char *path;
	size_t bytes; /* size of the mapped file; 0 = 64 MiB */
	uint64_t node;
	unsigned drain_ms; /* into SQL this often; 0 = 500 */
	unsigned hold_ms;  /* what is not over yet: this long after it began; 0 = 15000 */
};

/* Opens or creates.  Records of an earlier boot not yet in SQL are drained before this returns. */
int journal_open(struct journal **jp, const struct journal_conf *conf, struct store *s) MUST_USE;
struct journal *journal_close(struct journal *j); /* drains, syncs */

/* Append one record: its kind, and its plain struct from record.h. */
int journal_write(struct journal *j, enum record_kind kind, const void *rec, size_t n) MUST_USE;
/* The per-second mark of "these calls were alive": one time for the whole process. */
void journal_mark_alive(struct journal *j, int64_t wall_us);
size_t journal_pending_bytes(const struct journal *j);
/* Of this node: one more than the last one's. */
uint64_t journal_boot(const struct journal *j);

/* At start, after journal_open(), in this order: the contacts still valid, the sources still blocked, the messages that wait for who is away, and the legs of
 * calls that were cut off (their calls have been closed as interrupted, with the last time they were seen alive).
 * A handler that is NULL: nobody asks. */
struct journal_restorer {
	void (*contact)(const struct contact_record *c, void *arg);
	void (*message)(const struct message_record *m, void *arg);
	void (*block)(const struct block_record *b, void *arg);
	void (*leg)(const struct kept_head *leg, void *arg);
	void *arg;
};
int journal_restore(struct journal *j, const struct journal_restorer *to) MUST_USE;
/* What extensions and tenants have spent. */
typedef void journal_spending_h(const struct spending_record *s, void *arg);
int journal_restore_spendings(struct journal *j, journal_spending_h *fn, void *arg) MUST_USE;
/* How much of its disk quota each tenant uses, in bytes; later changes come as STORE_STORAGE. */
typedef void journal_storage_h(uint64_t tenant_id, uint64_t nbytes, void *arg);
int journal_restore_storage(struct journal *j, journal_storage_h *fn, void *arg) MUST_USE;

#endif
