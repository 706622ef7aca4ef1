/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/recordings.h"
#include "store/retention.h"
#include "store/sync.h"

/* Records that are gone are told to who asks for changes, the last so many of a tenant: older ones have been asked for long since. */
enum { TOLD_AS_GONE = 1000000 };

static const int64_t day_us = INT64_C(86400) * 1000000;

static int bind_and_run(struct rows *r, const char *sql, uint64_t tenant_id, int64_t value)
{
	struct db_stmt *st;
	int err = db_sql(r->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, value);
	return db_run(st);
}

struct limits { /* of what a tenant keeps */
	int64_t days, recording_days, quota_mb;
	bool removes_oldest;
};

/* The next tenant that does not keep everything for ever; ENOENT: there is none behind it. */
static int next_tenant(struct retention *t, struct rows *r, struct limits *l)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT id, keep_records_days, keep_recordings_days, disk_quota_mb, "
			 "when_disk_full FROM tenants WHERE tenant_id = 0 AND (keep_records_days > "
			 "0 OR keep_recordings_days > 0 OR (disk_quota_mb > 0 AND when_disk_full = "
			 "'remove_oldest')) AND id > $1 ORDER BY id LIMIT 1",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, t->tenant_id);
	err = db_step(st);
	if (!err) {
		t->tenant_id = db_id(st, 0);
		l->days = db_int(st, 1);
		l->recording_days = db_int(st, 2);
		l->quota_mb = db_int(st, 3);
		l->removes_oldest = str_eq(db_text(st, 4), STR("remove_oldest"));
	}
	db_done(st);
	return err;
}

static int old_calls(struct rows *r, uint64_t tenant_id, int64_t before_us, uint64_t *ids,
		     size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT id FROM cdrs WHERE tenant_id = $1 AND started_at < $2 AND "
			 "ended_at <> 0 ORDER BY started_at LIMIT $3",
			 &st);

	*np = 0;
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, before_us);
	db_bind_int(st, 3, RETENTION_BATCH);
	while (*np < RETENTION_BATCH && !(err = db_step(st)))
		ids[(*np)++] = db_id(st, 0);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int remove_call(struct rows *r, uint64_t tenant_id, uint64_t id, struct sync_numbers *n)
{
	static const char *const sql[] = {
		"DELETE FROM cdr_segments WHERE tenant_id = $1 AND call_id = $2",
		"DELETE FROM cdr_legs WHERE tenant_id = $1 AND call_id = $2",
		"DELETE FROM cdrs WHERE tenant_id = $1 AND id = $2",
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(sql); i++)
		err = bind_and_run(r, sql[i], tenant_id, (int64_t)id);
	return err ? err : sync_call_gone(r, tenant_id, id, n);
}

static int remove_calls(struct rows *r, uint64_t tenant_id, int64_t before_us, bool *more)
{
	uint64_t ids[RETENTION_BATCH];
	struct sync_numbers numbers = {.left = 0};
	size_t n;
	int err = old_calls(r, tenant_id, before_us, ids, &n);

	for (size_t i = 0; !err && i < n; i++)
		err = remove_call(r, tenant_id, ids[i], &numbers);
	if (!err && n)
		err = bind_and_run(
			r, "DELETE FROM cdr_change WHERE tenant_id = $1 AND seq < $2 AND gone = 1",
			tenant_id, (int64_t)numbers.next - TOLD_AS_GONE);
	*more |= n == RETENTION_BATCH;
	return err;
}

/* sql: deletes of tenant $1 what is older than $2, at most $3 rows. */
static int remove_rows(struct rows *r, const char *sql, uint64_t tenant_id, int64_t before_us,
		       bool *more)
{
	struct db_stmt *st;
	int err = db_sql(r->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, before_us);
	db_bind_int(st, 3, RETENTION_BATCH);
	err = db_run(st);
	if (!err)
		*more |= db_changed(st) == RETENTION_BATCH;
	return err;
}

static int remove_old(struct rows *r, uint64_t tenant_id, int64_t before_us, bool *more)
{
	static const char *const sql[] = {
		"DELETE FROM messages WHERE tenant_id = $1 AND id IN (SELECT id FROM messages "
		"WHERE tenant_id = $1 AND sent_at < $2 AND status <> 'pending' ORDER BY sent_at "
		"LIMIT $3)",
		"DELETE FROM event_logs WHERE tenant_id = $1 AND id IN (SELECT id FROM event_logs "
		"WHERE tenant_id = $1 AND at < $2 ORDER BY at LIMIT $3)",
		"DELETE FROM call_report_piece WHERE tenant_id = $1 AND report_id IN (SELECT id "
		"FROM call_report WHERE tenant_id = $1 AND at < $2 AND state <> 0 ORDER BY at "
		"LIMIT $3)",
		"DELETE FROM call_report WHERE tenant_id = $1 AND id IN (SELECT id FROM "
		"call_report WHERE tenant_id = $1 AND at < $2 AND state <> 0 ORDER BY at LIMIT $3)",
	};
	int err = remove_calls(r, tenant_id, before_us, more);

	for (size_t i = 0; !err && i < ARRAY_LEN(sql); i++)
		err = remove_rows(r, sql[i], tenant_id, before_us, more);
	return err;
}

/* A tenth stays free: a file that is being written has a share of what is left. */
static int clean(struct rows *r, uint64_t tenant_id, const struct limits *l, int64_t now_us,
		 bool *more)
{
	const uint64_t quota = (uint64_t)l->quota_mb << 20;
	const bool has_limit = l->removes_oldest && quota;

	if (!l->recording_days && !has_limit)
		return 0;
	return recordings_clean(r, tenant_id,
				l->recording_days ? now_us - l->recording_days * day_us : INT64_MIN,
				has_limit ? quota - quota / 10 : UINT64_MAX, more);
}

int retention_turn(struct retention *t, struct rows *r, int64_t now_us, bool *more)
{
	const uint64_t from = t->tenant_id;
	bool again = false;
	struct limits l = {0};
	int err = db_begin(r->db, true);

	*more = false;
	if (!err)
		err = next_tenant(t, r, &l);
	if (!err && l.days)
		err = remove_old(r, t->tenant_id, now_us - l.days * day_us, &again);
	if (!err)
		err = clean(r, t->tenant_id, &l, now_us, &again);
	if (!err)
		err = db_commit(r->db);
	if (err)
		db_rollback(r->db);
	*more = !err;
	if (err == ENOENT) { /* all have had their turn */
		t->tenant_id = 0;
		return recordings_sweep(r);
	}
	if (err || again)
		t->tenant_id = from;
	return err;
}
