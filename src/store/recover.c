/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a start makes of what the last run left: calls without an end get one, contacts and legs go back to the core.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "store/drain.h"
#include "store/pack.h"
#include "store/recordings.h"

/* ---- calls that were cut off ---- */

/*
 * They ended when they were last known alive: at the last mark, or at whatever of theirs is later than it (a call can be
 * answered after the last mark and before the crash).  One that was over already, and had legs that were still being closed, ended
 * when it was last written, and as is written there.
 */
static int run_closing(struct drain *d, const char *sql, uint64_t node, int64_t alive_at_us,
		       size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(drain_db(d), sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, node);
	db_bind_int(st, 2, alive_at_us);
	err = db_run(st);
	if (!err && np)
		*np = (size_t)db_changed(st);
	return err;
}

int drain_close_interrupted(struct drain *d, uint64_t node, int64_t alive_at_us, size_t *np)
{
	static const char legs[] =
		"UPDATE cdr_legs SET ended_at = CASE "
		"WHEN answered_at > $2 THEN answered_at WHEN ringing_at > $2 THEN ringing_at "
		"WHEN started_at > $2 THEN started_at ELSE $2 END, "
		"reason = 'interrupted', ended_by = 'system' "
		"WHERE ended_at = 0 AND EXISTS (SELECT 1 FROM cdrs c "
		"WHERE c.tenant_id = cdr_legs.tenant_id AND c.id = cdr_legs.call_id "
		"AND c.node = $1 AND c.ended_at = 0)";
	static const char segments[] =
		"UPDATE cdr_segments SET ended_at = CASE "
		"WHEN started_at > $2 THEN started_at ELSE $2 END "
		"WHERE ended_at = 0 AND EXISTS (SELECT 1 FROM cdrs c "
		"WHERE c.tenant_id = cdr_segments.tenant_id AND c.id = cdr_segments.call_id "
		"AND c.node = $1 AND c.ended_at = 0)";
	static const char over[] = "UPDATE cdrs SET ended_at = "
				   "CASE WHEN last_alive_at > 0 THEN last_alive_at ELSE $2 END "
				   "WHERE node = $1 AND ended_at = 0 AND status <> 'in_progress'";
	static const char calls[] =
		"UPDATE cdrs SET ended_at = CASE "
		"WHEN answered_at > $2 THEN answered_at WHEN ringing_at > $2 THEN ringing_at "
		"WHEN started_at > $2 THEN started_at ELSE $2 END, "
		"last_alive_at = CASE "
		"WHEN answered_at > $2 THEN answered_at WHEN ringing_at > $2 THEN ringing_at "
		"WHEN started_at > $2 THEN started_at ELSE $2 END, "
		"status = 'interrupted', reason = 'interrupted', ended_by = 'system' "
		"WHERE node = $1 AND ended_at = 0";
	int err = db_begin(drain_db(d), true);

	/* The calls last: it is by them that their parts are found. */
	if (!err)
		err = run_closing(d, legs, node, alive_at_us, NULL);
	if (!err)
		err = run_closing(d, segments, node, alive_at_us, NULL);
	if (!err)
		err = run_closing(d, over, node, alive_at_us, NULL);
	if (!err)
		err = run_closing(d, calls, node, alive_at_us, np);
	if (!err)
		err = recordings_close_interrupted(drain_rows(d), node, alive_at_us);
	if (!err)
		err = db_commit(drain_db(d));
	if (err)
		db_rollback(drain_db(d));
	return err == ECONNABORTED ? EAGAIN : err;
}

/* ---- contacts, messages that wait ---- */

enum { RECORDS_AT_A_TIME = 2000 };

