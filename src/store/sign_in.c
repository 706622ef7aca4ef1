/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sign_in.h"
#include <inttypes.h>
#include <string.h>
#include "base/log.h"
#include "store/policy.h"

static const int64_t day_us = INT64_C(86400000000), minute_us = 60000000;

struct row {
	int64_t changed_us, locked_until_us, wrong;
	char weak[32]; /* why its password is soon guessed; "": it is not, or nobody knows */
	char history[POLICY_MAX_REUSE * 128 +
		     1]; /* hashes, the newest first, each with a line feed */
};

static int read_row(struct edit *e, uint64_t tenant_id, uint64_t user_id, struct row *r)
{
	struct db_stmt *st;
	int err;

	*r = (struct row){.changed_us = e->now_us};
	err = db_sql(e->rows->db,
		     "SELECT changed_at, locked_until, wrong, history, weak FROM user_sign_in "
		     "WHERE tenant_id = $1 AND user_id = $2",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, user_id);
	err = db_step(st);
	if (!err) {
		r->changed_us = db_int(st, 0);
		r->locked_until_us = db_int(st, 1);
		r->wrong = db_int(st, 2);
		err = str_copy(r->history, sizeof(r->history), db_text(st, 3));
		if (!err)
			err = str_copy(r->weak, sizeof(r->weak), db_text(st, 4));
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int write_row(struct edit *e, uint64_t tenant_id, uint64_t user_id, const struct row *r)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "INSERT INTO user_sign_in (tenant_id, user_id, changed_at, locked_until, "
			 "wrong, history, weak) VALUES ($1, $2, $3, $4, $5, $6, $7) "
			 "ON CONFLICT (tenant_id, user_id) DO UPDATE SET "
			 "changed_at = excluded.changed_at, locked_until = excluded.locked_until, "
			 "wrong = excluded.wrong, history = excluded.history, weak = excluded.weak",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, user_id);
	db_bind_int(st, 3, r->changed_us);
	db_bind_int(st, 4, r->locked_until_us);
	db_bind_int(st, 5, r->wrong);
	db_bind_text(st, 6, str_of(r->history));
	db_bind_text(st, 7, str_of(r->weak));
	return db_run(st);
}

int sign_in_right(struct edit *e, uint64_t tenant_id, uint64_t user_id, bool changes)
{
	struct policy p;
	struct row r;
	int err = policy_read(e->rows->db, tenant_id, &p);

	if (err || (!p.days && !p.lock_after))
		return err;
	err = read_row(e, tenant_id, user_id, &r);
	if (err)
		return err;
	if (p.lock_after && r.locked_until_us > e->now_us)
		return EACCES;
	if (p.days && !changes && r.changed_us + p.days * day_us <= e->now_us)
		return EKEYEXPIRED;
	r.wrong = 0;
	return write_row(e, tenant_id, user_id, &r); /* one that was not there counts from now */
}

int sign_in_wrong(struct edit *e, uint64_t tenant_id, uint64_t user_id)
{
	struct policy p;
	struct row r;
	int err = policy_read(e->rows->db, tenant_id, &p);

	if (err || !p.lock_after)
		return err;
	err = read_row(e, tenant_id, user_id, &r);
	if (err || r.locked_until_us > e->now_us)
		return err;
	if (++r.wrong >= p.lock_after) {
		const struct log_ctx ctx = {.tenant = tenant_id};

		r.wrong = 0;
		r.locked_until_us = e->now_us + p.lock_minutes * minute_us;
		log_warn(&ctx, LOGID_AUTH_FAILED,
			 "user %" PRIu64 " is locked for %" PRId64 " minutes: %" PRId64
			 " wrong passwords in a row",
			 user_id, p.lock_minutes, p.lock_after);
	}
	return write_row(e, tenant_id, user_id, &r);
}

/* At most POLICY_MAX_REUSE of them. */
static void remember(struct row *r, const char *hash)
{
	size_t nhash = strlen(hash), keep = 0, lines = 1;

	if (!nhash || nhash > 127)
		return;
	for (size_t i = 0; r->history[i] && lines < POLICY_MAX_REUSE; i++)
		if (r->history[i] == '\n') {
			keep = i + 1;
			lines++;
		}
	memmove(r->history + nhash + 1, r->history, keep);
	memcpy(r->history, hash, nhash);
	r->history[nhash] = '\n';
	r->history[nhash + 1 + keep] = 0;
}

int sign_in_changed(struct edit *e, uint64_t tenant_id, uint64_t user_id, const char *old_hash)
{
	struct row r;
	int err = read_row(e, tenant_id, user_id, &r);

	if (err)
		return err;
	r.changed_us = e->now_us;
	r.wrong = 0;
	r.locked_until_us = 0;
	r.weak[0] = 0;
	remember(&r, old_hash);
	return write_row(e, tenant_id, user_id, &r);
}

int sign_in_judged(struct edit *e, uint64_t tenant_id, uint64_t user_id, struct str weak)
{
	struct row r;
	int err = tenant_id ? read_row(e, tenant_id, user_id, &r) : 0;

	if (err || !tenant_id || str_eq(weak, str_of(r.weak)))
		return err;
	err = str_copy(r.weak, sizeof(r.weak), weak);
	return err ? err : write_row(e, tenant_id, user_id, &r);
}

int sign_in_forget(struct edit *e, uint64_t tenant_id, uint64_t user_id)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "DELETE FROM user_sign_in WHERE tenant_id = $1 AND user_id = $2", &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, user_id);
	return db_run(st);
}
