/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A database aside: every table there is, empty, where what is restored is put in and judged while everybody goes on working; then its
 * tables take the places of ours in one short transaction (docs/adr/0047).  SQLite: the file backups/restoring.stage, attached for the
 * switch, whose rows are copied page by page, as both have the same tables with the same indexes.  PostgreSQL: a schema beside ours,
 * whose tables are moved.  A node has one at a time; which restoring it is of, it says itself (stage_note).
 *
 * Thread     one at a time: jobs, writer during the switch, main at start
 * Errors     those of db.h; ENOENT: there is none
 */
#ifndef STORE_STAGE_H
#define STORE_STAGE_H

#include "store/store_impl.h"

struct stage {
	const struct store *store;
	char path[600];		    /* SQLite */
	char schema[64], home[160]; /* PostgreSQL: its own, and ours, quoted */
};

/* live: a connection that may write. */
int stage_find(struct stage *g, const struct store *s, struct db *live) MUST_USE;
/* Thrown away is what was there.  note: whose it is. */
int stage_create(const struct stage *g, struct db *live, const char *note,
		 struct db **dbp) MUST_USE;
int stage_open(const struct stage *g, struct db *live, struct db **dbp) MUST_USE;
int stage_note(struct db *stage, char *note, size_t note_bytes) MUST_USE;
/* All that was put in is on the disk. */
int stage_settle(struct db *stage) MUST_USE;
void stage_drop(const struct stage *g, struct db *live);

/* Around the transaction of the switch, and within it: the table's rows are those of the stage. */
int stage_attach(const struct stage *g, struct db *live) MUST_USE;
int stage_take(const struct stage *g, struct db *live, const char *table) MUST_USE;
void stage_detach(const struct stage *g, struct db *live);
void stage_spread(struct db *live); /* after it; may take long, and is waited for by nobody */

#endif
