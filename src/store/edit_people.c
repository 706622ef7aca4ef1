/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Users, keys and roles: who may be made by whom, and what goes when somebody goes.
 *
 * Who has a role may do what the role says, and so can give nobody more: those it makes or changes have the same role, and roles
 * themselves are beyond it.
 */
#include <sodium.h>
#include <string.h>
#include "base/str.h"
#include "store/edit.h"
#include "store/sign_in.h"

enum { KEY_CHARS = 20 };

static bool is_beyond(struct edit *e, uint64_t role_id)
{
	const struct store_actor *actor = &e->req->actor;

	if (!actor->role_id || role_id == actor->role_id)
		return false;
	field_error_add(&e->errs, "role_id", "not_yours",
			"your role can be given to others, and no other one");
	return true;
}

int edit_check_role(struct edit *e, struct object *o, const struct object *before)
{
	if (e->req->actor.role_id)
		field_error_add(&e->errs, "permissions", "not_yours",
				"who has a role cannot make or change roles");
	return 0;
}

static bool is_key(const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < n; i++)
		if (!(key[i] >= '0' && key[i] <= '9') && !(key[i] >= 'a' && key[i] <= 'z') &&
		    !(key[i] >= 'A' && key[i] <= 'Z'))
			return false;
	return n == KEY_CHARS;
}

int edit_check_api_key(struct edit *e, struct object *o, const struct object *before)
{
	const struct api_key *k = (const struct api_key *)o;
	uint8_t hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];

	if (is_beyond(e, k->role_id) ||
	    (before && is_beyond(e, ((struct api_key *)before)->role_id)))
		return 0;
	if (before)
		return 0;
	if (!is_key(k->key)) {
		field_error_add(&e->errs, "key", "bad_text", "must be %d letters and digits",
				KEY_CHARS);
		return 0;
	}
	crypto_hash_sha256(hash, (const uint8_t *)k->key, strlen(k->key));
	BUG(hex_encode(hex, sizeof(hex), hash, sizeof(hash)));
	return object_set_text(o, resource_field(o->res, STR("fingerprint")), str_of(hex));
}

/* Signs in with all that its kind may. */
static bool is_whole(const struct admin *u)
{
	return u->enabled && !u->role_id && !u->extension_id && !u->dealer_id;
}

/* The system keeps one who may all, and so does a tenant, unless an administrator of the system says otherwise. */
static int keeps_one(struct edit *e, const struct admin *was)
{
	struct db_stmt *st;
	int err;

	if (!is_whole(was) || (was->o.tenant_id && e->req->is_admin))
		return 0;
	err = db_sql(e->rows->db,
		     "SELECT 1 FROM users WHERE tenant_id = $1 AND id <> $2 AND enabled = 1 AND "
		     "COALESCE(role_id, 0) = 0 AND COALESCE(extension_id, 0) = 0 AND "
		     "COALESCE(dealer_id, 0) = 0",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, was->o.tenant_id);
	db_bind_id(st, 2, was->o.id);
	err = db_step(st);
	db_done(st);
	if (err == ENOENT) {
		field_error_add(&e->errs, "id", "last_one",
				"is the last one who may all: somebody must remain");
		err = 0;
	}
	return err;
}

int edit_check_user(struct edit *e, struct object *o, const struct object *before)
{
	const struct admin *u = (const struct admin *)o, *was = (const struct admin *)before;

	if (e->req->is_own) /* an extension's owner changes its own password */
		return 0;
	if (u->dealer_id && u->o.tenant_id)
		field_error_add(&e->errs, "dealer_id", "not_here",
				"dealers' users are of the system, not of a tenant");
	if (!is_beyond(e, u->role_id) && was)
		(void)is_beyond(e, was->role_id);
	return was && is_whole(was) && !is_whole(u) ? keeps_one(e, was) : 0;
}

int edit_user_deleting(struct edit *e, const struct object *o)
{
	int err;

	(void)is_beyond(e, ((const struct admin *)o)->role_id);
	err = e->errs.n ? EINVAL : keeps_one(e, (const struct admin *)o);
	if (err || e->errs.n)
		return err ? err : EINVAL;
	err = sign_in_forget(e, o->tenant_id, o->id);
	return err ? err : session_end_all_of(e, o->tenant_id, o->id);
}

/* TEN-5: its password is as old as the user, however late that signs in first. */
int edit_user_made(struct edit *e, const struct object *o)
{
	return sign_in_changed(e, o->tenant_id, o->id, "");
}

/* Who knew the old password, may no longer come in, or may now do something else, is out. */
int edit_user_updated(struct edit *e, const struct object *before, const struct object *after)
{
	const struct admin *was = (const struct admin *)before, *is = (const struct admin *)after;
	const bool is_new = strcmp(was->password, is->password) != 0;
	int err = is_new ? sign_in_changed(e, after->tenant_id, after->id, was->password) : 0;

	if (err || (!is_new && (is->enabled || !was->enabled) && was->role_id == is->role_id &&
		    was->extension_id == is->extension_id && was->dealer_id == is->dealer_id))
		return err;
	return session_end_all_of(e, after->tenant_id, after->id);
}

/* ---- the user that an extension brings along ---- */

int edit_make_owner(struct edit *e, const struct extension *x)
{
	struct object *u = object_alloc(&resource_admin);
	size_t before = e->errs.n;
	int err = u ? 0 : ENOMEM;

	if (!err)
		err = object_set_text(u, resource_field(u->res, STR("username")),
				      str_of(x->number));
	if (!err)
		err = object_set_text(u, resource_field(u->res, STR("password")),
				      str_of(x->web_password));
	if (!err) {
		u->tenant_id = x->o.tenant_id;
		((struct admin *)u)->extension_id = x->o.id;
		((struct admin *)u)->role_id = e->req->actor.role_id;
		err = edit_create(e, &u);
	}
	for (size_t i = before; err && i < e->errs.n; i++)
		if (strcmp(e->errs.v[i].field, "username") == 0)
			record_set_text(e->errs.v[i].field, sizeof(e->errs.v[i].field),
					STR("web_password"));
	object_free(u);
	return err;
}

int edit_those_gone(struct edit *e, const struct resource *res, const struct object *x,
		    const char *sql)
{
	uint64_t id = 0;
	int err = 0;

	while (!err) {
		struct object *u = NULL;
		struct db_stmt *st;

		err = db_sql(e->rows->db, sql, &st);
		if (err)
			return err;
		db_bind_id(st, 1, x->tenant_id);
		db_bind_id(st, 2, x->id);
		err = db_step(st);
		if (!err)
			id = db_id(st, 0);
		db_done(st);
		if (!err)
			err = rows_load(e->rows, res, x->tenant_id, id, true, &u);
		if (!err)
			err = edit_delete(e, u);
		object_free(u);
	}
	return err == ENOENT ? 0 : err;
}

int edit_owners_gone(struct edit *e, const struct object *x)
{
	return edit_those_gone(e, &resource_admin, x,
			       "SELECT id FROM users WHERE tenant_id = $1 AND extension_id = $2 "
			       "ORDER BY id LIMIT 1");
}
