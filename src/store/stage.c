/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "store/migrate.h"
#include "store/stage.h"

static bool is_file(const struct stage *g)
{
	return g->store->engine == DB_SQLITE;
}

static int run_text(struct db *db, const char *sql)
{
	struct db_stmt *st;
	int err = db_sql(db, sql, &st);

	return err ? err : db_run(st);
}

/* Two systems may share a database, each in its schema, and each has nodes. */
int stage_find(struct stage *g, const struct store *s, struct db *live)
{
	struct db_stmt *st;
	int err;

	*g = (struct stage){.store = s};
	if (is_file(g)) {
		int n = snprintf(g->path, sizeof(g->path), "%s/backups/restoring.stage",
				 s->data_dir);

		return n < (int)sizeof(g->path) ? 0 : ENAMETOOLONG;
	}
	err = db_sql(live,
		     "SELECT 'offhook_restoring_' || left(md5(current_schema()), 8) || '_' || "
		     "$1::bigint, quote_ident(current_schema())",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, s->node);
	err = db_step(st);
	if (!err) {
		str_fit(g->schema, sizeof(g->schema), db_text(st, 0));
		str_fit(g->home, sizeof(g->home), db_text(st, 1));
	}
	db_done(st);
	return err;
}

static int open_it(const struct stage *g, struct db **dbp)
{
	char url[640];
	struct db_conf conf = {.url = g->store->url, .schema = g->schema};

	if (is_file(g)) {
		(void)snprintf(url, sizeof(url), "sqlite:%s", g->path);
		conf.url = url;
	}
	return db_open(dbp, &conf);
}

static void remove_file(const struct stage *g)
{
	static const char *const beside[] = {"", "-wal", "-shm"};
	char path[640];

	for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", g->path, beside[i]);
		(void)unlink(path);
	}
}

static int drop_schema(const struct stage *g, struct db *live)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "DROP SCHEMA IF EXISTS \"%s\" CASCADE", g->schema);
	return db_exec(live, sql);
}

void stage_drop(const struct stage *g, struct db *live)
{
	int err = 0;

	if (is_file(g))
		remove_file(g);
	else
		err = drop_schema(g, live);
	if (err)
		log_warn(NULL, LOGID_BACKUP, "what was laid aside stays until the next start: %s",
			 db_error(live));
}

/* As ours are, to the order of their columns: rows are copied as they stand. */
static int copy_tables(struct db *live, struct db *stage)
{
	struct buf sql = {0};
	struct db_stmt *st;
	int err = db_sql(live,
			 "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL "
			 "AND name NOT LIKE 'sqlite_%' ORDER BY type DESC",
			 &st);

	while (!err && !(err = db_step(st)))
		buf_printf(&sql, "%.*s;\n", STR_ARG(db_text(st, 0)));
	if (err == ENOENT)
		err = sql.err ? sql.err : db_exec(stage, sql.p);
	buf_free(&sql);
	return err;
}

static int make_schema(const struct stage *g, struct db *live, struct db *stage)
{
	char sql[128];
	int err;

	(void)snprintf(sql, sizeof(sql), "CREATE SCHEMA \"%s\"", g->schema);
	err = db_exec(live, sql);
	if (!err)
		err = migrate(stage, g->store->schema);
	/* What a new database holds comes out of the archive. */
	return err ? err : run_text(stage, "DELETE FROM tenant_revision");
}

static int put_note(struct db *stage, const char *note)
{
	struct db_stmt *st;
	int err = db_sql(stage, "INSERT INTO setting (name, value) VALUES ('restoring', $1)", &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(note));
	return db_run(st);
}

int stage_create(const struct stage *g, struct db *live, const char *note, struct db **dbp)
{
	struct db *db = NULL;
	int err = 0;

	if (is_file(g))
		remove_file(g);
	else
		err = drop_schema(g, live);
	if (!err)
		err = open_it(g, &db);
	if (!err)
		err = is_file(g) ? copy_tables(live, db) : make_schema(g, live, db);
	if (!err)
		err = put_note(db, note);
	if (err)
		db_close(db);
	else
		*dbp = db;
	return err;
}

static int has_schema(const struct stage *g, struct db *live)
{
	struct db_stmt *st;
	int err = db_sql(live, "SELECT 1 FROM pg_namespace WHERE nspname = $1", &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(g->schema));
	err = db_step(st);
	db_done(st);
	return err;
}

int stage_open(const struct stage *g, struct db *live, struct db **dbp)
{
	int err = is_file(g) ? access(g->path, F_OK) ? ENOENT : 0 : has_schema(g, live);

	return err ? err : open_it(g, dbp);
}

int stage_note(struct db *stage, char *note, size_t note_bytes)
{
	struct db_stmt *st;
	int err = db_sql(stage, "SELECT value FROM setting WHERE name = 'restoring'", &st);

	if (!err)
		err = db_step(st);
	if (err)
		return err;
	str_fit(note, note_bytes, db_text(st, 0));
	db_done(st);
	return 0;
}

int stage_settle(struct db *stage)
{
	return db_engine_of(stage) == DB_SQLITE ? db_exec(stage, "PRAGMA wal_checkpoint(TRUNCATE)")
						: 0;
}

int stage_attach(const struct stage *g, struct db *live)
{
	struct db_stmt *st;
	int err;

	if (!is_file(g))
		return 0;
	err = db_sql(live, "ATTACH DATABASE $1 AS staged", &st);
	if (err)
		return err;
	db_bind_text(st, 1, str_of(g->path));
	err = db_run(st);
	/* What was switched goes to its place in the file by the hand of another thread (stage_spread()). */
	return err ? err : db_exec(live, "PRAGMA wal_autocheckpoint = 0");
}

void stage_spread(struct db *live)
{
	if (db_engine_of(live) == DB_SQLITE && db_exec(live, "PRAGMA wal_checkpoint(PASSIVE)"))
		log_info(NULL, LOGID_BACKUP, "the log of the database stays long for now: %s",
			 db_error(live));
}

void stage_detach(const struct stage *g, struct db *live)
{
	if (is_file(g) && db_exec(live, "PRAGMA wal_autocheckpoint = 1000; DETACH DATABASE staged"))
		log_warn(NULL, LOGID_BACKUP, "the stage stays open: %s", db_error(live));
}

int stage_take(const struct stage *g, struct db *live, const char *table)
{
	struct buf sql = {0};
	int err;

	if (is_file(g)) /* just so, without a condition and a list of columns: pages are copied, not rows */
		buf_printf(&sql,
			   "DELETE FROM main.\"%s\"; INSERT INTO main.\"%s\" SELECT * FROM "
			   "staged.\"%s\"",
			   table, table, table);
	else
		buf_printf(&sql, "DROP TABLE %s.\"%s\"; ALTER TABLE \"%s\".\"%s\" SET SCHEMA %s",
			   g->home, table, g->schema, table, g->home);
	err = sql.err ? sql.err : db_exec(live, sql.p);
	buf_free(&sql);
	return err;
}
