/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include "store/rows.h"

int rows_values(struct rows *r, const struct sql_table *t, struct db_stmt *st, bool is_open,
		struct sql_value v[SQL_MAX_COLUMNS])
{
	size_t start[SQL_MAX_COLUMNS];
	int err = 0;

	buf_reset(&r->hold);
	for (size_t i = 0; i < t->ncols; i++) {
		v[i] = (struct sql_value){.kind = t->cols[i].kind};
		start[i] = r->hold.n;
		if (t->cols[i].kind == SQL_INT)
			v[i].i = db_int(st, (unsigned)i);
		else if (!t->cols[i].is_secret)
			v[i].s = db_text(st, (unsigned)i);
		else if (is_open && !err)
			err = unseal_text(r->seal, db_text(st, (unsigned)i), &r->hold);
	}
	/* Only now: the buffer may have moved while it grew. */
	for (size_t i = 0; !err && i < t->ncols; i++) {
		size_t end = i + 1 < t->ncols ? start[i + 1] : r->hold.n;

		if (t->cols[i].is_secret)
			v[i].s =
				(struct str){r->hold.p ? r->hold.p + start[i] : "", end - start[i]};
	}
	return err;
}

int rows_bind(struct rows *r, struct db_stmt *st, const struct sql_table *columns,
	      const struct sql_value *v, size_t n)
{
	size_t start[DB_MAX_PARAMS + 1];
	int err = 0;

	BUG(n > DB_MAX_PARAMS);
	buf_reset(&r->hold);
	for (size_t i = 0; i < n; i++) {
		start[i] = r->hold.n;
		if (columns && columns->cols[i].is_secret)
			err = seal_text(r->seal, v[i].s, &r->hold);
		if (err)
			return err;
	}
	start[n] = r->hold.n;
	for (size_t i = 0; i < n; i++) {
		const unsigned at = (unsigned)i + 1;

		if (v[i].kind == SQL_INT)
			db_bind_int(st, at, v[i].i);
		else if (start[i + 1] > start[i])
			db_bind_text(st, at,
				     (struct str){r->hold.p + start[i], start[i + 1] - start[i]});
		else
			db_bind_text(st, at, v[i].s);
	}
	return 0;
}

static int run(struct rows *r, const char *sql, const struct sql_table *columns,
	       const struct sql_value *v, size_t n)
{
	struct db_stmt *st;
	int err = db_sql(r->db, sql, &st);

	if (!err)
		err = rows_bind(r, st, columns, v, n);
	return err ? err : db_run(st);
}

static struct sql_value number_value(uint64_t id)
{
	return (struct sql_value){.kind = SQL_INT, .i = (int64_t)id};
}

int rows_load_children(struct rows *r, struct object *o)
{
	const struct sql_table *t;
	size_t pos = 0;
	int err = 0;

	while (!err && (t = sql_child_table(r->schema, o->res, &pos)) != NULL) {
		struct sql_value v[SQL_MAX_COLUMNS];
		struct db_stmt *st;

		err = db_sql(r->db, t->select, &st);
		if (err)
			return err;
		db_bind_id(st, 1, o->tenant_id);
		db_bind_id(st, 2, o->id);
		while (!(err = db_step(st))) {
			err = rows_values(r, t, st, true, v);
			if (!err)
				err = sql_decode_child(t, o, v);
			if (err) {
				db_done(st);
				return err;
			}
		}
		if (err == ENOENT)
			err = 0;
	}
	return err;
}

