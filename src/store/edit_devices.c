/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The accounts that an extension brings along: its first (EXT-24), named as its number, and one for each further shared device
 * (ACC-11), named 100_2, 100_3 …  They have one password, and go when the extension goes or has fewer devices.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "store/edit.h"
#include "store/notice.h"

enum { MAX_AT_ONCE = 32 };

static int set_text(struct object *o, const char *field, const char *text)
{
	const struct field *f = resource_field(o->res, str_of(field));

	BUG(!f);
	return object_set_text(o, f, str_of(text));
}

/* The extension's number becomes a user name: what is wrong with the name is said of what asked for it. */
static void errors_about(struct field_errors *errs, size_t from, const char *field,
			 const char *as_field)
{
	for (size_t i = from; i < errs->n; i++)
		if (strcmp(errs->v[i].field, field) == 0) {
			memset(errs->v[i].field, 0, sizeof(errs->v[i].field));
			strncat(errs->v[i].field, as_field, sizeof(errs->v[i].field) - 1);
		}
}

static int make_account(struct edit *e, const struct extension *x, int64_t device,
			const char *password)
{
	struct object *a = object_alloc(&resource_account);
	size_t before = e->errs.n;
	char name[64];
	int err = a ? 0 : ENOMEM;

	if (device == 1)
		(void)snprintf(name, sizeof(name), "%s", x->number);
	else
		(void)snprintf(name, sizeof(name), "%s_%" PRId64, x->number, device);
	if (!err)
		err = set_text(a, "username", name);
	if (!err)
		err = set_text(a, "password", password);
	if (!err) {
		a->tenant_id = x->o.tenant_id;
		((struct account *)a)->extension_id = x->o.id;
		((struct account *)a)->device = device;
		err = edit_create(e, &a);
		errors_about(&e->errs, before, "username",
			     device == 1 ? "number" : "shared_devices");
	}
	object_free(a);
	return err;
}

static int make_accounts(struct edit *e, const struct extension *x, int64_t from,
			 const char *password)
{
	int err = 0;

	for (int64_t i = from; !err && i <= x->shared_devices; i++)
		err = make_account(e, x, i, password);
	return err;
}

int edit_devices_created(struct edit *e, const struct object *o, const json_t *aside)
{
	const struct extension *x = (const struct extension *)o;

	int err = make_accounts(e, x, 1, x->password);

	if (!err && *x->web_password)
		err = edit_make_owner(e, x);
	if (!err && *x->did)
		err = edit_make_did(e, x);
	return err ? err : notice_created(e->rows, x, e->now_us);
}

/* ---- which accounts an extension has ---- */

static int accounts_of(struct edit *e, const struct object *x, int64_t above, uint64_t *ids,
		       size_t *np)
{
	struct db_stmt *st;
	int err;

	*np = 0;
	err = db_sql(e->rows->db,
		     "SELECT id FROM accounts WHERE tenant_id = $1 AND extension_id = $2 "
		     "AND device > $3 ORDER BY id LIMIT $4",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, x->tenant_id);
	db_bind_id(st, 2, x->id);
	db_bind_int(st, 3, above);
	db_bind_int(st, 4, MAX_AT_ONCE);
	while (!(err = db_step(st)))
		ids[(*np)++] = db_id(st, 0);
	return err == ENOENT ? 0 : err;
}

/* The account of the extension's first device: ENOENT when it was deleted. */
static int first_account(struct edit *e, const struct object *x, struct object **ap)
{
	uint64_t ids[MAX_AT_ONCE];
	size_t n;
	int err = accounts_of(e, x, 0, ids, &n);

	for (size_t i = 0; !err && i < n; i++) {
		err = rows_load(e->rows, &resource_account, x->tenant_id, ids[i], true, ap);
		if (!err && ((struct account *)*ap)->device == 1)
			return 0;
		if (!err)
			*ap = object_free(*ap);
	}
	return err ? err : ENOENT;
}

/* ---- it has more devices, or fewer ---- */

static int drop_above(struct edit *e, const struct object *x, int64_t last)
{
	uint64_t ids[MAX_AT_ONCE];
	size_t n;
	int err = accounts_of(e, x, last, ids, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct object *a = NULL;

		err = rows_load(e->rows, &resource_account, x->tenant_id, ids[i], true, &a);
		if (!err)
			err = edit_delete(e, a);
		object_free(a);
	}
	return err;
}

int edit_devices_changed(struct edit *e, const struct object *before, const struct object *after)
{
	const struct extension *was = (const struct extension *)before,
			       *is = (const struct extension *)after;
	struct object *first = NULL;
	int err;

	if (is->shared_devices < was->shared_devices)
		return drop_above(e, after, is->shared_devices);
	if (is->shared_devices == was->shared_devices)
		return 0;
	err = first_account(e, after, &first);
	if (!err)
		err = make_accounts(e, is, was->shared_devices + 1,
				    ((struct account *)first)->password);
	if (err == ENOENT) {
		field_error_add(&e->errs, "shared_devices", "not_found",
				"the extension's first account was deleted: there is no password "
				"to share");
		err = EINVAL;
	}
	object_free(first);
	return err;
}

