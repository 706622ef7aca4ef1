/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call records and text messages: pages of them, newest first; one call with its legs and segments. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "schema/csv.h"
#include "store/query.h"

/* "SELECT a, b, … FROM table": names come from the tables, never from a request. */
void query_select_from(struct buf *sql, const struct sql_table *t)
{
	buf_cstr(sql, "SELECT ");
	for (size_t i = 0; i < t->ncols; i++)
		buf_printf(sql, "%s%s", i ? ", " : "", t->cols[i].name);
	buf_printf(sql, " FROM %s", t->name);
}

static int read_record(struct rows *r, const struct sql_table *t, struct db_stmt *st, void *rec)
{
	struct sql_value v[SQL_MAX_COLUMNS];
	int err = rows_values(r, t, st, false, v);

	return err ? err : sql_decode_record(t, rec, v);
}

/* All rows of a statement, as JSON into an array. */
static int read_all(struct rows *r, const struct sql_table *t, struct db_stmt *st, json_t *items)
{
	void *rec = calloc(1, t->record->size);
	int err = rec ? 0 : ENOMEM;

	while (!err && !(err = db_step(st))) {
		err = read_record(r, t, st, rec);
		if (!err && json_array_append_new(items, record_to_json(t->record, rec)))
			err = ENOMEM;
	}
	db_done(st);
	free(rec);
	return err == ENOENT ? 0 : err;
}

/* ---- pages ---- */

enum { MAX_FILTERS = 8 };

/* Arguments that are filters of the list under their own name; from and to are of the field `when`. */
static int page(struct rows *r, enum record_kind kind, uint64_t tenant_id, const struct args *a,
		const char *const *names, const char *when, struct store_reply *reply,
		struct field_errors *errs)
{
	struct sql_filter filters[MAX_FILTERS];
	char times[2][32], ranges[2][32], sort[32];
	struct sql_list l = {
		.tenant_id = tenant_id,
		.filters = filters,
		.q = args_text(a, "q"),
		.cursor = args_text(a, "cursor"),
		.extension_id = args_id(a, "own_extension"),
		.limit = query_page_limit(a),
	};

	for (; *names; names++)
		if (args_text(a, *names).n)
			filters[l.nfilters++] =
				(struct sql_filter){str_of(*names), args_text(a, *names)};
	for (size_t i = 0; i < 2; i++) {
		int64_t us = args_int(a, i ? "to" : "from", 0);

		if (!us)
			continue;
		clock_rfc3339(times[i], sizeof(times[i]), us);
		snprintf(ranges[i], sizeof(ranges[i]), "%s_%s", when, i ? "to" : "from");
		filters[l.nfilters++] = (struct sql_filter){str_of(ranges[i]), str_of(times[i])};
	}
	snprintf(sort, sizeof(sort), "-%s", when);
	l.sort = str_of(sort);
	return query_list(r, sql_record_table(r->schema, kind), &l, reply, errs);
}

int query_cdrs(struct rows *r, uint64_t tenant_id, const struct args *a, struct store_reply *reply,
	       struct field_errors *errs)
{
	static const char *const names[] = {"caller", "callee", "status", NULL};

	return page(r, RECORD_CALL, tenant_id, a, names, "started_at", reply, errs);
}

static void csv_value(struct buf *out, const json_t *v)
{
	if (json_is_string(v))
		csv_write_cell(out, (struct str){json_string_value(v), json_string_length(v)});
	else if (json_is_integer(v))
		buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
}

static void csv_lines(struct buf *out, enum record_kind kind, const json_t *items, bool has_names)
{
	const struct record_table *t = &record_tables[kind];
	const json_t *one;
	size_t i;

	buf_cstr(out, has_names ? "id" : "");
	for (size_t f = 0; has_names && f < t->nfields; f++)
		buf_printf(out, ",%s", t->fields[f].name);
	buf_cstr(out, has_names ? "\r\n" : "");
	json_array_foreach(items, i, one)
	{
		csv_value(out, json_object_get(one, "id"));
		for (size_t f = 0; f < t->nfields; f++) {
			buf_char(out, ',');
			csv_value(out, json_object_get(one, t->fields[f].name));
		}
		buf_cstr(out, "\r\n");
	}
}

void query_csv_lines(struct buf *out, const json_t *items, bool has_names)
{
	csv_lines(out, RECORD_CALL, items, has_names);
}

static void event_lines(struct buf *out, const json_t *items, bool has_names)
{
	csv_lines(out, RECORD_EVENT, items, has_names);
}

int query_as_csv(struct rows *r, uint64_t tenant_id, const struct args *a, query_page_h *page_of,
		 query_lines_h *lines, struct store_reply *reply, struct field_errors *errs)
{
	struct store_reply found = {.err = 0};
	struct buf csv = {0};
	json_t *j = NULL;
	int err = page_of(r, tenant_id, a, &found, errs);

	if (!err)
		j = json_loadb(found.json, found.njson, 0, NULL);
	free(found.json);
	if (!err && !j)
		err = ENOMEM;
	if (!err) {
		lines(&csv, json_object_get(j, "items"), !args_text(a, "cursor").n);
		err = csv.err;
	}
	if (!err)
		err = store_reply_json(reply, json_pack("{s:s%,s:O}", "csv", csv.n ? csv.p : "",
							csv.n, "next", json_object_get(j, "next")));
	buf_free(&csv);
	json_decref(j);
	return err;
}

