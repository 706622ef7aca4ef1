/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/query.h"

static json_t *delivery_json(const struct db_stmt *st)
{
	const bool is_done = db_int(st, 3) == 1;
	struct str body = db_text(st, 10);

	return json_pack("{s:o,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:I,s:o,s:o}", "id",
			 query_id(db_id(st, 0)), "webhook_id", query_id(db_id(st, 1)), "event",
			 query_text(db_text(st, 2)), "state", is_done ? "delivered" : "waiting",
			 "attempts", (json_int_t)db_int(st, 4), "at", query_time(db_int(st, 5)),
			 "next_at", query_time(db_int(st, 6)), "delivered_at",
			 query_time(db_int(st, 7)), "status", (json_int_t)db_int(st, 8), "error",
			 query_text(db_text(st, 9)), "body", json_loadb(body.p, body.n, 0, NULL));
}

int query_webhook_deliveries(struct rows *r, uint64_t tenant_id, const struct args *a,
			     struct store_reply *reply, struct field_errors *errs)
{
	const size_t limit = query_page_limit(a);
	struct str state = args_text(a, "state");
	struct db_stmt *st;
	int err;

	err = db_sql(
		r->db,
		"SELECT id, webhook_id, key, state, attempts, at, next_at, done_at, status, error, "
		"body FROM webhook_deliveries WHERE tenant_id = $1 AND at < $2 "
		"AND (CAST($3 AS BIGINT) = 0 OR webhook_id = $3) "
		"AND (CAST($4 AS BIGINT) < 0 OR state = $4) ORDER BY at DESC, id DESC LIMIT $5",
		&st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, args_int(a, "cursor", INT64_MAX));
	db_bind_id(st, 3, args_id(a, "webhook_id"));
	db_bind_int(st, 4,
		    str_eq(state, STR("waiting"))     ? 0
		    : str_eq(state, STR("delivered")) ? 1
						      : -1);
	db_bind_int(st, 5, (int64_t)limit + 1);
	return query_rows(st, limit, delivery_json, 5, reply);
}
