/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "base/log.h"
#include "store/migrate.h"
#include "store/own_tables.h"

static const struct migration {
	int version;
	const char *what, *sql;
} migrations[] = {
#define MIGRATION(version, what, sql) {version, what, sql},
#include "store/migrations.def"
#undef MIGRATION
	{0, "", ""} /* the end */
};

int migrate_version(void)
{
	return MIGRATE_FIRST + (int)ARRAY_LEN(migrations) - 1;
}

void migrate_ddl(struct buf *out, const struct sql_schema *schema, enum db_engine e)
{
	const struct sql_table *t;
	size_t n;

	t = sql_tables(schema, &n);
	for (size_t i = 0; i < n; i++)
		sql_ddl(out, &t[i], e == DB_SQLITE ? SQL_SQLITE : SQL_POSTGRESQL);
	own_tables_ddl(out, e);
}

/* One number by a statement without parameters. */
static int number(struct db *db, const char *sql, int64_t *out)
{
	struct db_stmt *st;
	int err = db_sql(db, sql, &st);

	if (!err)
		err = db_step(st);
	if (err)
		return err;
	*out = db_int(st, 0);
	db_done(st);
	return 0;
}

/* 0: an empty database.  EPROTO: somebody else's. */
static int read_version(struct db *db, int64_t *version)
{
	bool is_pg = db_engine_of(db) == DB_POSTGRES;
	const char *has_ours =
		is_pg ? "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() "
			"AND tablename = 'schema_version'"
		      : "SELECT count(*) FROM sqlite_master WHERE type = 'table' "
			"AND name = 'schema_version'";
	const char *has_any =
		is_pg ? "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
		      : "SELECT count(*) FROM sqlite_master WHERE type = 'table'";
	int64_t n = 0;
	int err;

	*version = 0;
	err = number(db, has_ours, &n);
	if (!err && n)
		return number(db, "SELECT version FROM schema_version", version);
	if (!err)
		err = number(db, has_any, &n);
	if (!err && n) {
		log_error(NULL, LOGID_STORE,
			  "the database holds tables but no version: it is not one of ours");
		err = EPROTO;
	}
	return err;
}

static int begin(struct db *db)
{
	int64_t ignored;
	int err = db_begin(db, true);

	/* SQLite's write lock is taken by BEGIN; PostgreSQL's DDL has no such lock. */
	if (!err && db_engine_of(db) == DB_POSTGRES)
		err = number(db, "SELECT 1 FROM pg_advisory_xact_lock(7244611)", &ignored);
	return err;
}

static int set_version(struct db *db, int64_t version, bool is_new)
{
	struct db_stmt *st;
	int err = db_sql(db,
			 is_new ? "INSERT INTO schema_version (version) VALUES ($1)"
				: "UPDATE schema_version SET version = $1",
			 &st);

	if (err)
		return err;
	db_bind_int(st, 1, version);
	return db_run(st);
}

static int make_new(struct db *db, const struct sql_schema *schema)
{
	struct buf sql = {0};
	int err;

	migrate_ddl(&sql, schema, db_engine_of(db));
	buf_cstr(&sql,
		 "INSERT INTO tenant_revision (tenant_id, revision, next_id) VALUES (0, 0, 1);\n");
	err = sql.err ? sql.err : db_exec(db, sql.p);
	buf_free(&sql);
	return err ? err : set_version(db, migrate_version(), true);
}

static int step(struct db *db, const struct migration *m)
{
	struct buf sql = {0};
	int err;

	log_info(NULL, LOGID_STORE, "database to schema %d: %s", m->version, m->what);
	own_tables_expand(&sql, m->sql, db_engine_of(db));
	err = sql.err ? sql.err : db_exec(db, sql.p);
	buf_free(&sql);
	return err ? err : set_version(db, m->version, false);
}

/* ---- what is only added ---- */

/* "\nfirst column of the answer\n…" */
static int read_names(struct db *db, const char *sql, struct buf *out)
{
	struct db_stmt *st;
	int err = db_sql(db, sql, &st);

	if (err)
		return err;
	buf_char(out, '\n');
	while (!(err = db_step(st)))
		buf_printf(out, "%.*s\n", STR_ARG(db_text(st, 0)));
	return err != ENOENT ? err : out->err;
}

/* Of everything there is: table.column, and names of indexes. */
static int read_columns(struct db *db, struct buf *out)
{
	return read_names(db,
			  db_engine_of(db) == DB_POSTGRES
				  ? "SELECT table_name || '.' || column_name "
				    "FROM information_schema.columns "
				    "WHERE table_schema = current_schema()"
				  : "SELECT m.name || '.' || c.name FROM sqlite_master m, "
				    "pragma_table_info(m.name) c WHERE m.type = 'table'",
			  out);
}

static int read_indexes(struct db *db, struct buf *out)
{
	return read_names(db,
			  db_engine_of(db) == DB_POSTGRES
				  ? "SELECT indexname FROM pg_indexes "
				    "WHERE schemaname = current_schema()"
				  : "SELECT name FROM sqlite_master WHERE type = 'index'",
			  out);
}

static bool has_column(const struct buf *columns, const struct sql_table *t, size_t i)
{
	char name[200];
	int n = snprintf(name, sizeof(name), "\n%s.%s\n", t->name, t->cols[i].name);

	BUG(n < 0 || (size_t)n >= sizeof(name));
	return memmem(columns->p, columns->n, name, (size_t)n) != NULL;
}

