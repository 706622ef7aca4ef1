/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold before a row is written: references lead somewhere, names are free, limits are kept, and nothing that is
 * still referred to goes away.  Each refusal names the field, the rule and who stands in the way, within the tenant: of
 * other tenants it says no more than that the name is taken.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "store/edit.h"

void edit_label(char *dst, size_t dst_bytes, const struct object *o)
{
	const struct field *best = NULL;

	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if (f->kind == FIELD_TEXT && (f->flags & NUMBER || (!best && f->flags & REQUIRED)))
			best = f;
	}
	if (best)
		snprintf(dst, dst_bytes, "%s %.64s", o->res->name, field_text(o, best));
	else
		snprintf(dst, dst_bytes, "%s %" PRIu64, o->res->name, o->id);
	for (char *p = dst; *p; p++)
		if (*p == '_')
			*p = ' ';
}

void edit_label_of(struct edit *e, const struct resource *res, uint64_t tenant_id, uint64_t id,
		   char *dst, size_t dst_bytes)
{
	struct object *o = NULL;

	if (!rows_load(e->rows, res, tenant_id, id, false, &o))
		edit_label(dst, dst_bytes, o);
	else
		snprintf(dst, dst_bytes, "%s %" PRIu64, res->name, id);
	object_free(o);
}

/* ---- references ---- */

struct ref_check {
	struct edit *e;
	uint64_t tenant_id;
};

static int ref_exists(const struct resource *target, uint64_t id, const char *field, void *arg)
{
	struct ref_check *c = arg;
	int err;

	if (!rows_exists(c->e->rows, target, scope_is_system(target->scope) ? 0 : c->tenant_id, id,
			 &err) &&
	    !err)
		field_error_add(&c->e->errs, field, "not_found", "there is no %s %" PRIu64,
				target->name, id);
	return err;
}

int edit_check_refs(struct edit *e, const struct object *o)
{
	struct ref_check c = {e, o->tenant_id};
	size_t before = e->errs.n;
	int err = object_refs(o, ref_exists, &c);

	return err ? err : e->errs.n > before ? EINVAL : 0;
}

/* ---- names ---- */

static int owner_of_column(struct edit *e, const struct sql_column *col, uint64_t tenant_id,
			   const struct sql_value *v, uint64_t own, uint64_t *idp)
{
	const struct sql_value key[2] = {{.kind = SQL_INT, .i = (int64_t)tenant_id}, *v};
	struct db_stmt *st;
	int err = db_sql(e->rows->db, col->find, &st);

	*idp = 0;
	if (!err)
		err = rows_bind(e->rows, st, NULL, key, 2);
	if (err)
		return err;
	while (!(err = db_step(st)))
		if (db_id(st, 0) != own)
			*idp = db_id(st, 0);
	return err == ENOENT ? 0 : err;
}

static int unique_columns(struct edit *e, const struct object *o)
{
	const struct sql_table *t = sql_table(e->rows->schema, o->res);
	struct sql_value v[SQL_MAX_COLUMNS];
	int err = sql_encode(t, o, v);

	for (size_t i = 0; !err && i < t->ncols; i++) {
		const struct sql_column *col = &t->cols[i];
		char label[96];
		uint64_t id;

		if (!col->field || !(col->field->flags & UNIQUE) ||
		    (v[i].kind == SQL_TEXT && !v[i].s.n))
			continue;
		err = owner_of_column(e, col, o->tenant_id, &v[i], o->id, &id);
		if (err || !id)
			continue;
		edit_label_of(e, o->res, o->tenant_id, id, label, sizeof(label));
		field_error_add(&e->errs, col->field->name, "taken", "belongs to %s", label);
	}
	return err;
}