/* All devices of an extension have one password: whichever account is given a new one, the others get it. */
static int share_password(struct edit *e, const struct account *from, uint64_t id)
{
	struct object *before = NULL, *after = NULL;
	int err = rows_load(e->rows, &resource_account, from->o.tenant_id, id, true, &before);

	if (err || strcmp(((struct account *)before)->password, from->password) == 0)
		goto out;
	after = object_clone(before);
	err = after ? set_text(after, "password", from->password) : ENOMEM;
	if (!err)
		err = edit_update(e, before, &after);
out:
	object_free(before);
	object_free(after);
	return err;
}

int edit_account_changed(struct edit *e, const struct object *before, const struct object *after)
{
	const struct account *was = (const struct account *)before,
			     *is = (const struct account *)after;
	const struct object x = {.tenant_id = after->tenant_id, .id = is->extension_id};
	uint64_t ids[MAX_AT_ONCE];
	size_t n;
	int err;

	if (!is->device || strcmp(was->password, is->password) == 0)
		return 0;
	err = accounts_of(e, &x, 0, ids, &n);
	for (size_t i = 0; !err && i < n; i++)
		err = share_password(e, is, ids[i]);
	return err;
}

/* ---- it goes ---- */

/* An account that was made by itself stays, without an extension. */
static int let_go(struct edit *e, const struct extension *x, uint64_t id)
{
	struct object *before = NULL, *after = NULL;
	const struct account *a;
	int err = rows_load(e->rows, &resource_account, x->o.tenant_id, id, true, &before);

	if (err)
		return err;
	a = (const struct account *)before;
	if (a->device || strcmp(a->username, x->number) == 0) {
		err = edit_delete(e, before);
	} else {
		after = object_clone(before);
		err = after ? 0 : ENOMEM;
		if (!err) {
			((struct account *)after)->extension_id = 0;
			err = edit_update(e, before, &after);
		}
	}
	object_free(before);
	object_free(after);
	return err;
}

int edit_devices_deleting(struct edit *e, const struct object *o)
{
	uint64_t ids[MAX_AT_ONCE];
	size_t n;
	int err;

	do {
		err = accounts_of(e, o, -1, ids, &n);
		for (size_t i = 0; !err && i < n; i++)
			err = let_go(e, (const struct extension *)o, ids[i]);
	} while (!err && n == MAX_AT_ONCE);
	if (!err)
		err = edit_owned_gone(e, o);
	return err ? err : edit_owners_gone(e, o);
}

/* ---- rules ---- */

/* An account that moves to another extension, or to none, is one that was made by itself from then on. */
int edit_check_account(struct edit *e, struct object *o, const struct object *before)
{
	struct account *a = (struct account *)o;

	if (before && ((const struct account *)before)->extension_id != a->extension_id)
		a->device = 0;
	return 0;
}

/* ACC-14, of accounts and their templates: what stands in Alert-Info can be nothing else. */
int edit_check_alerting(struct edit *e, struct object *o, const struct object *before)
{
	static const char fits[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				   "-_.~:/?=&+%@!$'";
	const char *tone = field_text(o, resource_field(o->res, STR("ring_tone")));
	const int64_t alerting = field_int(o, resource_field(o->res, STR("alerting")));

	if (strspn(tone, fits) != strlen(tone))
		field_error_add(&e->errs, "ring_tone", "bad_text",
				"must be a URI, or a word, or name=word");
	else if (alerting == ALERTING_RING_TONE && !*tone)
		field_error_add(&e->errs, "ring_tone", "required",
				"must be given: alerting is ring_tone");
	return 0;
}

int edit_check_devices(struct edit *e, const struct object *o)
{
	const struct extension *x = (const struct extension *)o;
	struct object *tenant = NULL;
	struct db_stmt *st;
	int64_t max, others = 0;
	int err;

	if (x->shared_devices == 1)
		return 0;
	err = rows_load(e->rows, &resource_tenant, 0, o->tenant_id, false, &tenant);
	if (err)
		return err;
	max = ((struct tenant *)tenant)->max_shared_devices;
	object_free(tenant);
	if (!max)
		return 0;
	err = db_sql(e->rows->db,
		     "SELECT CAST(COALESCE(SUM(shared_devices - 1), 0) AS BIGINT) FROM extensions "
		     "WHERE tenant_id = $1 AND id <> $2",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, o->tenant_id);
	db_bind_id(st, 2, o->id);
	err = db_step(st);
	if (!err)
		others = db_int(st, 0);
	db_done(st);
	if (!err && others + x->shared_devices - 1 > max)
		field_error_add(&e->errs, "shared_devices", "limit",
				"max_shared_devices of the tenant is %" PRId64 ", and other "
				"extensions have %" PRId64,
				max, others);
	return err;
}
