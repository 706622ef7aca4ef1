/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "store/mail.h"
#include "store/query.h"
#include "store/recordings.h"
#include "store/report.h"

enum { IDLE_MS = 500, PRIORITY = 19 };

struct reports {
	struct store *store;
	struct db *db;
	struct rows rows;
	struct db_worker worker;
};

/* What is being made, as its row says. */
struct report {
	uint64_t tenant_id, id, cursor_id;
	int64_t turns, cursor_at, from, to, lines, bytes, pieces;
	char *mail_to, *name;
	json_t *filter;
	struct buf csv; /* of this turn */
	bool is_last;
	const char *error; /* it cannot be made; NULL: it can */
};

/* ---- which calls ---- */

static bool has(const json_t *filter, const char *name, const char *value)
{
	return str_eq(str_of(json_string_value(json_object_get(filter, name))), str_of(value));
}

static bool is_side(const json_t *filter, const char *name, bool is_outside)
{
	return has(filter, name, "any") || has(filter, name, is_outside ? "external" : "internal");
}

static bool fits(const json_t *filter, const struct call_record *c)
{
	const int64_t talked = c->answered_at ? (c->ended_at - c->answered_at) / 1000000 : 0;
	const json_t *most = json_object_get(filter, "max_duration");

	if (!c->ended_at)
		return false;
	if (!has(filter, "status", "any") &&
	    !has(filter, "status", c->answered_at ? "answered" : "not_answered"))
		return false;
	return is_side(filter, "source", strcmp(c->direction, "inbound") == 0) &&
	       is_side(filter, "destination", strcmp(c->direction, "outbound") == 0) &&
	       talked >= json_integer_value(json_object_get(filter, "min_duration")) &&
	       (!json_is_integer(most) || talked <= json_integer_value(most));
}

/* ---- a turn ---- */

static void report_close(struct report *p)
{
	json_decref(p->filter);
	free(p->mail_to);
	free(p->name);
	buf_free(&p->csv);
	*p = (struct report){0};
}

static int read_row(const struct db_stmt *st, struct report *p)
{
	*p = (struct report){.tenant_id = db_id(st, 0),
			     .id = db_id(st, 1),
			     .turns = db_int(st, 2),
			     .cursor_at = db_int(st, 3),
			     .cursor_id = db_id(st, 4),
			     .lines = db_int(st, 5),
			     .bytes = db_int(st, 6),
			     .pieces = db_int(st, 7),
			     .from = db_int(st, 8),
			     .to = db_int(st, 9),
			     .filter = json_loadb(db_text(st, 10).p, db_text(st, 10).n, 0, NULL),
			     .mail_to = str_dup(db_text(st, 11)),
			     .name = str_dup(db_text(st, 12))};
	return p->filter && p->mail_to && p->name ? 0 : ENOMEM;
}

/* That which has had the fewest turns: a short one does not wait for a long one.  ENOENT: there is nothing to do. */
static int next_report(struct reports *m, struct report *p)
{
	struct db_stmt *st;
	int err = db_sql(m->db,
			 "SELECT tenant_id, id, turns, cursor_at, cursor_id, line_count, bytes, "
			 "pieces, from_at, to_at, filter, mail_to, name FROM call_report "
			 "WHERE state = 0 ORDER BY turns, at, id LIMIT 1",
			 &st);

	if (!err)
		err = db_step(st);
	if (!err)
		err = read_row(st, p);
	db_done(st);
	return err;
}

static int add_line(struct report *p, const struct call_record *c, json_t *items)
{
	p->cursor_at = c->started_at;
	p->cursor_id = c->id;
	if (!fits(p->filter, c))
		return 0;
	p->lines++;
	return json_array_append_new(items, record_to_json(&record_tables[RECORD_CALL], c)) ? ENOMEM
											    : 0;
}

/* The next page of the tenant's calls, from the oldest to the newest. */
static int read_calls(struct reports *m, struct report *p, json_t *items)
{
	const struct sql_table *t = sql_record_table(m->rows.schema, RECORD_CALL);
	struct sql_value v[SQL_MAX_COLUMNS];
	struct call_record c;
	struct buf sql = {0};
	struct db_stmt *st;
	int n = 0, err;

	query_select_from(&sql, t);
	buf_printf(&sql,
		   " WHERE tenant_id = $1 AND started_at >= $2 AND started_at < $3 "
		   "AND (started_at > $2 OR id > $4) ORDER BY started_at, id LIMIT %d",
		   REPORT_PAGE);
	err = sql.err ? sql.err : db_sql(m->db, sql.p, &st);
	buf_free(&sql);
	if (err)
		return err;
	db_bind_id(st, 1, p->tenant_id);
	db_bind_int(st, 2, p->cursor_at);
	db_bind_int(st, 3, p->to);
	db_bind_id(st, 4, p->cursor_id);
	while (!(err = db_step(st))) {
		n++;
		err = rows_values(&m->rows, t, st, false, v);
		if (!err)
			err = sql_decode_record(t, &c, v);
		if (!err)
			err = add_line(p, &c, items);
		if (err)
			break;
	}
	db_done(st);
	p->is_last = n < REPORT_PAGE;
	return err == ENOENT ? 0 : err;
}

