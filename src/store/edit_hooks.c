/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a resource brings with it beyond its own row: an extension its accounts (edit_devices.c), a tenant its first
 * administrator and group, a user the sessions; and what goes when it goes.
 */
#include <string.h>
#include "schema/presets.h"
#include "store/edit.h"

/* ---- tenants, dealers ---- */

/* POST takes {name, …, username, password}: the last two are of the first user. */
static int body_with_user(struct edit *e, json_t *body, json_t **aside)
{
	static const char *const keys[] = {"username", "password"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		json_t *value = json_object_get(body, keys[i]);

		if (!value)
			continue;
		if (!*aside)
			*aside = json_object();
		if (!*aside || json_object_set(*aside, keys[i], value))
			return ENOMEM;
		json_object_del(body, keys[i]);
	}
	if (*aside && !json_object_get(*aside, "username") && json_object_get(body, "name") &&
	    json_object_set(*aside, "username", json_object_get(body, "name")))
		return ENOMEM;
	return 0;
}

static int first_user(struct edit *e, const json_t *aside, uint64_t tenant_id, uint64_t dealer_id)
{
	struct object *user = NULL;
	int err;

	if (!aside)
		return 0;
	err = object_from_json(&user, &resource_admin, NULL, aside, e->req->is_admin, &e->errs);
	if (!err) {
		user->tenant_id = tenant_id;
		((struct admin *)user)->dealer_id = dealer_id;
		err = edit_create(e, &user);
	}
	object_free(user);
	return err;
}

static int tenant_created(struct edit *e, const struct object *o, const json_t *aside)
{
	struct db_stmt *st;
	int err;

	err = db_sql(e->rows->db,
		     "INSERT INTO tenant_revision (tenant_id, revision, next_id) VALUES ($1, 0, 1)",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, o->id);
	err = db_run(st);
	if (!err)
		err = edit_make_default_group(e, o->id);
	return err ? err : first_user(e, aside, o->id, 0);
}

static int dealer_created(struct edit *e, const struct object *o, const json_t *aside)
{
	return first_user(e, aside, 0, o->id);
}

static int dealer_deleting(struct edit *e, const struct object *o)
{
	return edit_those_gone(e, &resource_admin, o,
			       "SELECT id FROM users WHERE tenant_id = $1 AND dealer_id = $2 "
			       "ORDER BY id LIMIT 1");
}

static int clear(struct edit *e, const char *sql, uint64_t tenant_id)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	return db_run(st);
}

static int announce_gone(struct edit *e, const struct resource *res, uint64_t tenant_id,
			 uint64_t id)
{
	const struct object gone = {.res = res, .tenant_id = tenant_id, .id = id};
	uint64_t revision;
	int err = edit_next_revision(e, tenant_id, &revision);

	return err ? err : edit_announce(e, &gone, revision, NULL);
}

/* The core hears of each object, those that refer before what they refer to. */
static int announce_kind(struct edit *e, const struct resource *res, uint64_t tenant_id)
{
	struct buf sql = {0};
	uint64_t last = 0;
	struct db_stmt *st;
	int err = 0;

	buf_printf(&sql, "SELECT id FROM %s WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT 1",
		   res->plural);
	while (!err && !sql.err) {
		err = db_sql(e->rows->db, sql.p, &st);
		if (err)
			break;
		db_bind_id(st, 1, tenant_id);
		db_bind_id(st, 2, last);
		err = db_step(st);
		if (!err)
			last = db_id(st, 0);
		db_done(st);
		if (!err)
			err = announce_gone(e, res, tenant_id, last);
	}
	if (sql.err)
		err = sql.err;
	buf_free(&sql);
	return err == ENOENT ? 0 : err;
}

static int tenant_deleting(struct edit *e, const struct object *o)
{
	static const char *const own[] = {
		"DELETE FROM change WHERE tenant_id = $1",
		"DELETE FROM session WHERE tenant_id = $1",
		"DELETE FROM user_sign_in WHERE tenant_id = $1",
		"DELETE FROM idempotency WHERE tenant_id = $1",
		"DELETE FROM leg_kept WHERE tenant_id = $1",
		"DELETE FROM outbox WHERE tenant_id = $1",
		"DELETE FROM call_report WHERE tenant_id = $1",
		"DELETE FROM call_report_piece WHERE tenant_id = $1",
		"DELETE FROM cdr_change WHERE tenant_id = $1",
		"DELETE FROM tenant_revision WHERE tenant_id = $1",
	};
	size_t n = 0;
	int err = 0;
	const struct sql_table *t;

	while (resources[n])
		n++;
	while (!err && n-- > 0)
		if (!scope_is_system(resources[n]->scope))
			err = announce_kind(e, resources[n], o->id);
	t = sql_tables(e->rows->schema, &n);
	while (!err && n-- > 0)
		err = clear(e, t[n].remove_tenant, o->id);
	for (size_t i = 0; !err && i < ARRAY_LEN(own); i++)
		err = clear(e, own[i], o->id);
	return err ? err : edit_owners_trunks_gone(e, o->id);
}

