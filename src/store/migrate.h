/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The database's schema: made when there is none, carried forward step by step when it is older, refused when newer.
 *
 * Every step is one transaction with its version number: killed in the middle, it is as if it had not begun.  Two nodes
 * that start at once wait for each other.
 *
 * Thread     main, at start
 * Errors     EPROTO: newer than this program, or no database of ours (logged with both versions); those of db.h
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "schema/sql.h"
#include "store/db.h"

enum { MIGRATE_FIRST = 1 };
int migrate_version(void); /* of this program */
int migrate(struct db *db, const struct sql_schema *schema) MUST_USE;
/* The DDL of a new database. */
void migrate_ddl(struct buf *out, const struct sql_schema *schema, enum db_engine e);

#endif
