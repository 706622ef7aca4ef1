/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "store/edit.h"

/* ---- objects ---- */

static int new_id(struct edit *e, struct object *o)
{
	/* A tenant's id is random, so that it can move to another system as it is; the others count within it. */
	if (o->res == &resource_tenant && !o->id)
		o->id = (rng_u64(rng_system()) >> 1) | 1;
	else if (!o->id)
		return edit_next_id(e, o->tenant_id, &o->id);
	return 0;
}

int edit_create(struct edit *e, struct object **op)
{
	struct object *o = *op;
	int err;

	err = edit_check_limit(e, o);
	if (!err)
		err = object_generate(o, rng_system());
	if (!err)
		err = new_id(e, o);
	if (!err)
		err = edit_check_refs(e, o);
	if (!err)
		err = edit_check_rules(e, o, NULL);
	if (!err)
		err = edit_check_unique(e, o);
	if (!err)
		err = edit_next_revision(e, o->tenant_id, &o->revision);
	if (!err)
		err = rows_claim(e->rows, o);
	if (!err)
		err = rows_insert(e->rows, o);
	if (!err)
		err = edit_hook_made(e, o);
	return err ? err : edit_log(e, NULL, op);
}

int edit_update(struct edit *e, const struct object *before, struct object **afterp)
{
	struct object *o = *afterp;
	int err;

	err = edit_check_refs(e, o);
	if (!err)
		err = edit_check_rules(e, o, before);
	if (!err)
		err = edit_check_unique(e, o);
	if (!err)
		err = edit_next_revision(e, o->tenant_id, &o->revision);
	if (!err)
		err = rows_unclaim(e->rows, before);
	if (!err)
		err = rows_claim(e->rows, o);
	if (!err)
		err = rows_replace(e->rows, o);
	if (!err)
		err = edit_hook_updated(e, before, o);
	if (!err)
		err = edit_followers(e, before, o);
	return err ? err : edit_log(e, before, afterp);
}

int edit_delete(struct edit *e, const struct object *before)
{
	int err;

	err = edit_check_unused(e, before);
	if (!err)
		err = edit_rules_unused(e, before);
	if (!err)
		err = edit_hook_deleting(e, before);
	if (!err)
		err = rows_unclaim(e->rows, before);
	if (!err)
		err = rows_remove(e->rows, before);
	return err ? err : edit_log(e, before, NULL);
}

/* ---- requests ---- */

static int scope_of(const struct store_request *req)
{
	switch (req->res->scope) {
	case SCOPE_SYSTEM:
	case SCOPE_ONE:
		return req->tenant_id ? ENOENT : 0;
	case SCOPE_TENANT:
		return req->tenant_id ? 0 : ENOENT;
	case SCOPE_ANY:
	case SCOPE_ONE_EACH:
		return 0;
	case SCOPE_CHILD:
		break;
	}
	return ENOENT;
}

static int read_body(struct edit *e, json_t **bodyp)
{
	json_error_t where;

	*bodyp = json_loadb(e->req->json ? e->req->json : "", e->req->njson, JSON_REJECT_DUPLICATES,
			    &where);
	if (*bodyp && json_is_object(*bodyp))
		return 0;
	field_error_add(&e->errs, "", "wrong_type", "the body is not one JSON object: %s",
			*bodyp ? "" : where.text);
	*bodyp = (json_decref(*bodyp), NULL);
	return EINVAL;
}

/* What the server made up is told once, to who created it: a secret that nobody has ever seen is of no use. */
static int tell_generated(const struct object *o, const json_t *body, json_t *answer)
{
	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];
		const char *given = json_string_value(json_object_get(body, f->name));

		if (f->kind != FIELD_SECRET || (given && *given) || !*field_text(o, f))
			continue;
		if (json_object_set_new(answer, f->name, json_string(field_text(o, f))))
			return ENOMEM;
	}
	return 0;
}

json_t *edit_shown(const struct object *o, const json_t *body)
{
	json_t *json = object_to_json(o);

	if (json && tell_generated(o, body, json))
		json = (json_decref(json), NULL);
	return json;
}

static int answer_object(struct edit *e, const struct object *o, const json_t *created_from)
{
	json_t *json = created_from ? edit_shown(o, created_from) : object_to_json(o);

	e->reply.id = o->id;
	e->reply.revision = o->revision;
	return json ? store_reply_json(&e->reply, json) : ENOMEM;
}

/* EXT-25, TEN-6: of what is its own an owner, and a dealer of itself, changes the fields marked so. */
static int check_own_fields(struct edit *e, const json_t *body)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)body, name, value)
	{
		const struct field *f = resource_field(e->req->res, str_of(name));

		if (!f || !(f->flags & SELF))
			field_error_add(&e->errs, name, f ? "admin_only" : "unknown_field",
					"is not for the extension's owner to change");
	}
	return e->errs.n ? EINVAL : 0;
}

/* What an extension's user makes is that extension's. */
static int make_own(struct edit *e, json_t *body)
{
	const struct field *owner = resource_owner(e->req->res);
	int err;

	if (!e->req->is_own || !e->req->owner_id || !owner)
		return 0;
	err = check_own_fields(e, body);
	if (!err &&
	    json_object_set_new(body, owner->name, json_sprintf("%" PRIu64, e->req->owner_id)))
		err = ENOMEM;
	return err;
}

