/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/feed.h"

int feed_push(struct store *s, struct store_change *c)
{
	while (ring_push(s->changes, c)) {
		if (db_worker_stopping(&s->writer))
			return ECANCELED;
		db_worker_pause(&s->writer, 1); /* the core works off what it has */
	}
	c->after = NULL;
	return 0;
}

struct loading {
	struct store *store;
	struct rows *rows;
	uint64_t tenant_id, revision; /* of the tenant asked for last */
	bool has_revision;
};

static int revision_of(struct loading *l, uint64_t tenant_id)
{
	struct db_stmt *st;
	int err;

	if (l->has_revision && l->tenant_id == tenant_id)
		return 0;
	err = db_sql(l->rows->db, "SELECT revision FROM tenant_revision WHERE tenant_id = $1", &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	err = db_step(st);
	if (!err)
		l->revision = db_id(st, 0);
	db_done(st);
	l->tenant_id = tenant_id;
	l->has_revision = !err;
	return err;
}

static int push_object(struct object **op, void *arg)
{
	struct loading *l = arg;
	struct store_change c = {.kind = STORE_LOADED,
				 .res = (*op)->res,
				 .tenant_id = (*op)->tenant_id,
				 .id = (*op)->id,
				 .after = *op};
	int err = revision_of(l, c.tenant_id);

	if (err)
		return err;
	c.revision = l->revision;
	err = feed_push(l->store, &c);
	*op = c.after;
	return err;
}

static int reload_once(struct store *s, struct rows *r)
{
	struct store_change begin = {.kind = STORE_RELOAD, .tenant_id = STORE_ALL};
	struct loading l = {.store = s, .rows = r};
	int err = db_begin(r->db, false);

	if (!err)
		err = feed_push(s, &begin);
	for (size_t i = 0; !err && resources[i]; i++)
		err = rows_each(r, resources[i], push_object, &l);
	db_rollback(r->db);
	return err;
}

int feed_reload(struct store *s, struct rows *r, uint64_t token)
{
	struct store_change end = {.kind = STORE_RELOADED, .tenant_id = STORE_ALL, .token = token};
	int err;

	/* Until it is done: the core must not stay with what is no longer so. */
	while ((err = reload_once(s, r)) != 0 && err != ECANCELED &&
	       !db_worker_stopping(&s->writer))
		db_worker_pause(&s->writer, 100);
	return err ? err : feed_push(s, &end);
}