static int claims(struct edit *e, const struct object *o)
{
	struct sql_claim claim[SQL_MAX_CLAIMS];
	size_t n = sql_claims(e->rows->schema, o, claim);
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		const struct resource *res;
		struct rows_owner owner;
		char label[96] = "another tenant";

		err = rows_claim_owner(e->rows, &claim[i], &owner);
		if (err == ENOENT) {
			err = 0;
			continue;
		}
		res = resource_by_name(str_of(owner.resource));
		if (err || (owner.tenant_id == o->tenant_id && owner.id == o->id && res == o->res))
			continue;
		if (owner.tenant_id == o->tenant_id && res)
			edit_label_of(e, res, owner.tenant_id, owner.id, label, sizeof(label));
		field_error_add(&e->errs, claim[i].field->name, "taken", "belongs to %s", label);
	}
	return err;
}

int edit_check_unique(struct edit *e, const struct object *o)
{
	size_t before = e->errs.n;
	int err = unique_columns(e, o);

	if (!err)
		err = claims(e, o);
	return err ? err : e->errs.n > before ? EEXIST : 0;
}

/* ---- limits ---- */

static int count_of(struct edit *e, const struct resource *res, uint64_t tenant_id, uint64_t *np)
{
	return db_number(e->rows->db, sql_table(e->rows->schema, res)->count, tenant_id, np);
}

static int only_one(struct edit *e, const struct object *o)
{
	uint64_t n = 0;
	int err = count_of(e, o->res, o->tenant_id, &n);

	if (!err && n) {
		field_error_add(&e->errs, "", "limit", "there is one already: change that one");
		err = EINVAL;
	}
	return err;
}

int edit_check_limit(struct edit *e, const struct object *o)
{
	const struct field *limit = resource_limit(o->res);
	struct object *tenant = NULL;
	uint64_t n = 0;
	int64_t max;
	int err;

	if (scope_is_one(o->res->scope))
		return only_one(e, o);
	if (!limit || !o->tenant_id)
		return 0;
	err = rows_load(e->rows, &resource_tenant, 0, o->tenant_id, false, &tenant);
	if (err)
		return err;
	max = field_int(tenant, limit);
	object_free(tenant);
	if (!max)
		return 0;
	err = count_of(e, o->res, o->tenant_id, &n);
	if (!err && n >= (uint64_t)max) {
		field_error_add(&e->errs, limit->name, "limit",
				"the tenant may have %" PRId64 " %s and has them", max,
				o->res->plural);
		err = EINVAL;
	}
	return err;
}

/* ---- who still refers ---- */

static int referrers(struct edit *e, const struct object *o, const struct sql_column *col,
		     const struct sql_table *t)
{
	const struct resource *res = t->parent ? t->parent->res : t->res;
	uint64_t ids[20], tenants[20];
	size_t n = 0;
	struct db_stmt *st;
	int err = db_sql(e->rows->db, col->find, &st);

	if (err)
		return err;
	db_bind_id(st, 1, o->tenant_id);
	db_bind_id(st, 2, o->id);
	if (col->field->kind == FIELD_DEST)
		db_bind_text(st, 3, str_of(o->res->name));
	while (!(err = db_step(st)))
		if (n < ARRAY_LEN(ids) && !(res == o->res && db_id(st, 0) == o->id)) {
			tenants[n] = db_id(st, 1);
			ids[n++] = db_id(st, 0);
		}
	if (err != ENOENT)
		return err;
	for (size_t i = 0; i < n; i++) {
		char self[96], label[96];

		edit_label(self, sizeof(self), o);
		edit_label_of(e, res, tenants[i], ids[i], label, sizeof(label));
		field_error_add(&e->errs, "id", "in_use", "%s is used by %s (%s)", self, label,
				t->list ? t->list->name : col->field->name);
	}
	return 0;
}

int edit_check_unused(struct edit *e, const struct object *o)
{
	const struct sql_column *col;
	const struct sql_table *t;
	size_t pos = 0, before = e->errs.n;
	int err = 0;

	while (!err && (col = sql_referrer(e->rows->schema, o->res, &pos, &t)) != NULL)
		if (!t->res || !edit_hook_owns(o->res, t->res))
			err = referrers(e, o, col, t);
	return err ? err : e->errs.n > before ? EEXIST : 0;
}
