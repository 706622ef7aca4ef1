/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests that run the texts of sql.h: SQLite in memory with all tables. */
#ifndef SCHEMA_SQL_TESTING_H
#define SCHEMA_SQL_TESTING_H

#include <sqlite3.h>
#include "schema/sql.h"
#include "schema/testing.h"

struct db {
	sqlite3 *sqlite;
	struct sql_schema *schema;
};

static inline int open_db(void **state)
{
	static struct db db;
	const struct sql_table *tables;
	size_t n;

	assert_int_equal(sql_schema_alloc(&db.schema), 0);
	assert_int_equal(sqlite3_open(":memory:", &db.sqlite), SQLITE_OK);
	tables = sql_tables(db.schema, &n);
	for (size_t i = 0; i < n; i++) {
		struct buf ddl = {0};
		char *why = NULL;

		sql_ddl(&ddl, &tables[i], SQL_SQLITE);
		if (sqlite3_exec(db.sqlite, ddl.p, NULL, NULL, &why))
			fail_msg("%s: %s", ddl.p, why);
		buf_free(&ddl);
	}
	*state = &db;
	return 0;
}

static inline int close_db(void **state)
{
	struct db *db = *state;

	assert_int_equal(sqlite3_close(db->sqlite), SQLITE_OK);
	sql_schema_free(db->schema);
	return 0;
}

static inline sqlite3_stmt *prepare(struct db *db, const char *text, const struct sql_value *v,
				    size_t nv)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db->sqlite, text, -1, &st, NULL))
		fail_msg("%s: %s", text, sqlite3_errmsg(db->sqlite));
	assert_int_equal(sqlite3_bind_parameter_count(st), nv);
	for (int i = 0; i < (int)nv; i++) {
		if (v[i].kind == SQL_INT)
			sqlite3_bind_int64(st, i + 1, v[i].i);
		else
			sqlite3_bind_text(st, i + 1, v[i].s.p, (int)v[i].s.n, SQLITE_TRANSIENT);
	}
	return st;
}

/* SQLITE_DONE, or the extended error. */
static inline int run(struct db *db, const char *text, const struct sql_value *v, size_t nv)
{
	sqlite3_stmt *st = prepare(db, text, v, nv);
	int rc = sqlite3_step(st);

	sqlite3_finalize(st);
	return rc;
}

static inline struct sql_value integer(int64_t i)
{
	return (struct sql_value){.kind = SQL_INT, .i = i};
}

/* The row as values that live as long as the statement stands on it. */
static inline void row(sqlite3_stmt *st, struct sql_value *v)
{
	for (int i = 0; i < sqlite3_column_count(st); i++) {
		if (sqlite3_column_type(st, i) == SQLITE_INTEGER) {
			v[i] = integer(sqlite3_column_int64(st, i));
		} else {
			v[i].kind = SQL_TEXT;
			v[i].s = str_of((const char *)sqlite3_column_text(st, i));
		}
	}
}

static inline int insert(struct db *db, struct object *o)
{
	const struct sql_table *t = sql_table(db->schema, o->res), *child;
	struct sql_value v[SQL_MAX_COLUMNS];
	size_t pos = 0;
	int rc;

	assert_int_equal(sql_encode(t, o, v), 0);
	rc = run(db, t->insert, v, t->ncols);
	while (rc == SQLITE_DONE && (child = sql_child_table(db->schema, o->res, &pos)))
		for (size_t i = 0; i < field_list(o, child->list)->n; i++) {
			assert_int_equal(sql_encode_child(child, o, i, v), 0);
			assert_int_equal(run(db, child->insert, v, child->ncols), SQLITE_DONE);
		}
	return rc;
}

static inline struct object *load(struct db *db, const struct resource *r, uint64_t tenant,
				  uint64_t id)
{
	const struct sql_table *t = sql_table(db->schema, r), *child;
	struct sql_value v[SQL_MAX_COLUMNS],
		key[] = {integer((int64_t)tenant), integer((int64_t)id)};
	struct object *o = NULL;
	sqlite3_stmt *st = prepare(db, t->select, key, 2);
	size_t pos = 0;

	if (sqlite3_step(st) == SQLITE_ROW) {
		row(st, v);
		assert_int_equal(sql_decode(t, &o, v), 0);
	}
	sqlite3_finalize(st);
	while (o && (child = sql_child_table(db->schema, r, &pos))) {
		st = prepare(db, child->select, key, 2);
		while (sqlite3_step(st) == SQLITE_ROW) {
			row(st, v);
			assert_int_equal(sql_decode_child(child, o, v), 0);
		}
		sqlite3_finalize(st);
	}
	return o;
}

static inline struct object *make(const struct resource *r, uint64_t tenant, uint64_t id,
				  const char *json)
{
	struct object *o = testing_make(r, json);

	o->tenant_id = tenant;
	o->id = id;
	o->revision = 1;
	return o;
}

static inline void put(struct db *db, const struct resource *r, uint64_t tenant, uint64_t id,
		       const char *json)
{
	struct object *o = make(r, tenant, id, json);

	assert_int_equal(insert(db, o), SQLITE_DONE);
	object_free(o);
}

#endif