int rows_load(struct rows *r, const struct resource *res, uint64_t tenant_id, uint64_t id,
	      bool is_open, struct object **op)
{
	const struct sql_table *t = sql_table(r->schema, res);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct object *o = NULL;
	struct db_stmt *st;
	int err;

	err = db_sql(r->db, t->select, &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	err = db_step(st);
	if (!err)
		err = rows_values(r, t, st, is_open, v);
	if (!err)
		err = sql_decode(t, &o, v);
	db_done(st);
	if (!err)
		err = rows_load_children(r, o);
	if (err)
		object_free(o);
	else
		*op = o;
	return err;
}

bool rows_exists(struct rows *r, const struct resource *res, uint64_t tenant_id, uint64_t id,
		 int *errp)
{
	struct db_stmt *st;
	int err = db_sql(r->db, sql_table(r->schema, res)->select, &st);

	if (!err) {
		db_bind_id(st, 1, tenant_id);
		db_bind_id(st, 2, id);
		err = db_step(st);
		db_done(st);
	}
	*errp = err == ENOENT ? 0 : err;
	return !err;
}

static int insert_children(struct rows *r, const struct object *o)
{
	const struct sql_table *t;
	size_t pos = 0;
	int err = 0;

	while (!err && (t = sql_child_table(r->schema, o->res, &pos)) != NULL) {
		size_t n = field_list(o, t->list)->n;

		for (size_t i = 0; !err && i < n; i++) {
			struct sql_value v[SQL_MAX_COLUMNS];

			err = sql_encode_child(t, o, i, v);
			if (!err)
				err = run(r, t->insert, t, v, t->ncols);
		}
	}
	return err;
}

static int remove_children(struct rows *r, const struct object *o)
{
	const struct sql_value key[2] = {number_value(o->tenant_id), number_value(o->id)};
	const struct sql_table *t;
	size_t pos = 0;
	int err = 0;

	while (!err && (t = sql_child_table(r->schema, o->res, &pos)) != NULL)
		err = run(r, t->remove, NULL, key, 2);
	return err;
}

static int put(struct rows *r, const struct object *o, bool is_new)
{
	const struct sql_table *t = sql_table(r->schema, o->res);
	struct sql_value v[SQL_MAX_COLUMNS];
	int err = sql_encode(t, o, v);

	if (!err)
		err = run(r, is_new ? t->insert : t->upsert, t, v, t->ncols);
	return err;
}

int rows_insert(struct rows *r, const struct object *o)
{
	int err = put(r, o, true);

	return err ? err : insert_children(r, o);
}

int rows_replace(struct rows *r, const struct object *o)
{
	int err = put(r, o, false);

	if (!err)
		err = remove_children(r, o);
	return err ? err : insert_children(r, o);
}

int rows_remove(struct rows *r, const struct object *o)
{
	const struct sql_value key[2] = {number_value(o->tenant_id), number_value(o->id)};
	int err = remove_children(r, o);

	return err ? err : run(r, sql_table(r->schema, o->res)->remove, NULL, key, 2);
}

/* ---- everything of a kind ---- */

/* One child table's rows, read beside their parents': both come in order of key. */
struct beside {
	const struct sql_table *t;
	struct db_stmt *st;
	bool has_row;
};

static int beside_next(struct beside *b)
{
	int err = db_step(b->st);

	b->has_row = !err;
	return err == ENOENT ? 0 : err;
}

static int take_children(struct rows *r, struct beside *b, struct object *o)
{
	int err = 0;

	while (!err && b->has_row) {
		struct sql_value v[SQL_MAX_COLUMNS];
		uint64_t tenant_id, parent_id;

		err = rows_values(r, b->t, b->st, true, v);
		if (!err)
			err = sql_child_key(v, &tenant_id, &parent_id);
		if (err)
			return err;
		if (tenant_id > o->tenant_id || (tenant_id == o->tenant_id && parent_id > o->id))
			return 0;
		if (tenant_id == o->tenant_id && parent_id == o->id)
			err = sql_decode_child(b->t, o, v);
		if (!err)
			err = beside_next(b);
	}
	return err;
}

enum { MAX_LISTS = 8 };

/* All rows of a table, or those of one tenant. */
static int open_all(struct rows *r, const struct sql_table *t, const uint64_t *tenant_id,
		    struct db_stmt **stp)
{
	const char *order = strstr(t->select_all, " ORDER BY ");
	struct buf sql = {0};
	int err;

	if (!tenant_id)
		return db_sql(r->db, t->select_all, stp);
	BUG(!order);
	buf_add(&sql, t->select_all, (size_t)(order - t->select_all));
	buf_printf(&sql, " WHERE \"tenant_id\" = $1%s", order);
	err = sql.err ? sql.err : db_sql(r->db, sql.p, stp);
	buf_free(&sql);
	if (!err)
		db_bind_id(*stp, 1, *tenant_id);
	return err;
}

static int open_children(struct rows *r, const struct resource *res, const uint64_t *tenant_id,
			 struct beside b[MAX_LISTS], size_t *np)
{
	const struct sql_table *t;
	size_t pos = 0;
	int err = 0;

	*np = 0;
	while (!err && (t = sql_child_table(r->schema, res, &pos)) != NULL) {
		BUG(*np == MAX_LISTS);
		b[*np] = (struct beside){.t = t};
		err = open_all(r, t, tenant_id, &b[*np].st);
		if (!err)
			err = beside_next(&b[(*np)++]);
	}
	return err;
}

static int one_of_all(struct rows *r, const struct sql_table *t, struct db_stmt *st,
		      struct beside *b, size_t nb, struct object **op)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	int err = rows_values(r, t, st, true, v);

	if (!err)
		err = sql_decode(t, op, v);
	for (size_t i = 0; !err && i < nb; i++)
		err = take_children(r, &b[i], *op);
	return err;
}

