/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/idmap.h"
#include "store/past.h"

/* ---- an object as the log has it ---- */

static int set_hidden(struct object *o, const struct field *f, const json_t *v)
{
	if (json_is_string(v) &&
	    (f->kind == FIELD_TEXT || f->kind == FIELD_SECRET || f->kind == FIELD_PASSWORD))
		return object_set_text(o, f, str_of(json_string_value(v)));
	if (f->kind == FIELD_INT && json_is_integer(v))
		field_set_int(o, f, json_integer_value(v));
	else if (f->kind == FIELD_BOOL && json_is_boolean(v))
		field_set_int(o, f, json_is_true(v));
	return 0;
}

int past_object(const struct past_shown *p, const struct object *base, struct object **op,
		struct field_errors *errs)
{
	json_t *body = json_object();
	int err = body ? 0 : ENOMEM;

	for (size_t i = 0; !err && i < p->res->nfields; i++) {
		const struct field *f = &p->res->fields[i];
		json_t *v = json_object_get(p->shown, f->name);

		if (v && !(f->flags & (READ_ONLY | CREATE_ONLY)) &&
		    (!p->only || json_object_get(p->only, f->name)) &&
		    json_object_set(body, f->name, v))
			err = ENOMEM;
	}
	if (!err && !base) /* what must be given and is never shown */
		json_object_update_missing(body, p->secrets);
	if (!err)
		err = object_from_json(op, p->res, base, body, true, errs);
	for (size_t i = 0; !err && i < p->res->nfields; i++) {
		const struct field *f = &p->res->fields[i];

		if (p->only && !json_object_get(p->only, f->name))
			continue;
		if (f->flags & READ_ONLY)
			err = set_hidden(*op, f, json_object_get(p->shown, f->name));
		if (!err)
			err = set_hidden(*op, f, json_object_get(p->secrets, f->name));
	}
	json_decref(body);
	return err;
}

/* ---- what has changed since ---- */

enum { MAX_CHANGED = 20000 };

struct changed {
	struct idmap_key key; /* of a resource (its address) and an id */
	const struct resource *res;
	json_t *before; /* NULL: it was not there */
};

struct looking {
	struct rows *rows;
	const struct store_past *to;
	void *past;
	uint64_t tenant_id; /* whose objects are given now */
	uint64_t wanted_id; /* the tenant asked for */
	uint64_t revision;
	struct map changed;
	struct field_errors *errs;
};

static struct changed *changed_of(const struct looking *l, const struct resource *res, uint64_t id)
{
	return IDMAP_FIND(struct changed, &l->changed, (uintptr_t)res, id);
}

static void forget(struct looking *l)
{
	struct map_iter it = {0};
	struct map_node *node;

	while ((node = map_next(&l->changed, &it))) {
		struct changed *c = CONTAINER_OF(node, struct changed, key.node);

		map_remove(&l->changed, node);
		json_decref(c->before);
		free(c);
	}
}

/* Of the system what tenants refer to, or share; not the other tenants. */
static bool is_wanted(const struct looking *l, const struct resource *res, uint64_t id)
{
	if (res == &resource_tenant)
		return id == l->wanted_id;
	return l->tenant_id ? !scope_is_system(res->scope)
			    : res == &resource_trunk || !scope_is_system(res->scope);
}