/* TEN-2. */
static int check_quota(struct reports *m, struct report *p)
{
	struct storage_use use;
	uint64_t quota_mb = 0;
	int err = db_number(m->db,
			    "SELECT disk_quota_mb FROM tenants WHERE tenant_id = 0 AND id = $1",
			    p->tenant_id, &quota_mb);

	if (err || !quota_mb)
		return err;
	err = storage_used(&m->rows, p->tenant_id, &use);
	if (!err && use.recordings + use.reports + p->csv.n > quota_mb << 20) {
		p->error = "the tenant's disk quota is used up: delete recordings or reports";
		p->is_last = true;
	}
	return err;
}

static int read_page(struct reports *m, struct report *p)
{
	json_t *items = json_array();
	int err = items ? read_calls(m, p, items) : ENOMEM;

	if (!err) {
		query_csv_lines(&p->csv, items, !p->pieces);
		err = p->csv.err;
	}
	json_decref(items);
	if (!err)
		err = check_quota(m, p);
	if (!err && p->lines > REPORT_LINES) {
		p->error = "more than 1000000 calls: choose a shorter time";
		p->is_last = true;
	}
	return err;
}

/* ESTALE: it was deleted, or another node has had this turn. */
static int write_row(struct reports *m, const struct report *p, int64_t now_us, uint64_t mail_id)
{
	const int state = !p->is_last ? REPORT_RUNNING : p->error ? REPORT_FAILED : REPORT_COMPLETE;
	struct db_stmt *st;
	int err =
		db_sql(m->db,
		       "UPDATE call_report SET turns = turns + 1, cursor_at = $4, cursor_id = $5, "
		       "line_count = $6, bytes = $7, pieces = $8, state = $9, ended_at = $10, "
		       "error = $11, mail_id = $12 "
		       "WHERE tenant_id = $1 AND id = $2 AND turns = $3 AND state = 0",
		       &st);

	if (err)
		return err;
	db_bind_id(st, 1, p->tenant_id);
	db_bind_id(st, 2, p->id);
	db_bind_int(st, 3, p->turns);
	db_bind_int(st, 4, p->cursor_at);
	db_bind_id(st, 5, p->cursor_id);
	db_bind_int(st, 6, p->lines);
	db_bind_int(st, 7, p->bytes + (int64_t)p->csv.n);
	db_bind_int(st, 8, p->pieces + (p->csv.n > 0));
	db_bind_int(st, 9, state);
	db_bind_int(st, 10, p->is_last ? now_us : 0);
	db_bind_text(st, 11, str_of(p->error ? p->error : ""));
	db_bind_id(st, 12, mail_id);
	err = db_run(st);
	return err ? err : db_changed(st) ? 0 : ESTALE;
}

static int write_piece(struct reports *m, const struct report *p)
{
	struct db_stmt *st;
	int err;

	if (!p->csv.n)
		return 0;
	err = db_sql(m->db,
		     "INSERT INTO call_report_piece (tenant_id, report_id, position, csv) "
		     "VALUES ($1, $2, $3, $4)",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, p->tenant_id);
	db_bind_id(st, 2, p->id);
	db_bind_int(st, 3, p->pieces);
	db_bind_text(st, 4, buf_view(&p->csv));
	return db_run(st);
}

static int put_mail(struct reports *m, const struct report *p, int64_t now_us, uint64_t *idp)
{
	char from[40], to[40];
	struct mail mail = {.tenant_id = p->tenant_id,
			    .kind = MAIL_KIND_CALL_REPORT,
			    .of = p->id,
			    .to = p->mail_to,
			    .report_id = p->id,
			    .now_us = now_us};
	int err;

	*idp = 0;
	if (!p->is_last || p->error || !*p->mail_to)
		return 0;
	clock_rfc3339(from, sizeof(from), p->from);
	clock_rfc3339(to, sizeof(to), p->to);
	mail.values = json_pack("{s:s,s:s,s:s,s:o}", "name", p->name, "from", from, "to", to,
				"calls", json_sprintf("%" PRId64, p->lines));
	err = mail.values ? mail_put(&m->rows, &mail, idp) : ENOMEM;
	json_decref(mail.values);
	return err == ENOBUFS ? 0 : err; /* logged: too many wait */
}

