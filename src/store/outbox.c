/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "base/ring.h"
#include "base/rng.h"
#include "store/qr.h"
#include "store/sign_in_code.h"
#include "store/mail.h"
#include "store/outbox.h"
#include "store/outbox_put.h"
#include "store/report.h"

static const int64_t second = 1000000;
static const int64_t longest = 300, longest_mail = 900; /* seconds between tries */

struct outbox {
	struct store *store;
	struct db *db;
	struct rows rows;
	struct ring *news; /* of what was committed: a byte each, as they have nothing to say */
};

/* ---- what is put in ---- */

static bool wants(struct str events, const char *key)
{
	while (events.p) {
		struct str one = str_trim(str_cut(&events, ','));

		if (str_eq(one, str_of(key)) || str_eq(one, STR("*")))
			return true;
	}
	return false;
}

static int put_one(struct rows *r, const struct outbox_news *n, uint64_t hook, uint64_t id)
{
	struct db_stmt *st;
	int err;

	err = db_sql(
		r->db,
		"INSERT INTO outbox (tenant_id, id, webhook_id, node, key, subject, body, state, "
		"attempts, at, next_at, done_at, status, error, answer) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, 0, 0, 0, '', '') "
		"ON CONFLICT (tenant_id, webhook_id, key, subject) DO NOTHING",
		&st);
	if (err)
		return err;
	db_bind_id(st, 1, n->tenant_id);
	db_bind_id(st, 2, id);
	db_bind_id(st, 3, hook);
	db_bind_id(st, 4, r->node);
	db_bind_text(st, 5, str_of(n->key));
	db_bind_id(st, 6, n->subject);
	db_bind_text(st, 7, str_of(n->body));
	db_bind_int(st, 8, n->at_us);
	return db_run(st);
}

static uint64_t new_id(void)
{
	return (rng_u64(rng_system()) >> 1) | 1;
}