/* The first line of an object counts. */
static int note(struct looking *l, struct db_stmt *st)
{
	const struct resource *res = resource_by_name(db_text(st, 0));
	struct str before = db_text(st, 2);
	struct changed *c;

	if (!res || !is_wanted(l, res, db_id(st, 1)) || changed_of(l, res, db_id(st, 1)))
		return 0;
	if (l->changed.count == MAX_CHANGED) {
		field_error_add(l->errs, "revision", "too_many",
				"more than %d objects have changed since", MAX_CHANGED);
		return EINVAL;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return ENOMEM;
	c->res = res;
	c->before = before.n ? json_loadb(before.p, before.n, 0, NULL) : NULL;
	idmap_add(&l->changed, &c->key, (uintptr_t)res, db_id(st, 1));
	return 0;
}

/* Of the tenant what came after the revision; of the system what came after the moment. */
static int note_all(struct looking *l, uint64_t revision, int64_t at_us)
{
	struct db_stmt *st;
	int err = db_sql(l->rows->db,
			 "SELECT resource, id, before FROM change WHERE tenant_id = $1 AND "
			 "revision > $2 AND at > $3 ORDER BY revision",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, l->tenant_id);
	db_bind_id(st, 2, revision);
	db_bind_int(st, 3, at_us);
	while (!err && !(err = db_step(st)))
		err = note(l, st);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* ---- all objects ---- */

static int give(struct looking *l, struct object **op)
{
	struct store_change c = {.kind = STORE_LOADED,
				 .tenant_id = (*op)->tenant_id,
				 .revision = l->revision,
				 .res = (*op)->res,
				 .id = (*op)->id,
				 .after = *op};
	int err = l->to->load(&c, l->past);

	*op = c.after;
	return err;
}

static int give_unchanged(struct object **op, void *arg)
{
	struct looking *l = arg;

	if (!is_wanted(l, (*op)->res, (*op)->id) || changed_of(l, (*op)->res, (*op)->id))
		return 0;
	return give(l, op);
}

/* Secrets that must be given are not what they were: nothing that is asked of the past shows them. */
static json_t *some_secrets(const struct resource *res)
{
	json_t *some = json_object();

	for (size_t i = 0; some && i < res->nfields; i++)
		if (res->fields[i].kind == FIELD_SECRET || res->fields[i].kind == FIELD_PASSWORD)
			json_object_set_new(some, res->fields[i].name, json_string("00000000"));
	return some;
}

static int give_changed(struct looking *l, const struct changed *c)
{
	struct past_shown shown = {
		.res = c->res, .shown = c->before, .secrets = some_secrets(c->res)};
	struct object *o = NULL;
	int err = shown.secrets ? past_object(&shown, NULL, &o, l->errs) : ENOMEM;

	if (!err) {
		o->tenant_id = l->tenant_id;
		o->id = c->key.id;
		err = give(l, &o);
	}
	json_decref(shown.secrets);
	object_free(o);
	return err;
}

static int give_all(struct looking *l)
{
	int err = 0;

	for (size_t i = 0; !err && resources[i]; i++) {
		struct map_iter it = {0};
		struct map_node *node;

		if (resources[i] == &resource_tenant ? l->tenant_id != 0
						     : !is_wanted(l, resources[i], 0))
			continue;
		err = rows_each_of(l->rows, resources[i], l->tenant_id, give_unchanged, l);
		while (!err && (node = map_next(&l->changed, &it))) {
			const struct changed *c = CONTAINER_OF(node, struct changed, key.node);

			if (c->res == resources[i] && c->before)
				err = give_changed(l, c);
		}
	}
	return err;
}

/* ENOENT: the log has no such line. */
static int moment_of(struct rows *r, uint64_t tenant_id, uint64_t revision, int64_t *at_us)
{
	struct db_stmt *st;
	int err =
		db_sql(r->db, "SELECT at FROM change WHERE tenant_id = $1 AND revision = $2", &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, revision);
	err = db_step(st);
	if (!err)
		*at_us = db_int(st, 0);
	db_done(st);
	return err;
}

static int tell(struct looking *l, uint64_t revision, int64_t at_us)
{
	int err = note_all(l, 0, at_us); /* the system first: the tenant refers to it */

	if (!err)
		err = give_all(l);
	forget(l);
	l->tenant_id = l->wanted_id;
	l->revision = revision;
	if (!err)
		err = note_all(l, revision, -1);
	if (!err)
		err = give_all(l);
	forget(l);
	return err;
}

int past_answer(struct rows *r, const struct store_request *req, struct store_reply *reply,
		struct field_errors *errs)
{
	struct looking l = {.rows = r, .to = req->past, .wanted_id = req->tenant_id, .errs = errs};
	int64_t at_us = 0;
	int err = moment_of(r, req->tenant_id, req->id, &at_us);

	if (err == ENOENT) {
		field_error_add(errs, "revision", "not_found",
				"the audit log has no revision %" PRIu64 " of this tenant",
				req->id);
		return EINVAL;
	}
	if (!err)
		err = map_init(&l.changed);
	if (err)
		return err;
	err = req->past->open(&l.past);
	if (!err)
		err = tell(&l, req->id, at_us);
	if (err && l.past)
		req->past->close(l.past);
	else if (!err)
		reply->past = l.past;
	map_close(&l.changed);
	return err;
}
