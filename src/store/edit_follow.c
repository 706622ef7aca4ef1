/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Templates (EXT-13, ACC-3): an object whose template_id names one has the template's values in its SHARED fields, but for
 * those named in its `overrides`.
 *
 * The values are stored with the object, so that whoever reads it, in memory or in SQL, needs to know nothing of templates.  A
 * template that changes rewrites those that follow it in the same transaction and under the same revision; the audit log
 * has the template's change only.
 */
#include <string.h>
#include "store/edit.h"

static bool is_listed(const char *list, const char *name)
{
	struct str rest = str_of(list);

	while (rest.n)
		if (str_eq(str_cut(&rest, ';'), str_of(name)))
			return true;
	return false;
}

static const char *overrides_of(const struct object *o)
{
	return field_text(o, resource_field(o->res, STR("overrides")));
}

/* Has this field a value of its own?  What was given counts unless it is what the client had been shown. */
static bool is_own(const struct object *before, const struct object *o, const struct field *f,
		   const json_t *body, bool is_same_template)
{
	const json_t *given = json_object_get(body, f->name);

	if (json_is_null(given))
		return false;
	if (given && (!before || !field_equal(before, o, f)))
		return true;
	return is_same_template && is_listed(overrides_of(before), f->name);
}

/* The template's values into the SHARED fields that are not listed. */
static int take_shared(struct object *o, const struct object *tmpl, const char *overrides)
{
	int err = 0;

	for (size_t i = 0; !err && i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if ((f->flags & SHARED) && !is_listed(overrides, f->name))
			err = field_copy(o, f, tmpl, resource_field(tmpl->res, str_of(f->name)));
	}
	return err;
}

static int list_own(const struct object *before, const struct object *o, const json_t *body,
		    uint64_t template_id, struct buf *out)
{
	const struct field *ref = resource_template(o->res);
	bool is_same = before && field_id(before, ref) == template_id;

	for (size_t i = 0; i < o->res->nfields; i++) {
		const struct field *f = &o->res->fields[i];

		if ((f->flags & SHARED) && is_own(before, o, f, body, is_same))
			buf_printf(out, "%s%s", out->n ? ";" : "", f->name);
	}
	return out->err;
}

int edit_follow(struct edit *e, const struct object *before, struct object *o, const json_t *body)
{
	const struct field *ref = resource_template(o->res);
	uint64_t id = ref ? field_id(o, ref) : 0;
	struct object *tmpl = NULL;
	struct buf own = {0};
	int err = 0;

	if (!ref || (!id && !*overrides_of(o)))
		return 0;
	if (id)
		err = rows_load(e->rows, ref->ref, o->tenant_id, id, true, &tmpl);
	if (err == ENOENT) /* edit_check_refs() says so */
		return 0;
	if (!err && id)
		err = list_own(before, o, body, id, &own);
	if (!err)
		err = object_set_text(o, resource_field(o->res, STR("overrides")), buf_view(&own));
	if (!err && tmpl)
		err = take_shared(o, tmpl, overrides_of(o));
	if (!err)
		err = object_check_pairs(o, &e->errs);
	object_free(tmpl);
	buf_free(&own);
	return err;
}

int edit_take_template(struct edit *e, struct object *o)
{
	const struct field *ref = resource_template(o->res);
	uint64_t id = ref ? field_id(o, ref) : 0;
	struct object *tmpl = NULL;
	int err = id ? rows_load(e->rows, ref->ref, o->tenant_id, id, true, &tmpl) : 0;

	if (err == ENOENT) /* edit_check_refs() says so */
		return 0;
	if (!err && tmpl)
		err = take_shared(o, tmpl, overrides_of(o));
	object_free(tmpl);
	return err;
}

/* ---- a template that changed ---- */

static bool is_shared_changed(const struct object *before, const struct object *after)
{
	for (size_t i = 0; i < after->res->nfields; i++)
		if ((after->res->fields[i].flags & SHARED) &&
		    !field_equal(before, after, &after->res->fields[i]))
			return true;
	return false;
}

static int rewrite(struct edit *e, const struct resource *res, const struct object *tmpl,
		   uint64_t id)
{
	struct object *o = NULL;
	size_t errors = e->errs.n;
	char label[96];
	int err = rows_load(e->rows, res, tmpl->tenant_id, id, true, &o);

	if (!err)
		err = take_shared(o, tmpl, overrides_of(o));
	if (!err)
		err = object_check_pairs(o, &e->errs);
	if (err == EINVAL && e->errs.n > errors) {
		edit_label(label, sizeof(label), o);
		field_error_add(&e->errs, e->errs.v[errors].field, "out_of_range",
				"does not go with what %s overrides", label);
	}
	if (!err) {
		o->revision = tmpl->revision;
		err = rows_replace(e->rows, o);
	}
	if (!err)
		err = edit_announce(e, NULL, tmpl->revision, &o);
	object_free(o);
	return err;
}

static int some_followers(struct edit *e, const char *sql, const struct object *tmpl, uint64_t last,
			  uint64_t *ids, size_t max, size_t *np)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, sql, &st);

	*np = 0;
	if (err)
		return err;
	db_bind_id(st, 1, tmpl->tenant_id);
	db_bind_id(st, 2, tmpl->id);
	db_bind_id(st, 3, last);
	db_bind_int(st, 4, (int64_t)max);
	while (!(err = db_step(st)))
		ids[(*np)++] = db_id(st, 0);
	return err == ENOENT ? 0 : err;
}

int edit_followers(struct edit *e, const struct object *before, const struct object *after)
{
	const struct resource *res = resource_follower(after->res);
	struct buf sql = {0};
	uint64_t ids[64], last = 0;
	size_t n = 0;
	int err;

	if (!res || !is_shared_changed(before, after))
		return 0;
	buf_printf(&sql,
		   "SELECT id FROM %s WHERE tenant_id = $1 AND template_id = $2 AND id > $3 "
		   "ORDER BY id LIMIT $4",
		   res->plural);
	err = sql.err;
	do {
		if (!err)
			err = some_followers(e, sql.p, after, last, ids, ARRAY_LEN(ids), &n);
		for (size_t i = 0; !err && i < n; i++) {
			last = ids[i];
			err = rewrite(e, res, after, ids[i]);
		}
	} while (!err && n == ARRAY_LEN(ids));
	buf_free(&sql);
	return err;
}
