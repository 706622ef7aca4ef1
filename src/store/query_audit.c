/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit log (WEB-4): changes, whose id is their revision, and what was refused, whose ids are above all revisions
 * (activity_record.def).  Each of the two has its own order and place in a cursor ("REVISION-ID"); a page is what is newer of both.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "schema/csv.h"
#include "store/query.h"

#define CHANGE_COLUMNS                                                                             \
	"revision, resource, id, before, after, changes, actor, source, at, actor_tenant_id"
#define ACTIVITY_COLUMNS                                                                           \
	"id, resource, resource_id, action, actor_tenant_id, actor, actor_from, request, at, "     \
	"status, reason, field, code"

static const char *action_of(struct str before, struct str after)
{
	return !before.n ? "create" : !after.n ? "delete" : "update";
}

static json_t *change_json(const struct db_stmt *st)
{
	struct str changes = db_text(st, 5);
	json_t *diff = json_loadb(changes.p, changes.n, 0, NULL);

	return json_pack("{s:o,s:o,s:o,s:o,s:s,s:I,s:o,s:b,s:o,s:o,s:s,s:n,s:s,s:s,s:s,s:s}", "id",
			 query_id(db_id(st, 0)), "at", query_time(db_int(st, 8)), "resource",
			 query_text(db_text(st, 1)), "resource_id", query_id(db_id(st, 2)),
			 "action", action_of(db_text(st, 3), db_text(st, 4)), "revision",
			 (json_int_t)db_int(st, 0), "actor", query_text(db_text(st, 6)),
			 "actor_is_administrator", db_id(st, 9) == 0, "actor_from",
			 query_text(db_text(st, 7)), "changes", diff ? diff : json_object(),
			 "outcome", "completed", "status", "request", "", "reason", "", "field", "",
			 "code", "");
}

static const char *outcome_of(int64_t status)
{
	return status >= 400 ? "failed" : "completed";
}

static json_t *activity_json(const struct db_stmt *st)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:i,s:o,s:b,s:o,s:{},s:s,s:I,s:o,s:o,s:o,s:o}", "id",
			 query_id(db_id(st, 0)), "at", query_time(db_int(st, 8)), "resource",
			 query_text(db_text(st, 1)), "resource_id",
			 db_id(st, 2) ? query_id(db_id(st, 2)) : json_null(), "action",
			 query_text(db_text(st, 3)), "revision", 0, "actor",
			 query_text(db_text(st, 5)), "actor_is_administrator", db_id(st, 4) == 0,
			 "actor_from", query_text(db_text(st, 6)), "changes", "outcome",
			 outcome_of(db_int(st, 9)), "status", (json_int_t)db_int(st, 9), "request",
			 query_text(db_text(st, 7)), "reason", query_text(db_text(st, 10)), "field",
			 query_text(db_text(st, 11)), "code", query_text(db_text(st, 12)));
}

/* ---- one of them ---- */

int query_audit_log(struct rows *r, uint64_t tenant_id, const struct args *a,
		    struct store_reply *reply, struct field_errors *errs)
{
	static const char change[] =
		"SELECT " CHANGE_COLUMNS " FROM change WHERE tenant_id = $1 AND revision = $2";
	static const char activity[] =
		"SELECT " ACTIVITY_COLUMNS " FROM activities WHERE tenant_id = $1 AND id = $2";
	const bool is_activity = args_id(a, "id") >= RECORD_ACTIVITY_IDS;
	json_t *j = NULL, *was = json_null(), *is = json_null();
	struct db_stmt *st;
	int err = db_sql(r->db, is_activity ? activity : change, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, args_id(a, "id"));
	err = db_step(st);
	if (!err && !is_activity) {
		struct str before = db_text(st, 3), after = db_text(st, 4);

		was = before.n ? json_loadb(before.p, before.n, 0, NULL) : was;
		is = after.n ? json_loadb(after.p, after.n, 0, NULL) : is;
	}
	if (!err) {
		j = is_activity ? activity_json(st) : change_json(st);
		json_object_set_new(j, "before", was);
		json_object_set_new(j, "after", is);
	}
	db_done(st);
	return err ? err : j ? store_reply_json(reply, j) : ENOMEM;
}

/* ---- pages ---- */

struct side {
	const char *sql;
	query_row_h *row;
	bool has_outcome; /* of each row, $9 */
	struct db_stmt *st;
	uint64_t last; /* id of the row given last; what follows is below */
	bool has;      /* st stands at a row that was not given */
};

static int step(struct side *s)
{
	int err = db_step(s->st);

	s->has = !err;
	return err == ENOENT ? 0 : err;
}

static int begin(struct rows *r, struct side *s, uint64_t tenant_id, const struct args *a,
		 size_t limit)
{
	int err = db_sql(r->db, s->sql, &s->st);

	if (err)
		return err;
	db_bind_id(s->st, 1, tenant_id);
	db_bind_id(s->st, 2, s->last);
	db_bind_int(s->st, 3, args_int(a, "from", 0));
	db_bind_int(s->st, 4, args_int(a, "to", INT64_MAX));
	db_bind_text(s->st, 5, args_text(a, "resource"));
	db_bind_id(s->st, 6, args_id(a, "id"));
	db_bind_int(s->st, 7, (int64_t)limit + 1);
	db_bind_text(s->st, 8, args_text(a, "actor"));
	if (s->has_outcome)
		db_bind_text(s->st, 9, args_text(a, "outcome"));
	return step(s);
}

