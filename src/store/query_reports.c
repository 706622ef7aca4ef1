/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Call reports, and what mails say by default. */
#include <inttypes.h>
#include "store/mail.h"
#include "store/query.h"
#include "store/report.h"

#define COLUMNS                                                                                    \
	"SELECT id, name, from_at, to_at, filter, mail_to, mail_id, state, error, at, ended_at, "  \
	"cursor_at, line_count, bytes FROM call_report WHERE tenant_id = $1 "

static int64_t percent_of(const struct db_stmt *st)
{
	int64_t from = db_int(st, 2), to = db_int(st, 3), at = db_int(st, 11);

	return db_int(st, 7) != REPORT_RUNNING ? 100 : (at - from) / ((to - from) / 100 + 1);
}

static json_t *report_json(const struct db_stmt *st)
{
	static const char *const states[] = {"running", "complete", "failed"};
	struct str filter = db_text(st, 4);
	json_t *j = json_loadb(filter.p, filter.n, 0, NULL);
	json_t *more =
		json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:I,s:I,s:I}", "id",
			  query_id(db_id(st, 0)), "name", query_text(db_text(st, 1)), "from",
			  query_time(db_int(st, 2)), "to", query_time(db_int(st, 3)), "mail_to",
			  query_text(db_text(st, 5)), "mail_delivery_id",
			  db_id(st, 6) ? query_id(db_id(st, 6)) : json_null(), "state",
			  states[db_int(st, 7) % 3], "error", query_text(db_text(st, 8)), "at",
			  query_time(db_int(st, 9)), "ended_at", query_time(db_int(st, 10)),
			  "percent", (json_int_t)percent_of(st), "calls",
			  (json_int_t)db_int(st, 12), "bytes", (json_int_t)db_int(st, 13));

	json_object_update_missing(j, more);
	json_decref(more);
	return j;
}

int query_call_reports(struct rows *r, uint64_t tenant_id, const struct args *a,
		       struct store_reply *reply, struct field_errors *errs)
{
	const size_t limit = query_page_limit(a);
	struct db_stmt *st;
	int err = db_sql(r->db, COLUMNS "AND at < $2 ORDER BY at DESC, id DESC LIMIT $3", &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, args_int(a, "cursor", INT64_MAX));
	db_bind_int(st, 3, (int64_t)limit + 1);
	return query_rows(st, limit, report_json, 9, reply);
}

int query_one_report(struct rows *r, uint64_t tenant_id, uint64_t id, struct store_reply *reply)
{
	struct db_stmt *st;
	int err = db_sql(r->db, COLUMNS "AND id = $2", &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	return query_one_row(st, report_json, reply);
}

int query_call_report(struct rows *r, uint64_t tenant_id, const struct args *a,
		      struct store_reply *reply, struct field_errors *errs)
{
	return query_one_report(r, tenant_id, args_id(a, "id"), reply);
}

static json_t *piece_json(const struct db_stmt *st)
{
	return json_pack("{s:o,s:o}", "csv", query_text(db_text(st, 0)), "next",
			 db_int(st, 1) + 1 < db_int(st, 2)
				 ? json_sprintf("%" PRId64, db_int(st, 1) + 1)
				 : json_null());
}

int query_call_report_csv(struct rows *r, uint64_t tenant_id, const struct args *a,
			  struct store_reply *reply, struct field_errors *errs)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT p.csv, p.position, r.pieces FROM call_report r "
			 "JOIN call_report_piece p ON p.tenant_id = r.tenant_id "
			 "AND p.report_id = r.id WHERE r.tenant_id = $1 AND r.id = $2 "
			 "AND r.state = 1 AND p.position = $3",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, args_id(a, "id"));
	db_bind_int(st, 3, args_int(a, "cursor", 0));
	return query_one_row(st, piece_json, reply);
}

int query_mail_defaults(struct rows *r, uint64_t tenant_id, const struct args *a,
			struct store_reply *reply, struct field_errors *errs)
{
	json_t *j = mail_defaults();

	return j ? store_reply_json(reply, j) : ENOMEM;
}
