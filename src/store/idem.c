/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A POST repeated under the same Idempotency-Key is answered again and not done again.  The answer is kept for a day, sealed,
 * because it may hold a generated secret.
 */
#include <string.h>
#include "store/edit.h"

static const int64_t keep_us = INT64_C(24) * 3600 * 1000000;

static int compare(struct edit *e, struct db_stmt *st)
{
	struct buf clear = {0};
	int err;

	if (!str_eq(db_text(st, 0), str_of(e->req->idem_body)))
		return EBADMSG;
	e->reply.id = db_id(st, 1);
	e->reply.revision = db_id(st, 2);
	e->reply.is_replay = true;
	err = unseal_text(e->rows->seal, db_text(st, 3), &clear);
	if (err)
		buf_free(&clear);
	else
		e->reply.json = buf_take(&clear, &e->reply.njson);
	return err;
}

int idem_find(struct edit *e, bool *is_replay)
{
	struct db_stmt *st;
	int err;

	*is_replay = false;
	if (!e->req->idem_key[0])
		return 0;
	err = db_sql(e->rows->db,
		     "SELECT body, id, revision, answer FROM idempotency "
		     "WHERE tenant_id = $1 AND idem_key = $2 AND at > $3",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, e->req->tenant_id);
	db_bind_text(st, 2, str_of(e->req->idem_key));
	db_bind_int(st, 3, e->now_us - keep_us);
	err = db_step(st);
	if (!err) {
		err = compare(e, st);
		*is_replay = !err;
	} else if (err == ENOENT) {
		err = 0;
	}
	db_done(st);
	return err;
}

static int forget_old(struct edit *e)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, "DELETE FROM idempotency WHERE at <= $1", &st);

	if (err)
		return err;
	db_bind_int(st, 1, e->now_us - keep_us);
	return db_run(st);
}

int idem_keep(struct edit *e)
{
	struct buf sealed = {0};
	struct db_stmt *st;
	int err;

	if (!e->req->idem_key[0])
		return 0;
	err = forget_old(e);
	if (!err)
		err = seal_text(e->rows->seal, (struct str){e->reply.json, e->reply.njson},
				&sealed);
	if (!err)
		err = db_sql(e->rows->db,
			     "INSERT INTO idempotency (tenant_id, idem_key, body, id, revision, "
			     "answer, at) "
			     "VALUES ($1, $2, $3, $4, $5, $6, $7)",
			     &st);
	if (!err) {
		db_bind_id(st, 1, e->req->tenant_id);
		db_bind_text(st, 2, str_of(e->req->idem_key));
		db_bind_text(st, 3, str_of(e->req->idem_body));
		db_bind_id(st, 4, e->reply.id);
		db_bind_id(st, 5, e->reply.revision);
		db_bind_text(st, 6, buf_view(&sealed));
		db_bind_int(st, 7, e->now_us);
		err = db_run(st);
	}
	buf_free(&sealed);
	return err;
}
