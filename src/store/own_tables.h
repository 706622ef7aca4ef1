/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables and indexes that are the store's own, beside those made from the field tables.
 *
 *	schema_version   one row: which migrations this database has seen
 *	setting          what belongs to the database itself: name, value
 *	tenant_revision  per tenant (0: the system): its last revision, and the next id of its objects
 *	change           every change of an object: the feed, the audit log and time travel, in order of (tenant, revision)
 *	session          who has signed in, by the hash of the token
 *	idempotency      POSTs already answered, for a day
 *	journal_mark     up to where each node's journal is in here
 *	outbox           what webhooks are to be told and mail is to be sent, and has been (outbox.h)
 *	call_report, call_report_piece  reports of calls and their lines (report.h)
 *	leg_kept         what continues confirmed legs, sealed
 */
#ifndef STORE_OWN_TABLES_H
#define STORE_OWN_TABLES_H

#include "base/buf.h"
#include "store/db.h"

/* DDL of everything above, for a new database. */
void own_tables_ddl(struct buf *out, enum db_engine e);
/* Text with @int @text @bytes @strict, as the engine says it. */
void own_tables_expand(struct buf *out, const char *sql, enum db_engine e);

#endif
