/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The SQLite engine: one file in WAL mode, so readers never wait for the writer.
 *
 * A write transaction takes the write lock when it begins (IMMEDIATE): two writers wait for each other there, never in the
 * middle, where SQLite could only give up.  After some errors (full, I/O) SQLite has rolled back by itself: rollback
 * looks before it acts.
 */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "store/db_impl.h"

enum { WAL_TRIES = 250, WAL_PAUSE_MS = 20 };

struct sqlite_db {
	struct db db; /* first */
	sqlite3 *conn;
};

struct sqlite_stmt {
	struct db_stmt st; /* first */
	sqlite3_stmt *handle;
	uint8_t at[DB_MAX_PARAMS + 1]; /* $n → SQLite's own count, which goes by first appearance */
};

static sqlite3 *conn_of(const struct db *db)
{
	return ((const struct sqlite_db *)db)->conn;
}

static sqlite3_stmt *handle_of(const struct db_stmt *st)
{
	return ((const struct sqlite_stmt *)st)->handle;
}

static int class_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_CONSTRAINT:
		return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
				       code == SQLITE_CONSTRAINT_ROWID
			       ? EEXIST
			       : EINVAL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return EROFS;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_TOOBIG:
		return EINVAL;
	case SQLITE_CANTOPEN:
		return EAGAIN;
	default:
		return EIO;
	}
}

static void sqlite_shut(struct db *db)
{
	sqlite3_close(conn_of(db));
	free(db);
}

static const char *sqlite_last_error(const struct db *db)
{
	return conn_of(db) ? sqlite3_errmsg(conn_of(db)) : "";
}

static int sqlite_run(struct db *db, const char *sql)
{
	return class_of(sqlite3_exec(conn_of(db), sql, NULL, NULL, NULL));
}

/* Changing the mode does not wait for who else opens a new file: SQLite says busy at once. */
static int write_ahead(struct db *db)
{
	const struct timespec pause = {.tv_nsec = WAL_PAUSE_MS * 1000000};
	int err = EBUSY;

	for (unsigned i = 0; err == EBUSY && i < WAL_TRIES; i++) {
		err = sqlite_run(db, "PRAGMA journal_mode = WAL");
		if (err == EBUSY)
			nanosleep(&pause, NULL);
	}
	return err;
}

static int settings(struct db *db, const struct db_conf *conf)
{
	int err;

	sqlite3_extended_result_codes(conn_of(db), 1);
	sqlite3_busy_timeout(conn_of(db), conf->busy_ms ? (int)conf->busy_ms : 5000);
	/* Text from outside only ever travels as parameters; the schema itself is not trusted to call functions. */
	sqlite3_db_config(conn_of(db), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(conn_of(db), SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	err = sqlite_run(db, "PRAGMA foreign_keys = ON");
	if (!err && !conf->is_read_only)
		err = write_ahead(db);
	if (!err && !conf->is_read_only)
		err = sqlite_run(db, "PRAGMA wal_autocheckpoint = 1000");
	if (!err)
		err = sqlite_run(db, conf->is_full_sync ? "PRAGMA synchronous = FULL"
							: "PRAGMA synchronous = NORMAL");
	if (!err && conf->is_read_only)
		err = sqlite_run(db, "PRAGMA query_only = ON");
	return err;
}

/* SQLite would make it readable by everyone; what it makes beside it takes the same mode.  Only one that is not there yet is opened: to
 * close a file of which this process has connections would end all their locks on it (fcntl(2)), and whoever else looks into the
 * database would, as the last one to leave, take away the log that we write. */
static void make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

static int sqlite_start(struct db **dbp, const struct db_conf *conf)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_PRIVATECACHE;
	struct sqlite_db *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return ENOMEM;
	s->db.ops = &db_sqlite_ops;
	make_private(conf->url + strlen("sqlite:"));
	err = class_of(sqlite3_open_v2(conf->url + strlen("sqlite:"), &s->conn, flags, NULL));
	if (!err)
		err = settings(&s->db, conf);
	if (err)
		sqlite_shut(&s->db);
	else
		*dbp = &s->db;
	return err;
}

static int sqlite_begin(struct db *db, bool is_write)
{
	return sqlite_run(db, is_write ? "BEGIN IMMEDIATE" : "BEGIN");
}

static int sqlite_commit(struct db *db)
{
	return sqlite_run(db, "COMMIT");
}

static void sqlite_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(conn_of(db)))
		sqlite3_exec(conn_of(db), "ROLLBACK", NULL, NULL, NULL);
}