int query_cdr_export(struct rows *r, uint64_t tenant_id, const struct args *a,
		     struct store_reply *reply, struct field_errors *errs)
{
	return query_as_csv(r, tenant_id, a, query_cdrs, query_csv_lines, reply, errs);
}

int query_messages(struct rows *r, uint64_t tenant_id, const struct args *a,
		   struct store_reply *reply, struct field_errors *errs)
{
	static const char *const names[] = {"sender", "recipient", "status", NULL};

	return page(r, RECORD_MESSAGE, tenant_id, a, names, "sent_at", reply, errs);
}

int query_recordings(struct rows *r, uint64_t tenant_id, const struct args *a,
		     struct store_reply *reply, struct field_errors *errs)
{
	static const char *const names[] = {"caller", "callee", "call_id", NULL};

	return page(r, RECORD_RECORDING, tenant_id, a, names, "started_at", reply, errs);
}

int query_event_logs(struct rows *r, uint64_t tenant_id, const struct args *a,
		     struct store_reply *reply, struct field_errors *errs)
{
	static const char *const names[] = {"key", "number", NULL};

	return page(r, RECORD_EVENT, tenant_id, a, names, "at", reply, errs);
}

int query_event_export(struct rows *r, uint64_t tenant_id, const struct args *a,
		       struct store_reply *reply, struct field_errors *errs)
{
	return query_as_csv(r, tenant_id, a, query_event_logs, event_lines, reply, errs);
}

/* ---- one ---- */

static int parts(struct rows *r, enum record_kind kind, uint64_t tenant_id, uint64_t call_id,
		 json_t *call, const char *key)
{
	const struct sql_table *t = sql_record_table(r->schema, kind);
	json_t *items = json_array();
	struct buf sql = {0};
	struct db_stmt *st;
	int err;

	if (!items || json_object_set_new(call, key, items))
		return ENOMEM;
	query_select_from(&sql, t);
	buf_cstr(&sql, " WHERE tenant_id = $1 AND call_id = $2 ORDER BY position, id");
	err = sql.err ? sql.err : db_sql(r->db, sql.p, &st);
	buf_free(&sql);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, call_id);
	return read_all(r, t, st, items);
}

int query_one_record(struct rows *r, enum record_kind kind, uint64_t tenant_id, uint64_t id,
		     json_t **out)
{
	const struct sql_table *t = sql_record_table(r->schema, kind);
	union any_record rec;
	struct db_stmt *st;
	int err = db_sql(r->db, t->select, &st);

	if (err)
		return err;
	memset(&rec, 0, sizeof(rec));
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	err = db_step(st);
	if (!err)
		err = read_record(r, t, st, &rec);
	db_done(st);
	if (err)
		return err;
	*out = record_to_json(t->record, &rec);
	return *out ? 0 : ENOMEM;
}

int query_one_call(struct rows *r, uint64_t tenant_id, uint64_t id, json_t **out)
{
	return query_one_record(r, RECORD_CALL, tenant_id, id, out);
}

int query_is_seen(struct rows *r, enum record_kind kind, uint64_t tenant_id, uint64_t id,
		  uint64_t extension_id, struct field_errors *errs)
{
	char text[24];
	struct sql_filter filter = {.field = STR("id")};
	const struct sql_list l = {.tenant_id = tenant_id,
				   .filters = &filter,
				   .nfilters = 1,
				   .extension_id = extension_id,
				   .limit = 1};
	struct sql_query q = {0};
	struct db_stmt *st;
	int err;

	if (!extension_id)
		return 0;
	(void)snprintf(text, sizeof(text), "%" PRIu64, id);
	filter.value = str_of(text);
	err = sql_list(&q, sql_record_table(r->schema, kind), &l, errs);
	if (!err)
		err = db_sql(r->db, q.text.p, &st);
	if (!err)
		err = rows_bind(r, st, NULL, q.v, q.nv);
	if (!err) {
		err = db_step(st);
		db_done(st);
	}
	sql_query_free(&q);
	return err;
}

int query_cdr(struct rows *r, uint64_t tenant_id, const struct args *a, struct store_reply *reply,
	      struct field_errors *errs)
{
	uint64_t id = args_id(a, "id");
	json_t *call = NULL;
	int err =
		id ? query_is_seen(r, RECORD_CALL, tenant_id, id, args_id(a, "own_extension"), errs)
		   : ENOENT;

	if (!err)
		err = query_one_call(r, tenant_id, id, &call);

	if (!err)
		err = parts(r, RECORD_LEG, tenant_id, id, call, "legs");
	if (!err)
		err = parts(r, RECORD_SEGMENT, tenant_id, id, call, "segments");
	if (err) {
		json_decref(call);
		return err;
	}
	reply->id = id;
	return store_reply_json(reply, call);
}
