/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the readers answer: one object, a page of objects.  The named queries of queries.def are in query_records.c and
 * query_people.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "store/args.h"
#include "store/past.h"
#include "store/query.h"

static int get(struct rows *r, const struct store_request *req, struct store_reply *reply)
{
	struct object *o = NULL;
	int err = rows_load(r, req->res, req->tenant_id, req->id, false, &o);

	if (!err && req->owner_id &&
	    ((o->res == &resource_trunk && ((struct trunk *)o)->owner_id != req->owner_id) ||
	     (resource_owner(o->res) && field_id(o, resource_owner(o->res)) != req->owner_id) ||
	     (o->res == &resource_tenant && ((struct tenant *)o)->dealer_id != req->owner_id)))
		err = ENOENT;
	if (err) {
		object_free(o);
		return err;
	}
	reply->id = o->id;
	reply->revision = o->revision;
	err = store_reply_json(reply, object_to_json(o));
	object_free(o);
	return err;
}

/* ---- pages ---- */

enum { MAX_FILTERS = SQL_MAX_FILTERS, DEFAULT_LIMIT = 50, MAX_LIMIT = 500 };

size_t query_page_limit(const struct args *a)
{
	int64_t n = args_int(a, "limit", DEFAULT_LIMIT);

	return n < 1 ? 1 : n > MAX_LIMIT ? MAX_LIMIT : (size_t)n;
}

int query_page(struct store_reply *reply, json_t *items, struct str next)
{
	return store_reply_json(reply,
				json_pack("{s:o,s:o}", "items", items, "next",
					  next.n ? json_stringn(next.p, next.n) : json_null()));
}

json_t *query_id(uint64_t id)
{
	return json_sprintf("%" PRIu64, id);
}

json_t *query_time(int64_t us)
{
	char text[40];

	if (!us)
		return json_null();
	clock_rfc3339(text, sizeof(text), us);
	return json_string(text);
}

json_t *query_text(struct str s)
{
	return json_stringn(s.p, s.n);
}

int query_rows(struct db_stmt *st, size_t limit, query_row_h *row, unsigned cursor_column,
	       struct store_reply *reply)
{
	json_t *items = json_array();
	char next[24] = "";
	int64_t last = 0;
	int err;

	while (!(err = db_step(st))) {
		if (json_array_size(items) == limit) {
			(void)snprintf(next, sizeof(next), "%" PRId64, last);
			break;
		}
		last = db_int(st, cursor_column);
		if (json_array_append_new(items, row(st))) {
			err = ENOMEM;
			break;
		}
	}
	db_done(st);
	if (err && err != ENOENT) {
		json_decref(items);
		return err;
	}
	return query_page(reply, items, str_of(next));
}

int query_one_row(struct db_stmt *st, query_row_h *row, struct store_reply *reply)
{
	json_t *j = NULL;
	int err = db_step(st);

	if (!err)
		j = row(st);
	db_done(st);
	return err ? err : j ? store_reply_json(reply, j) : ENOMEM;
}

static int read_filters(const struct args *a, struct sql_filter *filters, size_t *np,
			struct field_errors *errs)
{
	json_t *given = json_object_get(a->json, "filter"), *value;
	const char *name;

	*np = 0;
	json_object_foreach(given, name, value)
	{
		if (*np == MAX_FILTERS || !json_is_string(value)) {
			field_error_add(errs, name, "wrong_type", "at most %d filters, each a text",
					MAX_FILTERS);
			return EINVAL;
		}
		filters[(*np)++] = (struct sql_filter){
			str_of(name), {json_string_value(value), json_string_length(value)}};
	}
	return 0;
}

/* The rows of one page.  Objects wait for their children until no statement is open any more; records have none. */
struct page {
	struct object *v[MAX_LIMIT];
	json_t *items;
	size_t n;
	struct buf next;
};

static int keep_row(struct page *p, const struct sql_table *t, const struct sql_value *v)
{
	union any_record rec;
	int err;

	if (!t->record) {
		err = sql_decode(t, &p->v[p->n], v);
	} else {
		err = sql_decode_record(t, &rec, v);
		if (!err && json_array_append_new(p->items, record_to_json(t->record, &rec)))
			err = ENOMEM;
	}
	if (!err)
		p->n++;
	return err;
}