static int sqlite_prepare(struct db_stmt *st)
{
	struct sqlite_stmt *s = (struct sqlite_stmt *)st;
	int code, nparams;

	code = sqlite3_prepare_v3(conn_of(st->db), st->sql, -1, SQLITE_PREPARE_PERSISTENT,
				  &s->handle, NULL);
	if (code != SQLITE_OK)
		return class_of(code);
	nparams = sqlite3_bind_parameter_count(s->handle);
	for (int i = 1; i <= nparams; i++) {
		const char *name = sqlite3_bind_parameter_name(s->handle, i);
		uint32_t n = 0;

		BUG(!name || name[0] != '$' || str_u32(str_of(name + 1), &n) || !n ||
		    n > DB_MAX_PARAMS);
		s->at[n] = (uint8_t)i;
	}
	return 0;
}

static int at(const struct db_stmt *st, unsigned n)
{
	return n <= DB_MAX_PARAMS ? ((const struct sqlite_stmt *)st)->at[n] : 0;
}

static void sqlite_unprepare(struct db_stmt *st)
{
	sqlite3_finalize(handle_of(st));
}

static void bound(struct db_stmt *st, int code)
{
	if (code != SQLITE_OK && !st->bind_err)
		st->bind_err = code == SQLITE_NOMEM ? ENOMEM : EINVAL;
}

static void sqlite_bind_number(struct db_stmt *st, unsigned n, int64_t v)
{
	bound(st, sqlite3_bind_int64(handle_of(st), at(st, n), v));
}

static void sqlite_bind_bytes(struct db_stmt *st, unsigned n, const void *p, size_t bytes,
			      bool is_text)
{
	if (is_text)
		bound(st, sqlite3_bind_text64(handle_of(st), at(st, n), p, bytes, SQLITE_STATIC,
					      SQLITE_UTF8));
	else
		bound(st, sqlite3_bind_blob64(handle_of(st), at(st, n), p, bytes, SQLITE_STATIC));
}

static void sqlite_bind_nothing(struct db_stmt *st, unsigned n)
{
	bound(st, sqlite3_bind_null(handle_of(st), at(st, n)));
}

static int sqlite_next(struct db_stmt *st)
{
	int code = sqlite3_step(handle_of(st));

	if (code == SQLITE_ROW)
		return 0;
	if (code == SQLITE_DONE) {
		st->changed = sqlite3_changes64(conn_of(st->db));
		return ENOENT;
	}
	return class_of(code);
}

static void sqlite_done(struct db_stmt *st)
{
	sqlite3_reset(handle_of(st));
	sqlite3_clear_bindings(handle_of(st));
}

static int64_t sqlite_col_int(const struct db_stmt *st, unsigned col)
{
	return sqlite3_column_int64(handle_of(st), (int)col);
}

static struct str sqlite_col_text(const struct db_stmt *st, unsigned col)
{
	const char *p = (const char *)sqlite3_column_text(handle_of(st), (int)col);

	return p ? (struct str){p, (size_t)sqlite3_column_bytes(handle_of(st), (int)col)}
		 : (struct str){"", 0};
}

static struct str sqlite_col_blob(struct db_stmt *st, unsigned col)
{
	const char *p = sqlite3_column_blob(handle_of(st), (int)col);

	return p ? (struct str){p, (size_t)sqlite3_column_bytes(handle_of(st), (int)col)}
		 : (struct str){"", 0};
}

static bool sqlite_col_null(const struct db_stmt *st, unsigned col)
{
	return sqlite3_column_type(handle_of(st), (int)col) == SQLITE_NULL;
}

const struct db_ops db_sqlite_ops = {
	.engine = DB_SQLITE,
	.stmt_bytes = sizeof(struct sqlite_stmt),
	.open = sqlite_start,
	.close = sqlite_shut,
	.error = sqlite_last_error,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.exec = sqlite_run,
	.prepare = sqlite_prepare,
	.unprepare = sqlite_unprepare,
	.bind_int = sqlite_bind_number,
	.bind_bytes = sqlite_bind_bytes,
	.bind_null = sqlite_bind_nothing,
	.step = sqlite_next,
	.done = sqlite_done,
	.col_int = sqlite_col_int,
	.col_text = sqlite_col_text,
	.col_blob = sqlite_col_blob,
	.col_null = sqlite_col_null,
};
