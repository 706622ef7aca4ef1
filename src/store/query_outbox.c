/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/mail.h"
#include "store/query.h"

#define COLUMNS                                                                                    \
	"SELECT id, webhook_id, key, state, attempts, at, next_at, done_at, status, error, "       \
	"body, answer FROM outbox WHERE tenant_id = $1 "

static const char *const delivery_states[] = {"waiting", "delivered"};
static const char *const mail_states[] = {"waiting", "sent", "given_up"};

/* -1: any */
static int64_t state_of(struct str name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_of(names[i])))
			return (int64_t)i;
	return -1;
}

static json_t *delivery_json(const struct db_stmt *st)
{
	struct str body = db_text(st, 10);

	return json_pack("{s:o,s:o,s:o,s:s,s:I,s:o,s:o,s:o,s:I,s:o,s:o}", "id",
			 query_id(db_id(st, 0)), "webhook_id", query_id(db_id(st, 1)), "event",
			 query_text(db_text(st, 2)), "state", delivery_states[db_int(st, 3) == 1],
			 "attempts", (json_int_t)db_int(st, 4), "at", query_time(db_int(st, 5)),
			 "next_at", query_time(db_int(st, 6)), "delivered_at",
			 query_time(db_int(st, 7)), "status", (json_int_t)db_int(st, 8), "error",
			 query_text(db_text(st, 9)), "body", json_loadb(body.p, body.n, 0, NULL));
}

int query_webhook_deliveries(struct rows *r, uint64_t tenant_id, const struct args *a,
			     struct store_reply *reply, struct field_errors *errs)
{
	const size_t limit = query_page_limit(a);
	struct db_stmt *st;
	int err;

	err = db_sql(r->db,
		     COLUMNS "AND webhook_id <> 0 AND at < $2 "
			     "AND (CAST($3 AS BIGINT) = 0 OR webhook_id = $3) "
			     "AND (CAST($4 AS BIGINT) < 0 OR state = $4) "
			     "ORDER BY at DESC, id DESC LIMIT $5",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, args_int(a, "cursor", INT64_MAX));
	db_bind_id(st, 3, args_id(a, "webhook_id"));
	db_bind_int(st, 4,
		    state_of(args_text(a, "state"), delivery_states, ARRAY_LEN(delivery_states)));
	db_bind_int(st, 5, (int64_t)limit + 1);
	return query_rows(st, limit, delivery_json, 5, reply);
}

static json_t *mail_json(const struct db_stmt *st)
{
	struct str text = db_text(st, 10);
	json_t *body = json_loadb(text.p, text.n, 0, NULL), *j;
	size_t state = (size_t)db_int(st, 3);

	j = json_pack("{s:o,s:o,s:O,s:O,s:s,s:I,s:o,s:o,s:o,s:I,s:o,s:o}", "id",
		      query_id(db_id(st, 0)), "kind", query_text(db_text(st, 2)), "to",
		      json_object_get(body, "to"), "subject", json_object_get(body, "subject"),
		      "state", mail_states[state < ARRAY_LEN(mail_states) ? state : 0], "attempts",
		      (json_int_t)db_int(st, 4), "at", query_time(db_int(st, 5)), "next_at",
		      query_time(db_int(st, 6)), "ended_at", query_time(db_int(st, 7)), "status",
		      (json_int_t)db_int(st, 8), "error", query_text(db_text(st, 9)), "answer",
		      query_text(db_text(st, 11)));
	json_decref(body);
	return j;
}

int query_mail_deliveries(struct rows *r, uint64_t tenant_id, const struct args *a,
			  struct store_reply *reply, struct field_errors *errs)
{
	const size_t limit = query_page_limit(a);
	struct db_stmt *st;
	int err;

	err = db_sql(r->db,
		     COLUMNS "AND webhook_id = 0 AND at < $2 "
			     "AND (CAST($3 AS BIGINT) < 0 OR state = $3) "
			     "ORDER BY at DESC, id DESC LIMIT $4",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, args_int(a, "cursor", INT64_MAX));
	db_bind_int(st, 3, state_of(args_text(a, "state"), mail_states, ARRAY_LEN(mail_states)));
	db_bind_int(st, 4, (int64_t)limit + 1);
	return query_rows(st, limit, mail_json, 5, reply);
}

int query_one_mail(struct rows *r, uint64_t tenant_id, uint64_t id, struct store_reply *reply)
{
	struct db_stmt *st;
	int err = db_sql(r->db, COLUMNS "AND webhook_id = 0 AND id = $2", &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	return query_one_row(st, mail_json, reply);
}

int query_mail_delivery(struct rows *r, uint64_t tenant_id, const struct args *a,
			struct store_reply *reply, struct field_errors *errs)
{
	return query_one_mail(r, tenant_id, args_id(a, "id"), reply);
}