/* Those behind *rec, which is the last one handed out. */
static int some_records(struct rows *r, const struct sql_table *t, const char *sql, int64_t now_us,
			struct record_head *rec, drain_record_h *fn, void *arg, size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(r->db, sql, &st);

	*np = 0;
	if (err)
		return err;
	db_bind_int(st, 1, now_us);
	db_bind_id(st, 2, rec->tenant_id);
	db_bind_id(st, 3, rec->id);
	db_bind_int(st, 4, RECORDS_AT_A_TIME);
	while (!(err = db_step(st))) {
		struct sql_value v[SQL_MAX_COLUMNS];

		err = rows_values(r, t, st, false, v);
		if (!err)
			err = sql_decode_record(t, rec, v);
		if (err)
			break;
		fn(rec, arg);
		++*np;
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int drain_records(struct drain *d, enum record_kind kind, const char *which, int64_t now_us,
		  drain_record_h *fn, void *arg)
{
	const struct sql_table *t = sql_record_table(drain_rows(d)->schema, kind);
	struct record_head *rec = calloc(1, record_tables[kind].size);
	struct buf sql = {0};
	size_t n = 0;
	int err;

	if (!rec)
		return ENOMEM;
	buf_cstr(&sql, "SELECT ");
	for (size_t i = 0; i < t->ncols; i++)
		buf_printf(&sql, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_printf(&sql,
		   " FROM \"%s\" WHERE %s AND expires_at > $1 AND (tenant_id, id) > ($2, $3) "
		   "ORDER BY tenant_id, id LIMIT $4",
		   t->name, which);
	err = sql.err;
	do {
		if (!err)
			err = some_records(drain_rows(d), t, sql.p, now_us, rec, fn, arg, &n);
	} while (!err && n == RECORDS_AT_A_TIME);
	buf_free(&sql);
	free(rec);
	return err;
}

/* ---- spendings ---- */

int drain_spendings(struct drain *d, drain_spending_h *fn, void *arg)
{
	const struct sql_table *t = sql_record_table(drain_rows(d)->schema, RECORD_SPENDING);
	struct spending_record s;
	struct db_stmt *st = NULL;
	struct buf sql = {0};
	int err;

	buf_cstr(&sql, "SELECT ");
	for (size_t i = 0; i < t->ncols; i++)
		buf_printf(&sql, "%s\"%s\"", i ? ", " : "", t->cols[i].name);
	buf_printf(&sql, " FROM \"%s\"", t->name);
	err = sql.err ? sql.err : db_sql(drain_db(d), sql.p, &st);
	while (!err && !(err = db_step(st))) {
		struct sql_value v[SQL_MAX_COLUMNS];

		err = rows_values(drain_rows(d), t, st, false, v);
		if (!err)
			err = sql_decode_record(t, &s, v);
		if (!err)
			fn(&s, arg);
	}
	if (st)
		db_done(st);
	buf_free(&sql);
	return err == ENOENT ? 0 : err;
}

int drain_storage(struct drain *d, drain_storage_h *fn, void *arg)
{
	struct db_stmt *st;
	int err = db_sql(drain_db(d),
			 "SELECT tenant_id, CAST(SUM(bytes) AS BIGINT) FROM (SELECT tenant_id, "
			 "bytes FROM recordings UNION ALL SELECT tenant_id, bytes FROM "
			 "call_report) AS files GROUP BY tenant_id",
			 &st);

	if (err)
		return err;
	while (!(err = db_step(st)))
		fn(db_id(st, 0), db_id(st, 1), arg);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* ---- legs ---- */

static int hand_out(struct drain *d, struct str sealed, drain_leg_h *fn, void *arg)
{
	struct buf clear = {0};
	struct kept_head head, *kept = NULL;
	int err = unseal_bytes(drain_rows(d)->seal, sealed, &clear);

	if (!err && clear.n < sizeof(head))
		err = EBADMSG;
	if (!err) {
		memcpy(&head, clear.p, sizeof(head));
		err = head.size < sizeof(head) || head.size > JOURNAL_MAX_RECORD ? EBADMSG : 0;
	}
	if (!err) {
		kept = malloc(head.size);
		err = kept ? unpack_kept((const uint8_t *)clear.p, clear.n, kept, head.size)
			   : ENOMEM;
	}
	if (!err)
		fn(kept, arg);
	else if (err == EBADMSG)
		log_warn(NULL, LOGID_JOURNAL, "what was kept of a leg cannot be read");
	free(kept);
	buf_free(&clear);
	return err == EBADMSG ? 0 : err;
}

int drain_legs(struct drain *d, uint64_t node, drain_leg_h *fn, void *arg)
{
	struct db_stmt *st;
	int err = db_sql(drain_db(d), "SELECT kept FROM leg_kept WHERE node = $1", &st);

	if (err)
		return err;
	db_bind_id(st, 1, node);
	while (!(err = db_step(st))) {
		err = hand_out(d, db_blob(st, 0), fn, arg);
		if (err)
			break;
	}
	db_done(st);
	if (err != ENOENT)
		return err;
	err = db_sql(drain_db(d), "DELETE FROM leg_kept WHERE node = $1", &st);
	if (err)
		return err;
	db_bind_id(st, 1, node);
	return db_run(st);
}
