/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One SQL database behind one small interface: SQLite or PostgreSQL.  The same DML text serves both ($1, ON CONFLICT, RETURNING);
 * statements are prepared once per connection and found again by their text.
 *
 * PostgreSQL is connected at first use and connected anew, with growing pauses, after it was lost; a statement outside a
 * transaction is tried again on a new connection, one inside is not: its transaction is gone and nothing was changed.
 *
 * Thread     a connection belongs to one thread at a time; no locks inside
 * Ownership  bound text and bytes are borrowed until db_step() has returned; columns until the next db_step() or db_done()
 * Errors     EEXIST unique violation · EBUSY another writer holds it · EAGAIN the database is away, nothing was changed ·
 *            ENOSPC full · EROFS read-only · EINVAL another constraint · ENOMEM · EIO anything else (see db_error()).
 *            db_commit() alone: ECONNABORTED, the connection broke while committing: it may or may not have happened.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/str.h"

enum db_engine { DB_SQLITE, DB_POSTGRES };

struct db;
struct db_stmt;

struct db_conf {
	const char *url;   /* "sqlite:PATH", or "postgresql://…" as libpq takes it */
	bool is_read_only; /* readers: a write is an error */
	bool is_full_sync; /* SQLite: a commit is on the disk when it returns (PostgreSQL's own setting decides there) */
	unsigned busy_ms;    /* wait this long for another writer; 0 = 5000 */
	unsigned connect_ms; /* PostgreSQL: give up a connection attempt after this; 0 = 3000 */
	const char
		*schema; /* PostgreSQL: whose tables; NULL or "": as the URL and the server say */
};

enum { DB_MAX_PARAMS = 64, DB_MAX_STATEMENTS = 128 };

int db_open(struct db **dbp, const struct db_conf *conf) MUST_USE;
struct db *db_close(struct db *db);
enum db_engine db_engine_of(const struct db *db);
int db_url_engine(const char *url, enum db_engine *engine) MUST_USE; /* EINVAL: neither */
/* What the engine said last, for the log; "" when nothing. */
const char *db_error(const struct db *db);

int db_begin(struct db *db, bool is_write) MUST_USE;
int db_commit(struct db *db) MUST_USE;
void db_rollback(struct db *db); /* fine without a transaction */
/* One level inside a transaction: a request of a batch fails without the others. */
int db_savepoint(struct db *db) MUST_USE;
int db_savepoint_keep(struct db *db) MUST_USE;
int db_savepoint_undo(struct db *db) MUST_USE;

/* PostgreSQL only (else ENOTSUP): what others NOTIFY.  After a connection was lost (EAGAIN) listen again: what came meanwhile is lost.
 * ENOENT: nothing in time, or stop_fd is readable. */
int db_listen(struct db *db, const char *channel) MUST_USE;
int db_notice(struct db *db, int stop_fd, int wait_ms, char *text, size_t text_bytes) MUST_USE;
/* This very connection answers; it is not made anew. */
int db_ping(struct db *db) MUST_USE;

/* Text without parameters, one or several statements: DDL. */
int db_exec(struct db *db, const char *sql) MUST_USE;

/* The prepared statement of this text, ready to bind.  Two uses of one text do not overlap: db_done() comes between. */
int db_sql(struct db *db, const char *sql, struct db_stmt **stp) MUST_USE;
/* Parameters count from 1.  A failed bind shows at db_step(). */
void db_bind_int(struct db_stmt *st, unsigned n, int64_t v);
void db_bind_id(struct db_stmt *st, unsigned n, uint64_t v); /* ids have 63 bits */
void db_bind_text(struct db_stmt *st, unsigned n, struct str v);
void db_bind_blob(struct db_stmt *st, unsigned n, const void *p, size_t bytes);
void db_bind_null(struct db_stmt *st, unsigned n);

int db_step(struct db_stmt *st)
	MUST_USE; /* 0: a row · ENOENT: no (more) rows, and the statement is done */
void db_done(struct db_stmt *st);	 /* ends it before its last row; NULL allowed */
int db_run(struct db_stmt *st) MUST_USE; /* no rows wanted: to the end */
int64_t db_changed(
	const struct db_stmt *st); /* rows that the last finished INSERT, UPDATE, DELETE touched */

/* Columns count from 0. */
int64_t db_int(const struct db_stmt *st, unsigned col);
uint64_t db_id(const struct db_stmt *st, unsigned col);
struct str db_text(const struct db_stmt *st, unsigned col); /* terminated too; "" for NULL */
struct str db_blob(struct db_stmt *st, unsigned col);	    /* bytes */
bool db_is_null(const struct db_stmt *st, unsigned col);

/* The number that `sql` finds for a tenant, its one parameter.  ENOENT: none, and *np is as it was. */
int db_number(struct db *db, const char *sql, uint64_t tenant_id, uint64_t *np) MUST_USE;
/* Of its configuration.  ENOENT: there is no such tenant. */
int db_revision(struct db *db, uint64_t tenant_id, uint64_t *revisionp) MUST_USE;

#endif
