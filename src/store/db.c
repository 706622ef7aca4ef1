/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of a connection that both engines share: statements found again by their text, the least recently used ones let
 * go, so that lists with many combinations of filters stay bounded.
 */
#include <stdlib.h>
#include <string.h>
#include "store/db_impl.h"

int db_url_engine(const char *url, enum db_engine *engine)
{
	struct str s = str_of(url);

	if (str_starts(s, STR("sqlite:")) && s.n > strlen("sqlite:"))
		*engine = DB_SQLITE;
	else if (str_starts(s, STR("postgresql://")) || str_starts(s, STR("postgres://")))
		*engine = DB_POSTGRES;
	else
		return EINVAL;
	return 0;
}

int db_open(struct db **dbp, const struct db_conf *conf)
{
	enum db_engine engine;
	struct db *db = NULL;
	int err;

	err = db_url_engine(conf->url, &engine);
	if (err)
		return err;
	err = engine == DB_SQLITE ? db_sqlite_ops.open(&db, conf) : db_postgres_ops.open(&db, conf);
	if (err)
		return err;
	list_init(&db->used);
	err = map_init(&db->stmts);
	if (err) {
		db->ops->close(db);
		return err;
	}
	*dbp = db;
	return 0;
}

static void stmt_free(struct db_stmt *st)
{
	struct db *db = st->db;

	db->ops->unprepare(st);
	map_remove(&db->stmts, &st->by_text);
	list_remove(&st->by_use);
	db->nstmts--;
	free(st->sql);
	free(st);
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	db_rollback(db);
	LIST_EACH_SAFE (it, tmp, &db->used)
		stmt_free(CONTAINER_OF(it, struct db_stmt, by_use));
	map_close(&db->stmts);
	db->ops->close(db);
	return NULL;
}

enum db_engine db_engine_of(const struct db *db)
{
	return db->ops->engine;
}

const char *db_error(const struct db *db)
{
	return db->ops->error(db);
}

/* A reader that stopped in the middle of its rows must not hold a transaction open, nor keep the next user from it. */
static void end_all(struct db *db)
{
	LIST_EACH (it, &db->used) {
		struct db_stmt *st = CONTAINER_OF(it, struct db_stmt, by_use);

		if (st->is_busy)
			db_done(st);
	}
}

int db_begin(struct db *db, bool is_write)
{
	end_all(db);
	return db->ops->begin(db, is_write);
}

int db_commit(struct db *db)
{
	end_all(db);
	return db->ops->commit(db);
}

void db_rollback(struct db *db)
{
	end_all(db);
	db->ops->rollback(db);
}

int db_savepoint(struct db *db)
{
	return db->ops->exec(db, "SAVEPOINT one");
}

int db_savepoint_keep(struct db *db)
{
	end_all(db);
	return db->ops->exec(db, "RELEASE SAVEPOINT one");
}

int db_savepoint_undo(struct db *db)
{
	int err;

	end_all(db);
	err = db->ops->exec(db, "ROLLBACK TO SAVEPOINT one");
	return err ? err : db->ops->exec(db, "RELEASE SAVEPOINT one");
}

int db_exec(struct db *db, const char *sql)
{
	end_all(db);
	return db->ops->exec(db, sql);
}

int db_listen(struct db *db, const char *channel)
{
	return db->ops->listen ? db->ops->listen(db, channel) : ENOTSUP;
}

int db_notice(struct db *db, int stop_fd, int wait_ms, char *text, size_t text_bytes)
{
	return db->ops->notice ? db->ops->notice(db, stop_fd, wait_ms, text, text_bytes) : ENOTSUP;
}

int db_ping(struct db *db)
{
	return db->ops->ping ? db->ops->ping(db) : ENOTSUP;
}

static bool same_text(const struct map_node *node, const void *key)
{
	return strcmp(CONTAINER_OF(node, struct db_stmt, by_text)->sql, key) == 0;
}

