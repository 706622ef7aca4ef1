/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A whole list as CSV, read in pages so that no statement stays open while children are looked up. */
#include <stdlib.h>
#include <string.h>
#include "schema/csv.h"
#include "store/query.h"

enum { EXPORT_PAGE = 256 };

struct export
{
	struct rows *rows;
	struct buf *out;
	struct buf next;
	struct object *v[EXPORT_PAGE];
	size_t n;
};

static int read_page(struct export *x, const struct sql_query *q, struct db_stmt *st)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	int err;

	buf_reset(&x->next);
	while (!(err = db_step(st))) {
		if (x->n == EXPORT_PAGE)
			break;
		buf_reset(&x->next);
		err = rows_values(x->rows, q->table, st, false, v);
		if (!err)
			err = sql_decode(q->table, &x->v[x->n], v);
		if (err)
			break;
		x->n++;
		sql_cursor(&x->next, q, v);
	}
	db_done(st);
	if (err == ENOENT) {
		buf_reset(&x->next);
		err = 0;
	}
	return err ? err : x->next.err;
}

static int write_page(struct export *x)
{
	int err = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (!err)
			err = rows_load_children(x->rows, x->v[i]);
		if (!err)
			csv_write(x->out, x->v[i]);
		x->v[i] = object_free(x->v[i]);
	}
	x->n = 0;
	return err ? err : x->out->err;
}

static int one_page(struct export *x, const struct sql_table *t, const struct sql_list *l,
		    struct field_errors *errs)
{
	struct sql_query q = {0};
	struct db_stmt *st;
	int err = sql_list(&q, t, l, errs), late;

	if (!err)
		err = db_sql(x->rows->db, q.text.p, &st);
	if (!err)
		err = rows_bind(x->rows, st, NULL, q.v, q.nv);
	if (!err)
		err = read_page(x, &q, st);
	late = write_page(x);
	sql_query_free(&q);
	return err ? err : late;
}

int query_export(struct rows *r, const struct sql_table *t, struct sql_list *l,
		 struct store_reply *reply, struct field_errors *errs)
{
	struct export *x = calloc(1, sizeof(*x));
	struct buf out = {0}, cursor = {0};
	int err;

	if (!x)
		return ENOMEM;
	x->rows = r;
	x->out = &out;
	l->limit = EXPORT_PAGE;
	csv_write_header(&out, t->res);
	do {
		l->cursor = buf_view(&cursor);
		err = one_page(x, t, l, errs);
		buf_reset(&cursor);
		buf_str(&cursor, buf_view(&x->next));
		if (!err)
			err = cursor.err;
	} while (!err && cursor.n);
	if (!err)
		reply->json = buf_take(&out, &reply->njson);
	buf_free(&out);
	buf_free(&cursor);
	buf_free(&x->next);
	free(x);
	return err;
}
