/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SYS-3: how many calls there were, hour by hour, and what became of them. */
#include <inttypes.h>
#include <string.h>
#include "base/clock.h"
#include "store/query.h"

static const int64_t hour_us = INT64_C(3600000000);

/* The bounds of started_at use the index of each tenant. */
#define SELECT_HOURS(tenants)                                                                      \
	"SELECT started_at / 3600000000, status, COUNT(*) FROM cdrs WHERE tenant_id " tenants      \
	" AND started_at >= $2 AND started_at < $3 GROUP BY 1, 2 ORDER BY 1, 2"

static json_t *empty(void)
{
	return json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "answered", 0, "missed", 0, "busy", 0,
			 "failed", 0, "cancelled", 0, "interrupted", 0, "in_progress", 0);
}

static int count(json_t *where, struct str status, int64_t n)
{
	json_t *sum = json_object_getn(where, status.p, status.n);

	return sum ? json_integer_set(sum, json_integer_value(sum) + n) : 0;
}

static int read_hours(struct db_stmt *st, json_t *total, json_t *hours)
{
	json_t *hour = NULL;
	int64_t last = -1;
	int err;

	while (!(err = db_step(st))) {
		if (db_int(st, 0) != last) {
			last = db_int(st, 0);
			hour = empty();
			json_object_set_new(hour, "at", query_time(last * hour_us));
			if (json_array_append_new(hours, hour)) {
				err = ENOMEM;
				break;
			}
		}
		count(hour, db_text(st, 1), db_int(st, 2));
		count(total, db_text(st, 1), db_int(st, 2));
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int query_call_statistics(struct rows *r, uint64_t tenant_id, const struct args *a,
			  struct store_reply *reply, struct field_errors *errs)
{
	int64_t from = args_int(a, "from", 0), to = args_int(a, "to", 0);
	json_t *total = empty(), *hours = json_array();
	struct db_stmt *st;
	int err;

	json_object_set_new(total, "hours", hours);
	json_object_set_new(total, "from", query_time(from));
	json_object_set_new(total, "to", query_time(to));
	if (!hours)
		err = ENOMEM;
	else if (tenant_id)
		err = db_sql(r->db, SELECT_HOURS("= $1"), &st);
	else
		err = db_sql(r->db,
			     SELECT_HOURS("IN (SELECT id FROM tenants WHERE tenant_id = $1)"), &st);
	if (!err) {
		db_bind_id(st, 1, tenant_id);
		db_bind_int(st, 2, from);
		db_bind_int(st, 3, to);
		err = read_hours(st, total, hours);
	}
	if (err) {
		json_decref(total);
		return err;
	}
	return store_reply_json(reply, total);
}