/* ---- what has become shared ---- */

/* Those that follow a template and for whom `is_own` holds: the field is their own from now on. */
static void keep_own(struct buf *out, const struct resource *follower, const char *field,
		     const char *is_own)
{
	buf_printf(out,
		   "UPDATE \"%s\" SET overrides = CASE WHEN overrides = '' THEN '' ELSE overrides "
		   "|| ';' END || '%s' WHERE template_id <> 0 AND %s;\n",
		   follower->plural, field, is_own);
}

/* A template gets a list that those who follow it had before: lines of their own stay theirs. */
static void keep_own_lines(struct buf *out, const struct buf *columns,
			   const struct sql_schema *schema, const struct sql_table *t)
{
	const struct resource *follower = t->parent ? resource_follower(t->parent->res) : NULL;
	const struct sql_table *own;
	size_t pos = 0;
	char lines[300];

	while (follower && has_column(columns, t->parent, 0) &&
	       (own = sql_child_table(schema, follower, &pos))) {
		if (strcmp(own->list->name, t->list->name) != 0 || !has_column(columns, own, 0))
			continue;
		(void)snprintf(
			lines, sizeof(lines),
			"EXISTS (SELECT 1 FROM \"%s\" l WHERE l.tenant_id = \"%s\".tenant_id "
			"AND l.parent_id = \"%s\".id)",
			own->name, follower->plural, follower->plural);
		keep_own(out, follower, t->list->name, lines);
	}
}

/* The same of a column: what is not as the template begins with. */
static void keep_own_value(struct buf *out, const struct buf *columns,
			   const struct sql_schema *schema, const struct sql_table *t, size_t i)
{
	const struct resource *follower = t->res && !t->parent ? resource_follower(t->res) : NULL;
	const struct field *f = t->cols[i].field;
	const struct sql_table *own = follower ? sql_table(schema, follower) : NULL;
	char differs[200];

	for (size_t k = 0; own && (f->flags & SHARED) && k < own->ncols; k++) {
		if (strcmp(own->cols[k].name, t->cols[i].name) != 0 || !has_column(columns, own, k))
			continue;
		(void)snprintf(differs, sizeof(differs),
			       "\"%s\" <> (SELECT t.\"%s\" FROM \"%s\" t WHERE t.tenant_id = "
			       "\"%s\".tenant_id AND t.id = template_id)",
			       own->cols[k].name, own->cols[k].name, t->name, own->name);
		keep_own(out, follower, f->name, differs);
	}
}

static void add_missing(struct buf *out, const struct buf *columns, const struct buf *indexes,
			const struct sql_schema *schema, const struct sql_table *t,
			enum sql_engine e)
{
	if (!has_column(columns, t, 0)) {
		log_info(NULL, LOGID_STORE, "database: table %s is added", t->name);
		sql_ddl(out, t, e);
		return keep_own_lines(out, columns, schema, t);
	}
	for (size_t i = 0; i < t->ncols; i++) {
		if (has_column(columns, t, i))
			continue;
		log_info(NULL, LOGID_STORE, "database: column %s of %s is added", t->cols[i].name,
			 t->name);
		sql_ddl_add_column(out, t, i, e);
		keep_own_value(out, columns, schema, t, i);
	}
	sql_ddl_indexes(out, t, indexes);
}

/* New resources, fields and indexes need no line of their own: what the tables describe and the database lacks is added. */
static int complete(struct db *db, const struct sql_schema *schema)
{
	enum sql_engine e = db_engine_of(db) == DB_SQLITE ? SQL_SQLITE : SQL_POSTGRESQL;
	struct buf columns = {0}, indexes = {0}, sql = {0};
	size_t n;
	const struct sql_table *t = sql_tables(schema, &n);
	int err = read_columns(db, &columns);

	if (!err)
		err = read_indexes(db, &indexes);
	for (size_t i = 0; !err && i < n; i++)
		add_missing(&sql, &columns, &indexes, schema, &t[i], e);
	if (!err)
		err = sql.err;
	if (!err && sql.n)
		err = db_exec(db, sql.p);
	buf_free(&columns);
	buf_free(&indexes);
	buf_free(&sql);
	return err;
}

/* One transaction: sees where the database is and brings it one step on. */
static int advance(struct db *db, const struct sql_schema *schema, bool *is_there)
{
	int64_t version;
	int err = read_version(db, &version);

	*is_there = version == migrate_version();
	if (err)
		return err;
	if (*is_there)
		return complete(db, schema);
	if (version == 0)
		return make_new(db, schema);
	if (version > migrate_version() || version < MIGRATE_FIRST) {
		log_error(NULL, LOGID_STORE,
			  "the database has schema %lld, this program knows %d: a newer program "
			  "has used it",
			  (long long)version, migrate_version());
		return EPROTO;
	}
	return step(db, &migrations[version - MIGRATE_FIRST]);
}

int migrate(struct db *db, const struct sql_schema *schema)
{
	bool is_there = false;
	int err = 0;

	for (int i = 0; migrations[i].version; i++)
		BUG(migrations[i].version != MIGRATE_FIRST + 1 + i);
	while (!err && !is_there) {
		err = begin(db);
		if (!err)
			err = advance(db, schema, &is_there);
		if (!err)
			err = db_commit(db);
		if (err) {
			if (err != EPROTO)
				log_error(NULL, LOGID_STORE, "schema: %s", db_error(db));
			db_rollback(db);
		}
	}
	return err;
}