static int write_turn(struct reports *m, const struct report *p)
{
	const int64_t now_us = clock_wall_us(clock_real());
	uint64_t mail_id = 0;
	int err = db_begin(m->db, true);

	if (!err)
		err = put_mail(m, p, now_us, &mail_id);
	if (!err)
		err = write_row(m, p, now_us, mail_id);
	if (!err)
		err = write_piece(m, p);
	if (err)
		db_rollback(m->db);
	else
		err = db_commit(m->db);
	bell_ring(m->store->bell);
	storage_mark(&m->rows, p->tenant_id);
	return err;
}

static int turn(struct reports *m)
{
	struct report p = {0};
	int err = next_report(m, &p);

	if (!err)
		err = read_page(m, &p);
	if (!err)
		err = write_turn(m, &p);
	report_close(&p);
	return err;
}

static void rung(void *arg)
{
	struct reports *m = arg;

	db_worker_nudge(&m->worker);
}

static void await(struct reports *m)
{
	struct store_request nothing;

	(void)db_worker_next(&m->worker, &nothing, -1);
}

/* At most half of one core, and that only where nobody else wants it. */
static void reports_main(void *arg)
{
	struct reports *m = arg;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), PRIORITY);
	while (!db_worker_stopping(&m->worker)) {
		int64_t began = clock_mono_ms(clock_real());
		int err = m->db ? turn(m) : store_connect(m->store, LINK_JOURNAL, &m->db);

		if (m->db)
			m->rows = m->rows.db ? m->rows : store_rows(m->store, m->db);
		if (err && err != ENOENT && err != ESTALE && err != EAGAIN)
			log_warn(NULL, LOGID_STORE, "a report waits: %s: %s", strerror(err),
				 m->db ? db_error(m->db) : "no connection");
		db_worker_pause(&m->worker,
				err ? IDLE_MS : (int)(clock_mono_ms(clock_real()) - began) + 1);
		if (err == ENOENT)
			await(m);
	}
	buf_free(&m->rows.hold);
	db_close(m->db);
}

int reports_start(struct reports **mp, struct store *s)
{
	struct reports *m = calloc(1, sizeof(*m));
	int err = m ? 0 : ENOMEM;

	if (err)
		return err;
	m->store = s;
	*mp = m;
	err = db_worker_start(&m->worker, "reports", THREAD_WORKER, 2, reports_main, m);
	return err ? err : bell_hang(s->bell, rung, m);
}

void reports_stop(struct reports *m)
{
	if (!m)
		return;
	bell_take_off(m->store->bell, m);
	db_worker_stop(&m->worker);
	free(m);
}

/* ---- what others need of one ---- */

static int sizes_of(struct rows *r, uint64_t tenant_id, uint64_t id, int64_t *bytes, char name[80])
{
	struct db_stmt *st;
	int err = db_sql(
		r->db, "SELECT bytes, name FROM call_report WHERE tenant_id = $1 AND id = $2", &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	err = db_step(st);
	if (!err) {
		*bytes = db_int(st, 0);
		(void)snprintf(name, 80, "%.75s.csv", db_text(st, 1).p);
	}
	db_done(st);
	return err;
}

int report_attachment(struct rows *r, uint64_t tenant_id, uint64_t id, size_t max, struct buf *out,
		      char name[80])
{
	struct db_stmt *st;
	int64_t bytes = 0;
	int err = sizes_of(r, tenant_id, id, &bytes, name);

	if (err)
		return err;
	if ((uint64_t)bytes > max)
		return EFBIG;
	err = db_sql(r->db,
		     "SELECT csv FROM call_report_piece WHERE tenant_id = $1 AND report_id = $2 "
		     "ORDER BY position",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	while (!(err = db_step(st)))
		buf_str(out, db_text(st, 0));
	return err == ENOENT ? out->err : err;
}

int report_remove(struct rows *r, uint64_t tenant_id, uint64_t id)
{
	static const char *const sql[] = {
		"DELETE FROM call_report_piece WHERE tenant_id = $1 AND report_id = $2",
		"DELETE FROM call_report WHERE tenant_id = $1 AND id = $2",
	};
	int64_t changed = 0;
	int err = 0;

	storage_mark(r, tenant_id);
	for (size_t i = 0; !err && i < ARRAY_LEN(sql); i++) {
		struct db_stmt *st;

		err = db_sql(r->db, sql[i], &st);
		if (err)
			break;
		db_bind_id(st, 1, tenant_id);
		db_bind_id(st, 2, id);
		err = db_run(st);
		changed = err ? 0 : db_changed(st);
	}
	return err ? err : changed ? 0 : ENOENT;
}
