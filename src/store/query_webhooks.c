/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "store/query.h"

static json_t *time_json(int64_t us)
{
	char text[40];

	if (!us)
		return json_null();
	clock_rfc3339(text, sizeof(text), us);
	return json_string(text);
}

static json_t *text_json(struct str s)
{
	return json_stringn(s.p, s.n);
}

static json_t *delivery_json(const struct db_stmt *st)
{
	const bool is_done = db_int(st, 3) == 1;
	struct str body = db_text(st, 10);

	return json_pack("{s:o,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:I,s:o,s:o}", "id",
			 json_sprintf("%" PRIu64, db_id(st, 0)), "webhook_id",
			 json_sprintf("%" PRIu64, db_id(st, 1)), "event", text_json(db_text(st, 2)),
			 "state", is_done ? "delivered" : "waiting", "attempts",
			 (json_int_t)db_int(st, 4), "at", time_json(db_int(st, 5)), "next_at",
			 time_json(db_int(st, 6)), "delivered_at", time_json(db_int(st, 7)),
			 "status", (json_int_t)db_int(st, 8), "error", text_json(db_text(st, 9)),
			 "body", json_loadb(body.p, body.n, 0, NULL));
}

int query_webhook_deliveries(struct rows *r, uint64_t tenant_id, const struct args *a,
			     struct store_reply *reply, struct field_errors *errs)
{
	size_t limit = query_page_limit(a);
	json_t *items = json_array();
	struct str state = args_text(a, "state");
	char next[24] = "";
	int64_t last = 0;
	struct db_stmt *st;
	int err;

	err = db_sql(
		r->db,
		"SELECT id, webhook_id, key, state, attempts, at, next_at, done_at, status, error, "
		"body FROM webhook_deliveries WHERE tenant_id = $1 AND at < $2 "
		"AND (CAST($3 AS BIGINT) = 0 OR webhook_id = $3) "
		"AND (CAST($4 AS BIGINT) < 0 OR state = $4) ORDER BY at DESC, id DESC LIMIT $5",
		&st);
	if (err) {
		json_decref(items);
		return err;
	}
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, args_int(a, "cursor", INT64_MAX));
	db_bind_id(st, 3, args_id(a, "webhook_id"));
	db_bind_int(st, 4,
		    str_eq(state, STR("waiting"))     ? 0
		    : str_eq(state, STR("delivered")) ? 1
						      : -1);
	db_bind_int(st, 5, (int64_t)limit + 1);
	while (!(err = db_step(st))) {
		if (json_array_size(items) == limit) {
			(void)snprintf(next, sizeof(next), "%" PRId64, last);
			break;
		}
		last = db_int(st, 5);
		json_array_append_new(items, delivery_json(st));
	}
	db_done(st);
	if (err && err != ENOENT) {
		json_decref(items);
		return err;
	}
	return query_page(reply, items, str_of(next));
}