static void forget_oldest(struct db *db)
{
	for (struct link *it = db->used.prev; it != &db->used; it = it->prev) {
		struct db_stmt *st = CONTAINER_OF(it, struct db_stmt, by_use);

		if (!st->is_busy)
			return stmt_free(st);
	}
}

int db_sql(struct db *db, const char *sql, struct db_stmt **stp)
{
	uint64_t hash = map_hash(sql, strlen(sql));
	struct map_node *node = map_find(&db->stmts, hash, same_text, sql);
	struct db_stmt *st;
	int err;

	if (node) {
		st = CONTAINER_OF(node, struct db_stmt, by_text);
		BUG(st->is_busy);
		list_remove(&st->by_use);
		list_prepend(&db->used, &st->by_use);
		st->bind_err = 0;
		*stp = st;
		return 0;
	}
	if (db->nstmts >= DB_MAX_STATEMENTS)
		forget_oldest(db);
	st = calloc(1, db->ops->stmt_bytes);
	if (!st)
		return ENOMEM;
	st->db = db;
	st->sql = str_dup(str_of(sql));
	err = st->sql ? db->ops->prepare(st) : ENOMEM;
	if (err) {
		free(st->sql);
		free(st);
		return err;
	}
	map_add(&db->stmts, &st->by_text, hash);
	list_prepend(&db->used, &st->by_use);
	db->nstmts++;
	*stp = st;
	return 0;
}

void db_bind_int(struct db_stmt *st, unsigned n, int64_t v)
{
	st->db->ops->bind_int(st, n, v);
}

void db_bind_id(struct db_stmt *st, unsigned n, uint64_t v)
{
	if (v > INT64_MAX)
		st->bind_err = ERANGE;
	st->db->ops->bind_int(st, n, (int64_t)(v & INT64_MAX));
}

void db_bind_text(struct db_stmt *st, unsigned n, struct str v)
{
	st->db->ops->bind_bytes(st, n, v.p ? v.p : "", v.n, true);
}

void db_bind_blob(struct db_stmt *st, unsigned n, const void *p, size_t bytes)
{
	st->db->ops->bind_bytes(st, n, p ? p : "", bytes, false);
}

void db_bind_null(struct db_stmt *st, unsigned n)
{
	st->db->ops->bind_null(st, n);
}

int db_step(struct db_stmt *st)
{
	int err = st->bind_err ? st->bind_err : st->db->ops->step(st);

	st->is_busy = !err;
	if (err)
		st->db->ops->done(st);
	return err;
}

void db_done(struct db_stmt *st)
{
	if (!st)
		return;
	st->is_busy = false;
	st->db->ops->done(st);
}

int db_run(struct db_stmt *st)
{
	int err;

	do {
		err = db_step(st);
	} while (!err);
	return err == ENOENT ? 0 : err;
}

int64_t db_changed(const struct db_stmt *st)
{
	return st->changed;
}

int64_t db_int(const struct db_stmt *st, unsigned col)
{
	return st->db->ops->col_int(st, col);
}

uint64_t db_id(const struct db_stmt *st, unsigned col)
{
	int64_t v = st->db->ops->col_int(st, col);

	return v < 0 ? 0 : (uint64_t)v;
}

struct str db_text(const struct db_stmt *st, unsigned col)
{
	return st->db->ops->col_text(st, col);
}

struct str db_blob(struct db_stmt *st, unsigned col)
{
	return st->db->ops->col_blob(st, col);
}

bool db_is_null(const struct db_stmt *st, unsigned col)
{
	return st->db->ops->col_null(st, col);
}

int db_number(struct db *db, const char *sql, uint64_t tenant_id, uint64_t *np)
{
	struct db_stmt *st;
	int err = db_sql(db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	err = db_step(st);
	if (!err)
		*np = db_id(st, 0);
	db_done(st);
	return err;
}

int db_revision(struct db *db, uint64_t tenant_id, uint64_t *revisionp)
{
	return db_number(db, "SELECT revision FROM tenant_revision WHERE tenant_id = $1", tenant_id,
			 revisionp);
}