static int read_rows(struct rows *r, const struct sql_query *q, struct db_stmt *st, size_t limit,
		     struct page *p)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	int err;

	while (!(err = db_step(st))) {
		if (p->n == limit) /* the one more that was asked for: there is a next page */
			break;
		err = rows_values(r, q->table, st, false, v);
		if (!err)
			err = keep_row(p, q->table, v);
		if (err)
			break;
		if (p->n == limit)
			sql_cursor(&p->next, q, v);
	}
	db_done(st);
	if (err == ENOENT) { /* no more rows: this was the last page */
		buf_reset(&p->next);
		err = 0;
	}
	return err ? err : p->next.err;
}

static int page_json(struct rows *r, struct page *p, struct store_reply *reply)
{
	json_t *items = p->items;
	int err = 0;

	for (size_t i = 0; !err && i < p->n && p->v[i]; i++) {
		err = rows_load_children(r, p->v[i]);
		if (!err && json_array_append_new(items, object_to_json(p->v[i])))
			err = ENOMEM;
	}
	p->items = NULL;
	if (err)
		json_decref(items);
	return err ? err : query_page(reply, items, buf_view(&p->next));
}

int query_list(struct rows *r, const struct sql_table *t, const struct sql_list *l,
	       struct store_reply *reply, struct field_errors *errs)
{
	struct page *p = calloc(1, sizeof(*p));
	struct sql_query q = {0};
	struct db_stmt *st;
	int err;

	if (!p)
		return ENOMEM;
	p->items = json_array();
	err = p->items ? sql_list(&q, t, l, errs) : ENOMEM;
	if (!err)
		err = db_sql(r->db, q.text.p, &st);
	if (!err)
		err = rows_bind(r, st, NULL, q.v, q.nv);
	if (!err)
		err = read_rows(r, &q, st, l->limit, p);
	if (!err)
		err = page_json(r, p, reply);
	for (size_t i = 0; i < p->n; i++)
		object_free(p->v[i]);
	json_decref(p->items);
	buf_free(&p->next);
	free(p);
	sql_query_free(&q);
	return err;
}

static int list(struct rows *r, const struct store_request *req, struct store_reply *reply,
		struct field_errors *errs)
{
	struct sql_filter filters[MAX_FILTERS];
	struct sql_list l = {.tenant_id = req->tenant_id, .filters = filters};
	struct args a;
	int err;

	err = args_open(&a, req, errs);
	if (err)
		return err;
	err = read_filters(&a, filters, &l.nfilters, errs);
	if (!err) {
		l.q = args_text(&a, "q");
		l.sort = args_text(&a, "sort");
		l.cursor = args_text(&a, "cursor");
		l.extension_id = args_id(&a, "own_extension");
		l.limit = query_page_limit(&a);
		err = req->op == STORE_EXPORT
			      ? query_export(r, sql_table(r->schema, req->res), &l, reply, errs)
			      : query_list(r, sql_table(r->schema, req->res), &l, reply, errs);
	}
	args_close(&a);
	return err;
}

/* ---- named queries ---- */

static const struct {
	const char *name;
	query_h *fn;
} queries[] = {
#define X(name, arguments, answer) {#name, query_##name},
#include "store/queries.def"
#undef X
};

static int named(struct rows *r, const struct store_request *req, struct store_reply *reply,
		 struct field_errors *errs)
{
	struct args a;
	int err;

	for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
		if (!str_eq(str_of(req->query), str_of(queries[i].name)))
			continue;
		err = args_open(&a, req, errs);
		if (!err)
			err = queries[i].fn(r, req->tenant_id, &a, reply, errs);
		args_close(&a);
		return err;
	}
	return ENOSYS;
}

int query_answer(struct rows *r, const struct store_request *req, struct store_reply *reply,
		 struct field_errors *errs)
{
	ON_THREAD(THREAD_READER);
	switch (req->op) {
	case STORE_GET:
		return get(r, req, reply);
	case STORE_LIST:
	case STORE_EXPORT:
		return list(r, req, reply, errs);
	case STORE_PAST:
		return past_answer(r, req, reply, errs);
	case STORE_QUERY:
		return named(r, req, reply, errs);
	default:
		return EINVAL;
	}
}