int edit_create_from(struct edit *e, json_t *body, const struct object **madep)
{
	struct object *o = NULL, *made = NULL;
	json_t *aside = NULL;
	int err;

	err = make_own(e, body);
	if (!err)
		err = edit_hook_body(e, body, &aside);
	if (!err)
		err = object_from_json(&o, e->req->res, NULL, body, e->req->is_admin, &e->errs);
	if (!err) {
		o->tenant_id = e->req->tenant_id;
		if (o->res == &resource_trunk && e->req->owner_id)
			((struct trunk *)o)->owner_id = e->req->owner_id;
		if (o->res == &resource_tenant && !((struct tenant *)o)->dealer_id)
			((struct tenant *)o)->dealer_id = e->req->owner_id;
		err = edit_follow(e, NULL, o, body);
	}
	if (!err) {
		err = edit_check_owner(e, o);
	}
	if (!err) {
		err = edit_create(e, &o);
	}
	if (!err) {
		made = e->changes[e->nchanges - 1].after;
		err = edit_hook_created(e, made, aside);
	}
	*madep = made;
	object_free(o);
	json_decref(aside);
	return err;
}

static int create(struct edit *e)
{
	const struct object *made = NULL;
	json_t *body = NULL;
	int err = read_body(e, &body);

	if (!err)
		err = edit_create_from(e, body, &made);
	if (!err)
		err = answer_object(e, made, body);
	json_decref(body);
	return err;
}

static int create_once(struct edit *e)
{
	bool is_replay = false;
	int err;

	err = idem_find(e, &is_replay);
	if (err || is_replay)
		return err;
	err = e->req->op == STORE_IMPORT ? edit_import(e) : create(e);
	if (!err)
		err = idem_keep(e);
	return err;
}

static int load(struct edit *e, struct object **op)
{
	int err = rows_load(e->rows, e->req->res, e->req->tenant_id, e->req->id, true, op);

	if (!err)
		err = edit_check_owner(e, *op);
	if (!err && e->req->if_revision && e->req->if_revision != (*op)->revision)
		err = ESTALE;
	return err;
}

static bool is_same(const struct object *a, const struct object *b, int *errp)
{
	json_t *diff = object_diff(a, b);
	bool same = diff && json_object_size(diff) == 0;

	*errp = diff ? 0 : ENOMEM;
	json_decref(diff);
	return same;
}

static int update(struct edit *e)
{
	struct object *before = NULL, *after = NULL;
	const struct object *made = NULL;
	json_t *body = NULL;
	int err;

	err = load(e, &before);
	if (!err)
		err = read_body(e, &body);
	if (!err && e->req->is_own)
		err = check_own_fields(e, body);
	if (!err)
		err = object_from_json(&after, e->req->res, before, body, e->req->is_admin,
				       &e->errs);
	if (!err)
		err = edit_follow(e, before, after, body);
	if (!err) {
		if (is_same(before, after, &err) && !err)
			err = answer_object(e, before, NULL);
		else if (!err)
			err = edit_update(e, before, &after);
	}
	if (!err && e->nchanges) {
		made = e->changes[e->nchanges - 1].after;
		err = edit_hook_changed(e, before, made);
	}
	if (!err && made)
		err = answer_object(e, made, NULL);
	object_free(before);
	object_free(after);
	json_decref(body);
	return err;
}

static int delete (struct edit *e)
{
	struct object *before = NULL;
	int err = load(e, &before);

	if (!err)
		err = edit_delete(e, before);
	object_free(before);
	return err;
}

/*
 * Several nodes may write to one PostgreSQL: who changes a tenant holds its row first, so that everything looked at stays
 * as it is until the commit.  SQLite has one writer anyway.
 */
int edit_lock_tenant(struct edit *e)
{
	struct db_stmt *st;
	int err;

	err = db_sql(e->rows->db,
		     "UPDATE tenant_revision SET revision = revision WHERE tenant_id = $1", &st);
	if (err)
		return err;
	db_bind_id(st, 1, e->req->tenant_id);
	err = db_run(st);
	if (!err && !db_changed(st))
		err = ENOENT; /* there is no such tenant */
	return err;
}

static int run(struct edit *e)
{
	int err = e->req->res ? scope_of(e->req) : 0;

	if (!err)
		err = edit_lock_tenant(e);
	if (err)
		return err;
	switch (e->req->op) {
	case STORE_CREATE:
	case STORE_IMPORT:
		return create_once(e);
	case STORE_UPDATE:
		return update(e);
	case STORE_DELETE:
		return delete (e);
	case STORE_ACT:
		return edit_act(e);
	case STORE_UNDO:
		return edit_undo(e);
	case STORE_RESTORE:
		return edit_restore(e);
	case STORE_APPLY:
		return edit_take_in(e);
	default:
		return EINVAL;
	}
}

int edit_run(struct edit *e)
{
	int err;

	ON_THREAD(THREAD_WRITER);
	if (e->req->op == STORE_LOGIN)
		return session_begin(e);
	if (e->req->op == STORE_LOGOUT)
		return session_end(e);
	err = run(e);
	/* Busy is If-Match to the asker; a database that was busy is one to ask again. */
	return err == EBUSY ? EAGAIN : err == ESTALE ? EBUSY : err;
}

void edit_close(struct edit *e)
{
	for (size_t i = 0; i < e->nchanges; i++)
		object_free(e->changes[i].after);
	free(e->changes);
	free(e->reply.json);
	e->changes = NULL;
	e->nchanges = 0;
	e->reply.json = NULL;
}
