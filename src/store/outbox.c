/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "store/outbox.h"
#include "store/outbox_put.h"

static const int64_t second = 1000000;
static const int64_t longest = 300; /* seconds between tries */

struct outbox {
	struct store *store;
	uint64_t node;
	struct db *db;
	struct rows rows;
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

static int put_one(struct rows *r, const struct outbox_news *n, uint64_t hook)
{
	struct db_stmt *st;
	int err;

	err = db_sql(
		r->db,
		"INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, node, key, subject, "
		"body, state, attempts, at, next_at, done_at, status, error) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, 0, 0, 0, '') "
		"ON CONFLICT (tenant_id, webhook_id, key, subject) DO NOTHING",
		&st);
	if (err)
		return err;
	db_bind_id(st, 1, n->tenant_id);
	db_bind_id(st, 2, (rng_u64(rng_system()) >> 1) | 1);
	db_bind_id(st, 3, hook);
	db_bind_id(st, 4, n->node);
	db_bind_text(st, 5, str_of(n->key));
	db_bind_id(st, 6, n->subject);
	db_bind_text(st, 7, str_of(n->body));
	db_bind_int(st, 8, n->at_us);
	return db_run(st);
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
		err = put_one(r, n, ids[i]);
	return err;
}

/* ---- what is taken out ---- */

int outbox_open(struct outbox **op, struct store *s, uint64_t node)
{
	struct outbox *o = calloc(1, sizeof(*o));
	int err = o ? 0 : ENOMEM;

	if (err)
		return err;
	o->store = s;
	o->node = node;
	err = store_connect(s, LINK_JOURNAL, &o->db);
	if (err) {
		free(o);
		return err;
	}
	o->rows = store_rows(s, o->db);
	*op = o;
	return 0;
}

struct outbox *outbox_close(struct outbox *o)
{
	if (!o)
		return NULL;
	buf_free(&o->rows.hold);
	db_close(o->db);
	free(o);
	return NULL;
}

void outbox_item_free(struct outbox_item *it)
{
	object_free((struct object *)it->hook);
	free(it->body);
	*it = (struct outbox_item){0};
}

static int load_hooks(struct outbox *o, struct outbox_item *v, const uint64_t *hooks, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		struct object *hook = NULL;

		err = rows_load(&o->rows, &resource_webhook, v[i].tenant_id, hooks[i], true, &hook);
		v[i].hook = (struct webhook *)hook;
	}
	return err;
}

int outbox_due(struct outbox *o, int64_t now_us, struct outbox_item v[OUTBOX_AT_ONCE], size_t *np)
{
	uint64_t hooks[OUTBOX_AT_ONCE];
	struct db_stmt *st;
	size_t n = 0;
	int err;

	*np = 0;
	err = db_sql(o->db,
		     "SELECT d.tenant_id, d.id, d.webhook_id, d.key, d.body, d.attempts "
		     "FROM webhook_deliveries d JOIN webhooks h ON h.tenant_id = d.tenant_id "
		     "AND h.id = d.webhook_id AND h.enabled = 1 "
		     "WHERE d.state = 0 AND d.node = $1 AND d.next_at <= $2 AND NOT EXISTS ("
		     "SELECT 1 FROM webhook_deliveries e WHERE e.tenant_id = d.tenant_id "
		     "AND e.webhook_id = d.webhook_id AND e.state = 0 AND e.node = $1 "
		     "AND (e.at < d.at OR (e.at = d.at AND e.id < d.id))) "
		     "ORDER BY d.next_at, d.at LIMIT $3",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, o->node);
	db_bind_int(st, 2, now_us);
	db_bind_int(st, 3, OUTBOX_AT_ONCE);
	while (!(err = db_step(st))) {
		v[n] = (struct outbox_item){.tenant_id = db_id(st, 0),
					    .id = db_id(st, 1),
					    .attempts = db_int(st, 5),
					    .body = str_dup(db_text(st, 4))};
		hooks[n] = db_id(st, 2);
		if (!v[n].body || str_copy(v[n].key, sizeof(v[n].key), db_text(st, 3))) {
			err = ENOMEM;
			n++;
			break;
		}
		n++;
	}
	db_done(st);
	if (err == ENOENT)
		err = load_hooks(o, v, hooks, n);
	for (size_t i = 0; err && i < n; i++)
		outbox_item_free(&v[i]);
	*np = err ? 0 : n;
	return err;
}

static int64_t pause_after(int64_t attempts)
{
	int64_t s = attempts > 8 ? longest : INT64_C(1) << attempts;

	return (s < longest ? s : longest) * second;
}

int outbox_tried(struct outbox *o, const struct outbox_item *it, int64_t now_us, int64_t status,
		 const char *error)
{
	const bool is_done = !*error;
	struct db_stmt *st;
	int err;

	err = db_sql(o->db,
		     "UPDATE webhook_deliveries SET state = $3, attempts = attempts + 1, "
		     "next_at = $4, done_at = $5, status = $6, error = $7 "
		     "WHERE tenant_id = $1 AND id = $2",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, it->tenant_id);
	db_bind_id(st, 2, it->id);
	db_bind_int(st, 3, is_done);
	db_bind_int(st, 4, is_done ? 0 : now_us + pause_after(it->attempts));
	db_bind_int(st, 5, is_done ? now_us : 0);
	db_bind_int(st, 6, status);
	db_bind_text(st, 7, str_of(error));
	return db_run(st);
}

int outbox_prune(struct outbox *o, int64_t before_us)
{
	struct db_stmt *st;
	int err = db_sql(o->db, "DELETE FROM webhook_deliveries WHERE state = 1 AND done_at < $1",
			 &st);

	if (err)
		return err;
	db_bind_int(st, 1, before_us);
	return db_run(st);
}
