/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TRK-8: a PBX behind a trunk that is known by its address alone dials as an extension would, without any secret: so the administrator
 * must have allowed that to the tenant, and does not take it back while there is one.
 */
#include "store/edit.h"

static int may(struct edit *e, uint64_t tenant_id, bool *yes)
{
	struct object *o = NULL;
	int err = rows_load(e->rows, &resource_tenant, 0, tenant_id, false, &o);

	*yes = !err && ((const struct tenant *)o)->allow_ip_pbx;
	object_free(o);
	return err;
}

static void refuse(struct edit *e, const char *field)
{
	field_error_add(&e->errs, field, "not_allowed",
			"a PBX that is known by its address alone must first be allowed to the "
			"tenant by an administrator: allow_ip_pbx");
}

int edit_check_pbx_pool(struct edit *e, const struct did_pool *p)
{
	struct object *t = NULL;
	bool yes = true;
	int err = p->is_pbx ? rows_load(e->rows, &resource_trunk, 0, p->trunk_id, false, &t) : 0;

	if (!err && t && ((const struct trunk *)t)->kind == TRUNK_KIND_IP)
		err = may(e, p->o.tenant_id, &yes);
	if (!err && !yes)
		refuse(e, "is_pbx");
	object_free(t);
	return err;
}

int edit_check_pbx_trunk(struct edit *e, const struct trunk *t, const struct trunk *was)
{
	uint64_t tenant_id = 0;
	struct db_stmt *st;
	bool yes = true;
	int err;

	if (!was || was->kind == t->kind || t->kind != TRUNK_KIND_IP)
		return 0;
	err = db_sql(e->rows->db,
		     "SELECT tenant_id FROM did_pools WHERE trunk_id = $1 AND is_pbx = 1", &st);
	if (err)
		return err;
	db_bind_id(st, 1, t->o.id);
	err = db_step(st);
	if (!err)
		tenant_id = db_id(st, 0);
	db_done(st);
	if (!err)
		err = may(e, tenant_id, &yes);
	if (!err && !yes)
		refuse(e, "kind");
	return err == ENOENT ? 0 : err;
}

int edit_check_pbx_tenant(struct edit *e, struct object *o, const struct object *before)
{
	const struct tenant *t = (const struct tenant *)o, *was = (const struct tenant *)before;
	struct db_stmt *st;
	int err;

	if (!was || !was->allow_ip_pbx || t->allow_ip_pbx)
		return 0;
	err = db_sql(e->rows->db,
		     "SELECT t.name FROM did_pools p, trunks t WHERE p.tenant_id = $1 AND "
		     "p.is_pbx = 1 AND t.tenant_id = 0 AND t.id = p.trunk_id AND t.kind = 'ip' "
		     "ORDER BY t.id LIMIT 20",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, o->id);
	while (!(err = db_step(st)))
		field_error_add(&e->errs, "allow_ip_pbx", "in_use",
				"the PBX behind trunk %.*s is known by its address (is_pbx of its "
				"pool)",
				STR_ARG(db_text(st, 0)));
	db_done(st);
	return err == ENOENT ? 0 : err;
}
