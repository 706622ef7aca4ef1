/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include "base/idmap.h"
#include "store/feed.h"

enum { RETRY_MS = 100, PAGE = 500, NOTE = 64 };

struct known { /* of one tenant */
	struct idmap_key key;
	uint64_t revision; /* that the core has */
	bool is_there;
};

struct feed {
	struct store *store;
	struct map known;
	char restored[NOTE]; /* which restoring the core has */
	bool is_behind;	     /* what others changed could not be read */
};

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
	int err;

	if (l->has_revision && l->tenant_id == tenant_id)
		return 0;
	err = db_revision(l->rows->db, tenant_id, &l->revision);
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

/* ---- which revisions the core has ---- */

static int know(struct feed *f, uint64_t tenant_id, uint64_t revision)
{
	struct known *k = IDMAP_FIND(struct known, &f->known, tenant_id, 0);

	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return ENOMEM;
		idmap_add(&f->known, &k->key, tenant_id, 0);
	}
	k->revision = revision;
	k->is_there = true;
	return 0;
}

static void forget(struct feed *f, struct known *k)
{
	map_remove(&f->known, &k->key.node);
	free(k);
}

static int read_restored(struct db *db, char note[NOTE])
{
	struct db_stmt *st;
	int err = db_sql(db, "SELECT value FROM setting WHERE name = 'restored'", &st);

	note[0] = '\0';
	if (!err)
		err = db_step(st);
	if (!err)
		str_fit(note, NOTE, db_text(st, 0));
	if (!err)
		db_done(st);
	return err == ENOENT ? 0 : err;
}

/* Tenants that are gone are forgotten: the system's change of them tells the core. */
static void forget_gone(struct feed *f)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&f->known, &it))) {
		struct known *k = CONTAINER_OF(node, struct known, key.node);

		if (!k->is_there)
			forget(f, k);
		else
			k->is_there = false;
	}
}

int feed_loaded(struct feed *f, struct db *db)
{
	struct db_stmt *st;
	int err;

	if (!f)
		return 0;
	err = read_restored(db, f->restored);
	if (!err)
		err = db_sql(db, "SELECT tenant_id, revision FROM tenant_revision", &st);
	while (!err && !(err = db_step(st)))
		err = know(f, db_id(st, 0), db_id(st, 1));
	forget_gone(f);
	return err == ENOENT ? 0 : err;
}

/* ---- everything anew ---- */

static int reload_once(struct store *s, struct feed *f, struct rows *r)
{
	struct store_change begin = {.kind = STORE_RELOAD, .tenant_id = STORE_ALL};
	struct loading l = {.store = s, .rows = r};
	int err = db_begin(r->db, false);

	if (!err)
		err = feed_loaded(f, r->db);
	if (!err)
		err = feed_push(s, &begin);
	for (size_t i = 0; !err && resources[i]; i++)
		err = rows_each(r, resources[i], push_object, &l);
	db_rollback(r->db);
	return err;
}

int feed_reload(struct store *s, struct feed *f, struct rows *r, uint64_t token)
{
	struct store_change end = {.kind = STORE_RELOADED, .tenant_id = STORE_ALL, .token = token};
	int err;

	/* Until it is done: the core must not stay with what is no longer so. */
	while ((err = reload_once(s, f, r)) != 0 && err != ECANCELED &&
	       !db_worker_stopping(&s->writer))
		db_worker_pause(&s->writer, RETRY_MS);
	return err ? err : feed_push(s, &end);
}

/* ---- what others have changed ---- */

struct line { /* of the change log */
	uint64_t revision, id;
	const struct resource *res;
};

static int read_lines(struct rows *r, uint64_t tenant_id, uint64_t above, uint64_t upto,
		      struct line v[PAGE], size_t *np, uint64_t *lastp)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT revision, resource, id FROM change WHERE tenant_id = $1 "
			 "AND revision > $2 AND revision <= $3 ORDER BY revision LIMIT $4",
			 &st);

	*np = 0;
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, above);
	db_bind_id(st, 3, upto);
	db_bind_int(st, 4, PAGE);
	while (!(err = db_step(st))) {
		v[*np] =
			(struct line){db_id(st, 0), db_id(st, 2), resource_by_name(db_text(st, 1))};
		*lastp = v[*np].revision;
		++*np;
	}
	return err == ENOENT ? 0 : err;
}

/* As it is now: a later line may tell of it once more. */
static int push_line(struct feed *f, struct rows *r, uint64_t tenant_id, const struct line *l)
{
	struct store_change c = {.kind = STORE_LOADED,
				 .tenant_id = tenant_id,
				 .revision = l->revision,
				 .res = l->res,
				 .id = l->id};
	int err;

	if (!l->res) /* of a later program */
		return 0;
	err = rows_load(r, l->res, tenant_id, l->id, true, &c.after);
	if (!err || err == ENOENT)
		err = feed_push(f->store, &c);
	object_free(c.after);
	return err;
}

static int push_range(struct feed *f, struct rows *r, uint64_t tenant_id, uint64_t above,
		      uint64_t upto)
{
	struct line *v = calloc(PAGE, sizeof(*v));
	size_t n = PAGE;
	int err = v ? 0 : ENOMEM;

	while (!err && n == PAGE) {
		err = read_lines(r, tenant_id, above, upto, v, &n, &above);
		for (size_t i = 0; !err && i < n; i++)
			err = push_line(f, r, tenant_id, &v[i]);
	}
	free(v);
	return err ? err : know(f, tenant_id, upto);
}

