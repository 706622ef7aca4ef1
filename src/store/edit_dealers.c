/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dealers: whose a tenant is, and how much a dealer may give to all of its tenants together.
 *
 * What a dealer may give is looked at when it is given, not when it is used: the sum of what its tenants may have is never above it.
 */
#include <inttypes.h>
#include "base/str.h"
#include "store/edit.h"

/* What is limited: fields of the same name in the dealer and in the tenant. */
static const struct {
	const char *field, *sum, *without; /* of the dealer $1's tenants but $2 */
} limits[] = {
	{"max_extensions",
	 "SELECT CAST(COALESCE(SUM(max_extensions), 0) AS BIGINT) FROM tenants "
	 "WHERE tenant_id = 0 AND dealer_id = $1 AND id <> $2",
	 "SELECT COUNT(*) FROM tenants WHERE tenant_id = 0 AND dealer_id = $1 AND id <> $2 AND "
	 "max_extensions = 0"},
	{"max_calls",
	 "SELECT CAST(COALESCE(SUM(max_calls), 0) AS BIGINT) FROM tenants WHERE "
	 "tenant_id = 0 AND dealer_id = $1 AND id <> $2",
	 "SELECT COUNT(*) FROM tenants WHERE tenant_id = 0 AND dealer_id = $1 AND id <> $2 AND "
	 "max_calls = 0"},
};

static int64_t value(const struct object *o, const char *field)
{
	return field_int(o, resource_field(o->res, str_of(field)));
}

static int number(struct edit *e, const char *sql, uint64_t dealer_id, uint64_t but, int64_t *np)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, dealer_id);
	db_bind_id(st, 2, but);
	err = db_step(st);
	if (!err)
		*np = db_int(st, 0);
	db_done(st);
	return err;
}

static int count_tenants(struct edit *e, uint64_t dealer_id, uint64_t but, int64_t *np)
{
	return number(e,
		      "SELECT COUNT(*) FROM tenants WHERE tenant_id = 0 AND dealer_id = $1 AND id "
		      "<> $2",
		      dealer_id, but, np);
}

/* ---- a tenant ---- */

static int may_have_another(struct edit *e, const struct dealer *d, const struct tenant *t)
{
	int64_t n = 0;
	int err = d->max_tenants ? count_tenants(e, d->o.id, t->o.id, &n) : 0;

	if (!err && d->max_tenants && n >= d->max_tenants)
		field_error_add(&e->errs, "dealer_id", "limit",
				"the dealer may have %" PRId64 " tenants and has them",
				d->max_tenants);
	return err;
}

static int may_give(struct edit *e, const struct dealer *d, const struct tenant *t, size_t i)
{
	const int64_t max = value(&d->o, limits[i].field), wanted = value(&t->o, limits[i].field);
	int64_t given = 0;
	int err = max ? number(e, limits[i].sum, d->o.id, t->o.id, &given) : 0;

	if (err || !max)
		return err;
	if (!wanted)
		field_error_add(&e->errs, limits[i].field, "limit",
				"the dealer may give %" PRId64
				" in all: say how many of them, 0 is no limit",
				max);
	else if (wanted > max - given)
		field_error_add(&e->errs, limits[i].field, "limit",
				"the dealer may give %" PRId64 " in all, %" PRId64 " are left", max,
				max > given ? max - given : 0);
	return 0;
}

int edit_check_dealer_of(struct edit *e, struct object *o, const struct object *before)
{
	struct tenant *t = (struct tenant *)o;
	const struct tenant *was = (const struct tenant *)before;
	const bool is_new = !was || was->dealer_id != t->dealer_id;
	struct object *d = NULL;
	int err;

	if (e->req->res == o->res && e->req->owner_id && t->dealer_id != e->req->owner_id)
		field_error_add(&e->errs, "dealer_id", "admin_only",
				"only an administrator of the system gives tenants to others");
	if (!t->dealer_id || e->errs.n)
		return 0;
	err = rows_load(e->rows, &resource_dealer, 0, t->dealer_id, false, &d);
	if (!err && is_new)
		err = may_have_another(e, (struct dealer *)d, t);
	for (size_t i = 0; !err && i < ARRAY_LEN(limits); i++)
		if (is_new || value(before, limits[i].field) != value(o, limits[i].field))
			err = may_give(e, (struct dealer *)d, t, i);
	object_free(d);
	return err;
}

/* ---- a dealer ---- */

/* Nothing that has been given is taken away by a limit: it says what stands in its way. */
int edit_check_dealer(struct edit *e, struct object *o, const struct object *before)
{
	const struct dealer *d = (const struct dealer *)o;
	int64_t n = 0, without = 0;
	int err = before ? count_tenants(e, o->id, 0, &n) : 0;

	if (err || !n)
		return err;
	if (d->max_tenants && n > d->max_tenants)
		field_error_add(&e->errs, "max_tenants", "limit",
				"it has %" PRId64 " tenants already", n);
	for (size_t i = 0; !err && i < ARRAY_LEN(limits); i++) {
		const int64_t max = value(o, limits[i].field);

		if (!max || max == value(before, limits[i].field))
			continue;
		err = number(e, limits[i].sum, o->id, 0, &n);
		if (!err)
			err = number(e, limits[i].without, o->id, 0, &without);
		if (!err && without)
			field_error_add(&e->errs, limits[i].field, "limit",
					"%" PRId64 " of its tenants have no limit", without);
		else if (!err && n > max)
			field_error_add(&e->errs, limits[i].field, "limit",
					"it has given %" PRId64 " to its tenants already", n);
	}
	return err;
}