static int each(struct rows *r, const struct resource *res, const uint64_t *tenant_id,
		rows_each_h *fn, void *arg)
{
	const struct sql_table *t = sql_table(r->schema, res);
	struct beside b[MAX_LISTS];
	struct db_stmt *st = NULL;
	size_t nb = 0;
	int err;

	err = open_children(r, res, tenant_id, b, &nb);
	if (!err)
		err = open_all(r, t, tenant_id, &st);
	while (!err && !(err = db_step(st))) {
		struct object *o = NULL;

		err = one_of_all(r, t, st, b, nb, &o);
		if (!err)
			err = fn(&o, arg);
		object_free(o);
	}
	db_done(st);
	for (size_t i = 0; i < nb; i++)
		db_done(b[i].st);
	return err == ENOENT ? 0 : err;
}

int rows_each(struct rows *r, const struct resource *res, rows_each_h *fn, void *arg)
{
	return each(r, res, NULL, fn, arg);
}

int rows_each_of(struct rows *r, const struct resource *res, uint64_t tenant_id, rows_each_h *fn,
		 void *arg)
{
	return each(r, res, &tenant_id, fn, arg);
}

/* ---- claims ---- */

int rows_claim(struct rows *r, const struct object *o)
{
	struct sql_claim claims[SQL_MAX_CLAIMS];
	size_t n = sql_claims(r->schema, o, claims);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = run(r, claims[i].table->insert, NULL, claims[i].v, claims[i].table->ncols);
	return err;
}

int rows_unclaim(struct rows *r, const struct object *o)
{
	const struct sql_table *tables[] = {sql_number_table(r->schema),
					    sql_directory_table(r->schema)};
	const struct sql_value key[3] = {number_value(o->tenant_id),
					 {.kind = SQL_TEXT, .s = str_of(o->res->name)},
					 number_value(o->id)};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(tables); i++)
		err = run(r, tables[i]->remove, NULL, key, 3);
	return err;
}

int rows_claim_owner(struct rows *r, const struct sql_claim *c, struct rows_owner *owner)
{
	struct db_stmt *st = NULL;
	int err;

	*owner = (struct rows_owner){0};
	err = db_sql(r->db, c->table->select, &st);
	if (!err)
		err = rows_bind(r, st, NULL, c->v, 2);
	if (!err)
		err = db_step(st);
	if (!err) {
		owner->tenant_id = db_id(st, 0);
		err = str_copy(owner->resource, sizeof(owner->resource), db_text(st, 1));
		owner->id = db_id(st, 2);
	}
	db_done(st);
	return err;
}