static int trunk_body(struct edit *e, json_t *body, json_t **aside)
{
	return presets_fill(body);
}

static int address_rule_created(struct edit *e, const struct object *o, const json_t *aside)
{
	return edit_check_address_rule(e, o);
}

static int address_rule_updated(struct edit *e, const struct object *before,
				const struct object *after)
{
	return edit_check_address_rule(e, after);
}

/* ---- office hours ---- */

static int only_default(struct edit *e, const struct object *o)
{
	struct db_stmt *st;
	int err;

	if (!((const struct office_hours *)o)->is_default)
		return 0;
	err = db_sql(e->rows->db,
		     "SELECT name FROM office_hours WHERE tenant_id = $1 AND is_default = 1 AND id "
		     "<> $2",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, o->tenant_id);
	db_bind_id(st, 2, o->id);
	err = db_step(st);
	if (!err) {
		struct str name = db_text(st, 0);

		field_error_add(&e->errs, "is_default", "taken", "the default is %.*s",
				STR_ARG(name));
		db_done(st);
		return EEXIST;
	}
	return err == ENOENT ? 0 : err;
}

static int office_hours_created(struct edit *e, const struct object *o, const json_t *aside)
{
	return only_default(e, o);
}

static int office_hours_updated(struct edit *e, const struct object *before,
				const struct object *after)
{
	return only_default(e, after);
}

static const struct hooks {
	const struct resource *res;
	int (*body)(struct edit *e, json_t *body, json_t **aside);
	int (*made)(struct edit *e, const struct object *o);
	int (*created)(struct edit *e, const struct object *o, const json_t *aside);
	int (*updated)(struct edit *e, const struct object *before, const struct object *after);
	int (*changed)(struct edit *e, const struct object *before, const struct object *after);
	int (*deleting)(struct edit *e, const struct object *o);
	const struct resource *owns[5];
} hooks[] = {
	{.res = &resource_tenant,
	 .body = body_with_user,
	 .created = tenant_created,
	 .deleting = tenant_deleting,
	 .owns = {&resource_trunk}},
	{.res = &resource_dealer,
	 .body = body_with_user,
	 .created = dealer_created,
	 .deleting = dealer_deleting,
	 .owns = {&resource_admin}},
	{.res = &resource_trunk, .body = trunk_body},
	{.res = &resource_address_rule,
	 .created = address_rule_created,
	 .updated = address_rule_updated},
	{.res = &resource_admin,
	 .made = edit_user_made,
	 .updated = edit_user_updated,
	 .deleting = edit_user_deleting},
	{.res = &resource_office_hours,
	 .created = office_hours_created,
	 .updated = office_hours_updated},
	{.res = &resource_webhook, .deleting = edit_webhook_deleting},
	{.res = &resource_extension_group, .deleting = edit_deleting_extension_group},
	{.res = &resource_extension,
	 .created = edit_devices_created,
	 .changed = edit_devices_changed,
	 .deleting = edit_devices_deleting,
	 .owns = {&resource_account, &resource_admin, &resource_personal_contact,
		  &resource_favourite, &resource_holiday}},
	{.res = &resource_phone_book_entry,
	 .deleting = edit_contact_deleting,
	 .owns = {&resource_favourite}},
	{.res = &resource_personal_contact,
	 .deleting = edit_contact_deleting,
	 .owns = {&resource_favourite}},
	{.res = &resource_account, .changed = edit_account_changed},
};

static const struct hooks *hooks_of(const struct resource *res)
{
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
		if (hooks[i].res == res)
			return &hooks[i];
	return NULL;
}

int edit_hook_body(struct edit *e, json_t *body, json_t **aside)
{
	const struct hooks *h = hooks_of(e->req->res);

	return h && h->body ? h->body(e, body, aside) : 0;
}

int edit_hook_made(struct edit *e, const struct object *o)
{
	const struct hooks *h = hooks_of(o->res);

	return h && h->made ? h->made(e, o) : 0;
}

int edit_hook_created(struct edit *e, const struct object *o, const json_t *aside)
{
	const struct hooks *h = hooks_of(o->res);

	return h && h->created ? h->created(e, o, aside) : 0;
}

int edit_hook_updated(struct edit *e, const struct object *before, const struct object *after)
{
	const struct hooks *h = hooks_of(after->res);

	return h && h->updated ? h->updated(e, before, after) : 0;
}

int edit_hook_changed(struct edit *e, const struct object *before, const struct object *after)
{
	const struct hooks *h = hooks_of(after->res);

	return h && h->changed ? h->changed(e, before, after) : 0;
}

int edit_hook_deleting(struct edit *e, const struct object *o)
{
	const struct hooks *h = hooks_of(o->res);

	return h && h->deleting ? h->deleting(e, o) : 0;
}

bool edit_hook_owns(const struct resource *owner, const struct resource *child)
{
	const struct hooks *h = hooks_of(owner);

	for (size_t i = 0; h && i < ARRAY_LEN(h->owns); i++)
		if (h->owns[i] == child)
			return true;
	return false;
}
