/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TEN-4: what is shown to who has not signed in.  A name that no tenant has is answered as one whose tenant has chosen nothing: that
 * of the system, else nothing.
 */
#include "store/query.h"

static int take_first(struct object **op, void *arg)
{
	struct object **kept = arg;

	if (!*kept) {
		*kept = *op;
		*op = NULL;
	}
	return 0;
}

static int branding_of(struct rows *r, uint64_t tenant_id, struct object **bp)
{
	return rows_each_of(r, &resource_branding, tenant_id, take_first, bp);
}

/* 0: none, or one that is switched off. */
static int tenant_named(struct rows *r, struct str name, uint64_t *idp)
{
	struct db_stmt *st;
	int err;

	*idp = 0;
	err = db_sql(r->db,
		     "SELECT t.id FROM directory d JOIN tenants t ON t.tenant_id = 0 AND t.id = "
		     "d.id WHERE d.kind = 'tenant.name' AND d.name = $1 AND t.enabled = 1",
		     &st);
	if (err)
		return err;
	db_bind_text(st, 1, name);
	err = db_step(st);
	if (!err)
		*idp = db_id(st, 0);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int company_of(struct rows *r, uint64_t tenant_id, const struct branding *b,
		      struct object **tp, const char **companyp)
{
	int err = 0;

	*companyp = b ? b->company : "";
	if (tenant_id && !**companyp) {
		err = rows_load(r, &resource_tenant, 0, tenant_id, false, tp);
		if (!err)
			*companyp = ((const struct tenant *)*tp)->company;
	}
	return err;
}

static const char *either(const char *own, const char *systems)
{
	return own && *own ? own : systems ? systems : "";
}

int query_branding(struct rows *r, uint64_t tenant_id, const struct args *a,
		   struct store_reply *reply, struct field_errors *errs)
{
	struct object *own = NULL, *systems = NULL, *t = NULL;
	const struct branding *b, *s;
	const char *company = "";
	uint64_t id = 0;
	int err = tenant_named(r, args_text(a, "tenantname"), &id);

	if (!err && id)
		err = branding_of(r, id, &own);
	if (!err)
		err = branding_of(r, 0, &systems);
	b = (const struct branding *)(own ? own : systems);
	s = (const struct branding *)systems;
	if (!err)
		err = company_of(r, own ? id : 0, b, &t, &company);
	if (!err)
		err = store_reply_json(
			reply, json_pack("{s:s,s:s,s:s,s:s}", "brand_name",
					 either(b ? b->brand_name : "", s ? s->brand_name : ""),
					 "company", company, "logo", b ? b->logo : "", "logo_type",
					 b ? b->logo_type : ""));
	object_free(own);
	object_free(systems);
	object_free(t);
	return err;
}