int outbox_wanted(struct rows *r, uint64_t tenant_id, const char *key, uint64_t ids[OUTBOX_HOOKS],
		  size_t *np)
{
	struct db_stmt *st;
	int err;

	*np = 0;
	err = db_sql(r->db,
		     "SELECT id, events FROM webhooks WHERE tenant_id = $1 AND enabled = 1 "
		     "ORDER BY id",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	while (!(err = db_step(st)))
		if (*np < OUTBOX_HOOKS && wants(db_text(st, 1), key))
			ids[(*np)++] = db_id(st, 0);
	return err == ENOENT ? 0 : err;
}

int outbox_put(struct rows *r, const struct outbox_news *n, const uint64_t *ids, size_t nids)
{
	int err = 0;

	for (size_t i = 0; !err && i < nids; i++)
		err = put_one(r, n, ids[i], new_id());
	return err;
}

int outbox_put_mail(struct rows *r, const struct outbox_news *n, uint64_t *idp)
{
	*idp = new_id();
	return put_one(r, n, 0, *idp);
}

/* ---- what is taken out ---- */

static void rung(void *arg)
{
	struct outbox *o = arg;

	if (ring_push(o->news, "")) {
		/* full: there are news already */
	}
}

int outbox_open(struct outbox **op, struct store *s)
{
	struct outbox *o = calloc(1, sizeof(*o));
	int err = o ? 0 : ENOMEM;

	if (err)
		return err;
	o->store = s;
	err = store_connect(s, LINK_JOURNAL, &o->db);
	if (err) {
		free(o);
		return err;
	}
	o->rows = store_rows(s, o->db);
	err = ring_alloc(&o->news, 2, 1);
	if (!err)
		err = bell_hang(s->bell, rung, o);
	if (err)
		outbox_close(o);
	else
		*op = o;
	return err;
}

struct outbox *outbox_close(struct outbox *o)
{
	if (!o)
		return NULL;
	bell_take_off(o->store->bell, o);
	ring_free(o->news);
	buf_free(&o->rows.hold);
	db_close(o->db);
	free(o);
	return NULL;
}

int outbox_fd(const struct outbox *o)
{
	return ring_fd(o->news);
}

bool outbox_news(struct outbox *o)
{
	bool has = false;
	char nothing;

	ring_woken(o->news);
	while (ring_pop(o->news, &nothing))
		has = true;
	return has;
}

int outbox_next(struct outbox *o, int64_t now_us, int64_t *at_us)
{
	struct db_stmt *st;
	int err =
		db_sql(o->db,
		       "SELECT next_at FROM outbox WHERE state = 0 AND node = $1 AND next_at > $2 "
		       "ORDER BY next_at LIMIT 1",
		       &st);

	*at_us = INT64_MAX;
	if (err)
		return err;
	db_bind_id(st, 1, o->rows.node);
	db_bind_int(st, 2, now_us);
	err = db_step(st);
	if (!err)
		*at_us = db_int(st, 0);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

void outbox_item_free(struct outbox_item *it)
{
	object_free((struct object *)it->hook);
	object_free((struct object *)it->server);
	free(it->body);
	*it = (struct outbox_item){0};
}

static int load_target(struct outbox *o, struct outbox_item *it, uint64_t hook_id)
{
	struct object *hook = NULL;
	int err;

	if (!hook_id) {
		err = mail_server_of(&o->rows, it->tenant_id, &it->server);
		return err == ENOENT ? 0 : err;
	}
	err = rows_load(&o->rows, &resource_webhook, it->tenant_id, hook_id, true, &hook);
	it->hook = (struct webhook *)hook;
	return err;
}

static int read_item(const struct db_stmt *st, struct outbox_item *it)
{
	*it = (struct outbox_item){.tenant_id = db_id(st, 0),
				   .id = db_id(st, 1),
				   .attempts = db_int(st, 5),
				   .at_us = db_int(st, 6),
				   .body = str_dup(db_text(st, 4))};
	return it->body && !str_copy(it->key, sizeof(it->key), db_text(st, 3)) ? 0 : ENOMEM;
}

/* What `sql` finds for ($1 node, $2 now, $3 at most), behind what *np says is there. */
static int add_due(struct outbox *o, const char *sql, int64_t now_us, size_t most,
		   struct outbox_item *v, size_t *np)
{
	uint64_t hooks[OUTBOX_AT_ONCE];
	const size_t first = *np;
	struct db_stmt *st;
	int err = db_sql(o->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, o->rows.node);
	db_bind_int(st, 2, now_us);
	db_bind_int(st, 3, (int64_t)most);
	while (*np < first + most && !(err = db_step(st))) {
		hooks[*np] = db_id(st, 2);
		err = read_item(st, &v[(*np)++]);
		if (err)
			break;
	}
	db_done(st);
	err = err == ENOENT ? 0 : err;
	for (size_t i = first; !err && i < *np; i++)
		err = load_target(o, &v[i], hooks[i]);
	return err;
}

int outbox_due(struct outbox *o, int64_t now_us, struct outbox_item v[OUTBOX_AT_ONCE], size_t *np)
{
	static const char hooks[] =
		"SELECT d.tenant_id, d.id, d.webhook_id, d.key, d.body, d.attempts, d.at "
		"FROM outbox d JOIN webhooks h ON h.tenant_id = d.tenant_id "
		"AND h.id = d.webhook_id AND h.enabled = 1 "
		"WHERE d.state = 0 AND d.node = $1 AND d.next_at <= $2 AND NOT EXISTS ("
		"SELECT 1 FROM outbox e WHERE e.tenant_id = d.tenant_id "
		"AND e.webhook_id = d.webhook_id AND e.state = 0 AND e.node = $1 "
		"AND (e.at < d.at OR (e.at = d.at AND e.id < d.id))) "
		"ORDER BY d.next_at, d.at LIMIT $3";
	static const char mails[] =
		"SELECT d.tenant_id, d.id, d.webhook_id, d.key, d.body, d.attempts, d.at "
		"FROM (SELECT DISTINCT tenant_id AS id FROM outbox WHERE state = 0 AND node = $1 "
		"AND webhook_id = 0 AND next_at <= $2) t JOIN outbox d ON d.tenant_id = t.id "
		"AND d.id = (SELECT e.id FROM outbox e WHERE e.tenant_id = t.id "
		"AND e.webhook_id = 0 AND e.state = 0 AND e.node = $1 "
		"ORDER BY e.next_at, e.at, e.id LIMIT 1) "
		"ORDER BY d.next_at, d.at LIMIT $3";
	int err;

	*np = 0;
	err = add_due(o, hooks, now_us, OUTBOX_HOOKS_AT_ONCE, v, np);
	if (!err)
		err = add_due(o, mails, now_us, OUTBOX_MAILS_AT_ONCE, v, np);
	for (size_t i = 0; err && i < *np; i++)
		outbox_item_free(&v[i]);
	*np = err ? 0 : *np;
	return err;
}

int outbox_attachment(struct outbox *o, const struct outbox_item *it, uint64_t report_id,
		      struct buf *out, char name[80])
{
	if (!report_id)
		return ENOENT;
	return report_attachment(&o->rows, it->tenant_id, report_id,
				 (size_t)it->server->max_attachment_mb << 20, out, name);
}

static int account_of(struct outbox *o, uint64_t tenant_id, uint64_t extension_id, size_t nth,
		      struct object **ap)
{
	struct db_stmt *st;
	uint64_t id = 0;
	int err =
		db_sql(o->rows.db,
		       "SELECT a.id FROM accounts a JOIN tenants t ON t.tenant_id = 0 AND t.id = "
		       "a.tenant_id WHERE a.tenant_id = $1 AND a.extension_id = $2 AND a.device > "
		       "0 AND a.enabled = 1 AND t.mail_sign_in_codes = 1 ORDER BY a.device LIMIT 1 "
		       "OFFSET $3",
		       &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, extension_id);
	db_bind_int(st, 3, (int64_t)nth);
	err = db_step(st);
	if (!err)
		id = db_id(st, 0);
	db_done(st);
	return err ? err : rows_load(&o->rows, &resource_account, tenant_id, id, true, ap);
}

int outbox_code(struct outbox *o, const struct outbox_item *it, uint64_t extension_id, size_t nth,
		struct buf *png, char name[80])
{
	struct object *a = NULL;
	struct buf uri = {0};
	int err = account_of(o, it->tenant_id, extension_id, nth, &a);

	if (!err)
		err = sign_in_code(&o->rows, (const struct account *)a, &uri);
	if (!err)
		err = qr_png(buf_view(&uri), png);
	if (!err)
		(void)snprintf(name, 80, "%s.png", ((const struct account *)a)->username);
	if (uri.p)
		explicit_bzero(uri.p, uri.n);
	buf_free(&uri);
	object_free(a);
	return err;
}

static int64_t pause_after(const struct outbox_item *it)
{
	int64_t most = it->hook ? longest : longest_mail;
	int64_t s = it->attempts > 9 ? most : INT64_C(1) << it->attempts;

	return (s < most ? s : most) * second;
}

int outbox_tried(struct outbox *o, const struct outbox_item *it, int64_t now_us,
		 const struct outbox_result *result)
{
	const bool is_done = !*result->error;
	const bool is_over = is_done || result->is_for_good;
	struct db_stmt *st;
	int err;

	err = db_sql(o->db,
		     "UPDATE outbox SET state = $3, attempts = attempts + 1, next_at = $4, "
		     "done_at = $5, status = $6, error = $7, answer = $8 "
		     "WHERE tenant_id = $1 AND id = $2",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, it->tenant_id);
	db_bind_id(st, 2, it->id);
	db_bind_int(st, 3, is_done ? OUTBOX_DONE : is_over ? OUTBOX_GIVEN_UP : OUTBOX_WAITING);
	db_bind_int(st, 4, is_over ? 0 : now_us + pause_after(it));
	db_bind_int(st, 5, is_over ? now_us : 0);
	db_bind_int(st, 6, result->status);
	db_bind_text(st, 7, str_of(result->error));
	db_bind_text(st, 8, str_of(result->answer));
	return db_run(st);
}

int outbox_prune(struct outbox *o, int64_t before_us)
{
	struct db_stmt *st;
	int err = db_sql(o->db, "DELETE FROM outbox WHERE state <> 0 AND done_at < $1", &st);

	if (err)
		return err;
	db_bind_int(st, 1, before_us);
	return db_run(st);
}
