/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is done in a transaction beyond changing an object: the lines of acts.def. */
#include "schema/syntax.h"
#include "store/args.h"
#include "store/edit.h"
#include "store/mail.h"
#include "store/query.h"
#include "store/recordings.h"

/* Told again, behind what waits already; the same delivery to who counts them. */
static int replay(struct edit *e, const char *sql)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, e->req->tenant_id);
	db_bind_id(st, 2, e->req->id);
	db_bind_int(st, 3, e->now_us);
	err = db_run(st);
	return err ? err : db_changed(st) ? 0 : ENOENT;
}

int act_webhook_replay(struct edit *e, const struct args *a)
{
	return replay(e, "UPDATE outbox SET state = 0, next_at = 0, at = $3 WHERE tenant_id = $1 "
			 "AND id = $2 AND webhook_id <> 0 AND state = 1");
}

int act_mail_replay(struct edit *e, const struct args *a)
{
	return replay(e, "UPDATE outbox SET state = 0, next_at = 0, attempts = 0, at = $3 "
			 "WHERE tenant_id = $1 AND id = $2 AND webhook_id = 0 AND state <> 0");
}

int act_mail_test(struct edit *e, const struct args *a)
{
	const char *to = args_text(a, "to").p;
	const uint64_t tenant_id = e->req->tenant_id;
	uint64_t id;
	int err;

	if (!to || !syntax_email(str_of(to))) {
		field_error_add(&e->errs, "to", "bad_email", "is not a mail address");
		return EINVAL;
	}
	err = mail_needs_server(e->rows, tenant_id, "to", &e->errs);
	if (!err)
		err = mail_put_test(e->rows, tenant_id, to, e->now_us, &id);
	if (err == ENOBUFS) {
		field_error_add(&e->errs, "to", "limit", "too many mails wait already");
		err = EINVAL;
	}
	return err ? err : query_one_mail(e->rows, tenant_id, id, &e->reply);
}

/* PBX-7: the owner of an extension may only when its tenant says so. */
static int may_delete(struct edit *e, uint64_t own_extension)
{
	uint64_t may = 0;
	int err;

	if (!own_extension)
		return 0;
	err = query_is_seen(e->rows, RECORD_RECORDING, e->req->tenant_id, e->req->id, own_extension,
			    &e->errs);
	if (!err)
		err = db_number(e->rows->db,
				"SELECT extensions_delete_recordings FROM tenants WHERE tenant_id "
				"= 0 AND id = $1",
				e->req->tenant_id, &may);
	return err ? err : may ? 0 : EPERM;
}

int act_recording_delete(struct edit *e, const struct args *a)
{
	int err = may_delete(e, args_id(a, "own_extension"));

	return err ? err : recording_remove(e->rows, e->req->tenant_id, e->req->id);
}

static const struct {
	const char *name;
	act_h *fn;
} acts[] = {
#define X(name, arguments, answer) {#name, act_##name},
#include "store/acts.def"
};

int edit_act(struct edit *e)
{
	struct args a;
	int err = ENOSYS;

	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		if (!str_eq(str_of(e->req->query), str_of(acts[i].name)))
			continue;
		err = args_open(&a, e->req, &e->errs);
		if (!err)
			err = acts[i].fn(e, &a);
		args_close(&a);
		break;
	}
	return err;
}