static struct side *newer(struct side *a, struct side *b)
{
	if (!a->has || !b->has)
		return a->has ? a : b->has ? b : NULL;
	return db_int(a->st, 8) >= db_int(b->st, 8) ? a : b;
}

static int give(struct side v[2], size_t limit, json_t *items)
{
	struct side *s;
	int err = 0;

	while (!err && json_array_size(items) < limit && (s = newer(&v[0], &v[1]))) {
		s->last = db_id(s->st, 0);
		if (json_array_append_new(items, s->row(s->st)))
			err = ENOMEM;
		else
			err = step(s);
	}
	return err;
}

static bool read_cursor(const struct args *a, struct side v[2])
{
	struct str rest = args_text(a, "cursor"), first = str_cut(&rest, '-');

	if (!first.n)
		return !rest.p;
	return !str_u64(first, &v[0].last) && (!rest.p || !str_u64(rest, &v[1].last)) &&
	       v[0].last <= INT64_MAX && v[1].last <= INT64_MAX;
}

static void write_cursor(const struct side v[2], char *next, size_t next_bytes)
{
	int n = snprintf(next, next_bytes, "%" PRIu64, v[0].last);

	if (v[1].last < INT64_MAX)
		(void)snprintf(next + n, next_bytes - (size_t)n, "-%" PRIu64, v[1].last);
}

int query_audit_logs(struct rows *r, uint64_t tenant_id, const struct args *a,
		     struct store_reply *reply, struct field_errors *errs)
{
	struct side v[2] = {
		{.sql = "SELECT " CHANGE_COLUMNS " FROM change WHERE tenant_id = $1 AND revision < "
			"$2 AND at >= $3 AND at < $4 AND ($5 = '' OR resource = $5) AND (CAST($6 "
			"AS BIGINT) = 0 OR id = $6) AND ($8 = '' OR actor = $8) ORDER BY revision "
			"DESC LIMIT $7",
		 .row = change_json,
		 .last = INT64_MAX},
		{.sql = "SELECT " ACTIVITY_COLUMNS " FROM activities WHERE tenant_id = $1 AND "
			"id < $2 AND at >= $3 AND at < $4 AND ($5 = '' OR resource = $5) AND "
			"(CAST($6 AS BIGINT) = 0 OR resource_id = $6) AND ($8 = '' OR actor = $8) "
			"AND ($9 = '' OR ($9 = 'failed') = (status >= 400)) ORDER BY id DESC LIMIT "
			"$7",
		 .row = activity_json,
		 .has_outcome = true,
		 .last = INT64_MAX},
	};
	const size_t limit = query_page_limit(a);
	const struct str outcome = args_text(a, "outcome");
	json_t *items;
	char next[48] = "";
	int err = 0;

	if (!read_cursor(a, v))
		field_error_add(errs, "cursor", "bad_cursor", "not a cursor of this list");
	if (outcome.n && !str_eq(outcome, STR("completed")) && !str_eq(outcome, STR("failed")))
		field_error_add(errs, "outcome", "not_in_list", "completed or failed");
	if (errs->n)
		return EINVAL;
	items = json_array();
	if (!items)
		return ENOMEM;
	if (!str_eq(outcome, STR("failed")))
		err = begin(r, &v[0], tenant_id, a, limit);
	if (!err)
		err = begin(r, &v[1], tenant_id, a, limit);
	if (!err)
		err = give(v, limit, items);
	if (v[0].has || v[1].has)
		write_cursor(v, next, sizeof(next));
	db_done(v[0].st);
	db_done(v[1].st);
	if (err) {
		json_decref(items);
		return err;
	}
	return query_page(reply, items, str_of(next));
}

static void audit_lines(struct buf *out, const json_t *items, bool has_names)
{
	static const char *const names[] = {
		"id",	      "at",	 "outcome", "action", "resource", "resource_id", "actor",
		"actor_from", "changes", "request", "status", "reason",	  "field",	 "code"};
	const json_t *one;
	size_t i;

	for (size_t n = 0; has_names && n < ARRAY_LEN(names); n++)
		buf_printf(out, "%s%s", n ? "," : "", names[n]);
	buf_cstr(out, has_names ? "\r\n" : "");
	json_array_foreach(items, i, one)
	{
		for (size_t n = 0; n < ARRAY_LEN(names); n++) {
			const json_t *v = json_object_get(one, names[n]);
			char *text = json_is_object(v) || json_is_integer(v)
					     ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY)
					     : NULL;

			buf_cstr(out, n ? "," : "");
			csv_write_cell(out, str_of(text ? text : json_string_value(v)));
			free(text);
		}
		buf_cstr(out, "\r\n");
	}
}

int query_audit_export(struct rows *r, uint64_t tenant_id, const struct args *a,
		       struct store_reply *reply, struct field_errors *errs)
{
	return query_as_csv(r, tenant_id, a, query_audit_logs, audit_lines, reply, errs);
}