/* A tenant not heard of before, or one whose revision went back: a stand-by that lacked the last changes took over. */
static int push_tenant(struct feed *f, struct rows *r, uint64_t tenant_id, uint64_t revision)
{
	struct store_change begin = {.kind = STORE_RELOAD, .tenant_id = tenant_id};
	struct store_change end = {.kind = STORE_RELOADED, .tenant_id = tenant_id};
	struct loading l = {.store = f->store, .rows = r};
	int err = feed_push(f->store, &begin);

	for (size_t i = 0; !err && resources[i]; i++)
		if (scope_is_system(resources[i]->scope) ? !tenant_id : true)
			err = rows_each_of(r, resources[i], tenant_id, push_object, &l);
	if (!err)
		err = feed_push(f->store, &end);
	return err ? err : know(f, tenant_id, revision);
}

static int look_at(struct feed *f, struct rows *r, uint64_t tenant_id, uint64_t revision)
{
	struct known *k = IDMAP_FIND(struct known, &f->known, tenant_id, 0);

	if (!k || revision < k->revision)
		return push_tenant(f, r, tenant_id, revision);
	k->is_there = true;
	return revision == k->revision ? 0 : push_range(f, r, tenant_id, k->revision, revision);
}

static int look_at_one(struct feed *f, struct rows *r, uint64_t tenant_id)
{
	uint64_t revision = 0;
	int err = db_revision(r->db, tenant_id, &revision);

	if (err == ENOENT)
		return 0; /* the system's change tells of it */
	return err ? err : look_at(f, r, tenant_id, revision);
}

/* Those that are not as the core has them, the system first: what a tenant refers to is there before. */
static int look_at_all(struct feed *f, struct rows *r)
{
	struct {
		uint64_t tenant_id, revision;
	} *v = NULL;
	size_t n = 0, cap = 0;
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT tenant_id, revision FROM tenant_revision ORDER BY tenant_id", &st);

	while (!err && !(err = db_step(st))) {
		if (n == cap) {
			void *more = reallocarray(v, cap ? cap * 2 : 64, sizeof(*v));

			if (!more) {
				db_done(st);
				free(v);
				return ENOMEM;
			}
			v = more;
			cap = cap ? cap * 2 : 64;
		}
		v[n].tenant_id = db_id(st, 0);
		v[n++].revision = db_id(st, 1);
	}
	if (err == ENOENT)
		err = 0;
	for (size_t i = 0; !err && i < n; i++)
		err = look_at(f, r, v[i].tenant_id, v[i].revision);
	if (!err)
		forget_gone(f);
	free(v);
	return err;
}

int feed_catch_up(struct feed *f, struct rows *r, uint64_t tenant_id)
{
	char restored[NOTE] = "";
	int err;

	if (!f || !atomic_load(&f->store->is_loaded))
		return 0;
	err = db_begin(r->db, false);
	if (!err)
		err = read_restored(r->db, restored);
	if (!err && strcmp(restored, f->restored) != 0) {
		db_rollback(r->db);
		return feed_reload(f->store, f, r, 0);
	}
	if (!err)
		err = tenant_id == STORE_ALL ? look_at_all(f, r) : look_at_one(f, r, tenant_id);
	db_rollback(r->db);
	if (err)
		f->is_behind = true;
	else if (tenant_id == STORE_ALL)
		f->is_behind = false;
	return err;
}

void feed_retry(struct feed *f, struct rows *r)
{
	if (f && f->is_behind && feed_catch_up(f, r, STORE_ALL) == ECANCELED)
		f->is_behind = false;
}

int feed_push_own(struct feed *f, struct store *s, struct rows *r, struct store_change *c)
{
	const uint64_t tenant_id = c->tenant_id, revision = c->revision;
	struct known *k = f ? IDMAP_FIND(struct known, &f->known, tenant_id, 0) : NULL;
	struct known *gone = f && c->res == &resource_tenant && !c->after
				     ? IDMAP_FIND(struct known, &f->known, c->id, 0)
				     : NULL;
	int err = 0;

	if (k && revision > k->revision + 1 && c->kind == STORE_CHANGED)
		err = push_range(f, r, tenant_id, k->revision, revision - 1);
	if (!err)
		err = feed_push(s, c);
	if (!err && gone)
		forget(f, gone);
	if (!err && f && revision)
		err = know(f, tenant_id, revision);
	return err;
}

/* ---- life ---- */

int feed_open(struct feed **fp, struct store *s)
{
	struct feed *f;

	if (s->engine != DB_POSTGRES)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return ENOMEM;
	*fp = f;
	f->store = s;
	return map_init(&f->known);
}

struct feed *feed_close(struct feed *f)
{
	struct map_iter it = {0};
	struct map_node *node;

	if (!f)
		return NULL;
	while (f->known.now && (node = map_next(&f->known, &it)))
		forget(f, CONTAINER_OF(node, struct known, key.node));
	map_close(&f->known);
	free(f);
	return NULL;
}
