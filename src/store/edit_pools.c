/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What trunks and pools must fulfil beyond their fields: a number belongs to one tenant only, a trunk leads to one PBX at most.
 *
 * All of it is asked inside the transaction that writes.  Who changes a pool, or the host of a trunk, first holds every trunk to
 * that host, so that two nodes cannot give one number to two tenants at once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "schema/did.h"
#include "store/edit.h"

void edit_fault(struct edit *e, const char *field, const struct did_why *why)
{
	field_error_add(&e->errs, field, why->code, "%s", why->message);
}

/* ---- pools ---- */

static bool read_pool(struct edit *e, const char *field, const char *text, struct did_list *l)
{
	struct did_why why;

	if (!did_pool_parse(l, str_of(text), &why))
		return true;
	edit_fault(e, field, &why);
	return false;
}

/* The tenant's pool on a trunk: ENOENT none. */
int edit_pool_on(struct edit *e, uint64_t tenant_id, uint64_t trunk_id, struct did_pool **pp)
{
	struct object *o = NULL;
	struct db_stmt *st;
	uint64_t id = 0;
	int err = db_sql(e->rows->db,
			 "SELECT id FROM did_pools WHERE tenant_id = $1 AND trunk_id = $2", &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, trunk_id);
	err = db_step(st);
	if (!err)
		id = db_id(st, 0);
	db_done(st);
	if (!err)
		err = rows_load(e->rows, &resource_did_pool, tenant_id, id, false, &o);
	*pp = (struct did_pool *)o;
	return err;
}

void edit_needs_pool(struct edit *e, uint64_t tenant_id, uint64_t trunk_id, const char *field,
		     int *errp)
{
	struct did_pool *p = NULL;
	int err = edit_pool_on(e, tenant_id, trunk_id, &p);

	if (err == ENOENT)
		field_error_add(&e->errs, field, "no_pool",
				"this trunk is not given to this tenant: it has no pool there");
	else if (err)
		*errp = err;
	object_free((struct object *)p);
}

static int hold_host(struct edit *e, const char *host)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "UPDATE trunks SET revision = revision WHERE tenant_id = 0 AND host = $1",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(host));
	return db_run(st);
}

struct held { /* a pool on a trunk to the host */
	uint64_t tenant_id, id;
	char *numbers;
};

static void held_free(struct held *h, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(h[i].numbers);
	free(h);
}

static int pools_to(struct edit *e, const char *host, struct held **hp, size_t *np)
{
	struct held *h = NULL, *more;
	size_t n = 0, cap = 0;
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT p.tenant_id, p.id, p.numbers FROM did_pools p, trunks t WHERE "
			 "t.tenant_id = 0 AND t.host = $1 AND p.trunk_id = t.id "
			 "ORDER BY p.tenant_id, p.id",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(host));
	while (!(err = db_step(st))) {
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			more = reallocarray(h, cap, sizeof(*h));
			if (!more) {
				err = ENOMEM;
				break;
			}
			h = more;
		}
		h[n] = (struct held){db_id(st, 0), db_id(st, 1), str_dup(db_text(st, 2))};
		n++;
	}
	db_done(st);
	if (err != ENOENT) {
		held_free(h, n);
		return err;
	}
	*hp = h;
	*np = n;
	return 0;
}

/* Another tenant's range is named, not the tenant. */
static void meets(struct edit *e, const char *field, const struct held *h,
		  const struct did_list *mine, uint64_t tenant_id)
{
	const struct did_range *a, *b;
	char text[2][DID_TEXT_BYTES];
	struct did_list theirs;
	struct did_why why;

	if (!h->numbers || did_pool_parse(&theirs, str_of(h->numbers), &why) ||
	    !did_lists_overlap(mine, &theirs, &a, &b))
		return;
	field_error_add(&e->errs, field, "overlap", "%s overlaps %s of %s",
			did_range_str(text[0], a), did_range_str(text[1], b),
			h->tenant_id == tenant_id ? "another pool of this tenant"
						  : "another tenant");
}

static int pool_overlaps(struct edit *e, const struct did_pool *p, const struct did_list *mine)
{
	struct object *trunk = NULL;
	struct held *h = NULL;
	size_t n = 0;
	int err = rows_load(e->rows, &resource_trunk, 0, p->trunk_id, false, &trunk);

	if (!err)
		err = hold_host(e, ((struct trunk *)trunk)->host);
	if (!err)
		err = pools_to(e, ((struct trunk *)trunk)->host, &h, &n);
	for (size_t i = 0; !err && i < n; i++)
		if (h[i].tenant_id != p->o.tenant_id || h[i].id != p->o.id)
			meets(e, "numbers", &h[i], mine, p->o.tenant_id);
	held_free(h, n);
	object_free(trunk);
	return err;
}

/* ---- rules on a trunk ---- */

int edit_ids_of(struct edit *e, const char *sql, const struct object *o, uint64_t trunk_id,
		struct str did, uint64_t **idsp, size_t *np)
{
	uint64_t *ids = NULL, *more;
	size_t n = 0, cap = 0;
	struct db_stmt *st;
	int err = db_sql(e->rows->db, sql, &st);

	if (err)
		return err;
	db_bind_id(st, 1, o->tenant_id);
	db_bind_id(st, 2, trunk_id);
	if (did.p)
		db_bind_text(st, 3, did);
	while (!(err = db_step(st))) {
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			more = reallocarray(ids, cap, sizeof(*ids));
			if (!more) {
				err = ENOMEM;
				break;
			}
			ids = more;
		}
		ids[n++] = db_id(st, 0);
	}
	db_done(st);
	*idsp = ids;
	*np = n;
	return err == ENOENT ? 0 : err;
}

/* Numbers that a rule uses stay in the pool. */
static int pool_keeps_rules(struct edit *e, const struct did_pool *p, const struct did_list *mine)
{
	uint64_t *ids = NULL;
	size_t n = 0;
	int err = edit_ids_of(e,
			      "SELECT id FROM inbound_rules WHERE tenant_id = $1 AND trunk_id = $2 "
			      "ORDER BY id",
			      &p->o, p->trunk_id, STR_NONE, &ids, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct object *o = NULL;
		struct inbound_rule *r;

		err = rows_load(e->rows, &resource_inbound_rule, p->o.tenant_id, ids[i], false, &o);
		r = (struct inbound_rule *)o;
		if (!err && strcmp(r->did, "*") != 0 && !did_list_has(mine, str_of(r->did)))
			field_error_add(&e->errs, "numbers", "in_use",
					"inbound rule %s takes calls to %s", r->name, r->did);
		object_free(o);
	}
	free(ids);
	return err;
}

/* Calls of a PBX that are to no pool are its tenant's: there can be one on a trunk. */
static int is_only_pbx(struct edit *e, const struct did_pool *p)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT id FROM did_pools WHERE trunk_id = $1 AND is_pbx = $2 AND "
			 "tenant_id <> $3",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, p->trunk_id);
	db_bind_int(st, 2, 1);
	db_bind_id(st, 3, p->o.tenant_id);
	err = db_step(st);
	if (!err)
		field_error_add(&e->errs, "is_pbx", "taken",
				"the PBX of another tenant is behind this trunk");
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* TRK-4: a tenant's own trunk is for it alone. */
static int is_for_tenant(struct edit *e, const struct did_pool *p)
{
	struct object *t = NULL;
	int err = rows_load(e->rows, &resource_trunk, 0, p->trunk_id, false, &t);

	if (!err && ((struct trunk *)t)->owner_id &&
	    ((struct trunk *)t)->owner_id != p->o.tenant_id)
		field_error_add(&e->errs, "trunk_id", "not_found", "there is no trunk %" PRIu64,
				p->trunk_id);
	object_free(t);
	return err;
}

int edit_check_owner(struct edit *e, const struct object *o)
{
	/* An act is of no resource: what it reads or changes is what was asked for. */
	bool is_asked_for = !e->req->res || o->res == e->req->res;
	struct object *t = NULL;
	int err = 0;

	if (!e->req->owner_id)
		return 0;
	if (o->res == &resource_trunk)
		return ((const struct trunk *)o)->owner_id == e->req->owner_id ? 0 : ENOENT;
	if (is_asked_for && e->req->is_own && resource_owner(o->res))
		return field_id(o, resource_owner(o->res)) == e->req->owner_id ? 0 : ENOENT;
	if (o->res == &resource_tenant &&
	    e->req->res == o->res) /* of a new one edit_check_dealer_of() says what is wrong */
		return e->req->op == STORE_CREATE ||
				       ((const struct tenant *)o)->dealer_id == e->req->owner_id
			       ? 0
			       : ENOENT;
	if (o->res != &resource_did_pool)
		return 0;
	err = rows_load(e->rows, &resource_trunk, 0, ((const struct did_pool *)o)->trunk_id, false,
			&t);
	if (!err && ((struct trunk *)t)->owner_id != e->req->owner_id)
		err = EPERM;
	object_free(t);
	return err == ENOENT ? EPERM : err;
}

/* Nobody's pool is on them: they went with the tenant's rows. */
int edit_owners_trunks_gone(struct edit *e, uint64_t tenant_id)
{
	const struct object system = {.tenant_id = tenant_id};
	uint64_t *ids = NULL;
	size_t n = 0;
	int err = edit_ids_of(e, "SELECT id FROM trunks WHERE owner_id = $1 AND id > $2", &system,
			      0, STR_NONE, &ids, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct object *t = NULL;

		err = rows_load(e->rows, &resource_trunk, 0, ids[i], false, &t);
		if (!err)
			err = edit_delete(e, t);
		object_free(t);
	}
	free(ids);
	return err;
}

int edit_check_did_pool(struct edit *e, struct object *o, const struct object *before)
{
	const struct did_pool *p = (struct did_pool *)o, *was = (const struct did_pool *)before;
	struct did_list *mine = malloc(sizeof(*mine)), *more = malloc(sizeof(*more));
	int err = mine && more ? 0 : ENOMEM;

	if (!err)
		err = is_for_tenant(e, p);
	if (!err)
		err = edit_check_pbx_pool(e, p);
	if (!err && was && was->trunk_id != p->trunk_id)
		field_error_add(&e->errs, "trunk_id", "read_only",
				"a pool stays with its trunk: make another one");
	if (!err && *p->caller_id && !did_is_number(str_of(p->caller_id)))
		field_error_add(&e->errs, "caller_id", "bad_number", "is no number of digits");
	if (!err && read_pool(e, "more_caller_ids", p->more_caller_ids, more) &&
	    read_pool(e, "numbers", p->numbers, mine) && !e->errs.n) {
		err = pool_overlaps(e, p, mine); /* from here on it is held */
		if (!err && p->is_pbx)
			err = is_only_pbx(e, p);
		if (!err && was)
			err = pool_keeps_rules(e, p, mine);
	}
	free(mine);
	free(more);
	return err;
}

/* ---- trunks ---- */

static int other_trunks(struct edit *e, const struct trunk *t)
{
	const char *auth = *t->auth_username ? t->auth_username : t->username;
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT name, kind, username, auth_username, owner_id FROM trunks "
			 "WHERE tenant_id = 0 AND host = $1 AND id <> $2 ORDER BY id",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(t->host));
	db_bind_id(st, 2, t->o.id);
	while (!(err = db_step(st))) {
		struct str other = db_text(st, 3).n ? db_text(st, 3) : db_text(st, 2);

		if (t->kind == TRUNK_KIND_IP && str_eq(db_text(st, 1), STR("ip")))
			field_error_add(&e->errs, "host", "taken",
					"ip trunk %.*s has this host: a host has one",
					STR_ARG(db_text(st, 0)));
		else if (t->kind == TRUNK_KIND_TEAMS && str_eq(db_text(st, 1), STR("teams"))) {
			if (db_id(st, 4) == t->owner_id)
				field_error_add(&e->errs, "host", "taken",
						"trunk %.*s leads there: a tenant has one",
						STR_ARG(db_text(st, 0)));
		} else if (t->kind != TRUNK_KIND_IP && !str_eq(db_text(st, 1), STR("ip")) &&
			   str_eq(other, str_of(auth)))
			field_error_add(&e->errs, *t->auth_username ? "auth_username" : "username",
					"taken", "trunk %.*s signs in there as %s",
					STR_ARG(db_text(st, 0)), auth);
	}
	return err == ENOENT ? 0 : err;
}

/* Moved to another host, its pools meet those of the trunks that are there. */
static int moved(struct edit *e, const struct trunk *t)
{
	struct did_list *mine = malloc(sizeof(*mine));
	struct held *there = NULL;
	uint64_t *ids = NULL;
	size_t nthere = 0, n = 0;
	const struct object nobody = {.tenant_id = t->o.id};
	int err = mine ? hold_host(e, t->host) : ENOMEM;

	if (!err)
		err = pools_to(e, t->host, &there, &nthere);
	if (!err)
		err = edit_ids_of(
			e,
			"SELECT tenant_id FROM did_pools WHERE trunk_id = $1 AND trunk_id = $2 "
			"ORDER BY tenant_id",
			&nobody, t->o.id, STR_NONE, &ids, &n);
	for (size_t i = 0; !err && i < n; i++) {
		struct did_pool *p = NULL;
		struct did_why why;

		err = edit_pool_on(e, ids[i], t->o.id, &p);
		for (size_t k = 0; !err && k < nthere; k++)
			if (!did_pool_parse(mine, str_of(p->numbers), &why))
				meets(e, "host", &there[k], mine, ids[i]);
		object_free((struct object *)p);
	}
	held_free(there, nthere);
	free(ids);
	free(mine);
	return err;
}

/* TRK-1: where a gateway registers is no tenant's. */
static int domain_is_free(struct edit *e, const char *domain)
{
	struct db_stmt *st;
	int err =
		db_sql(e->rows->db, "SELECT id FROM tenants WHERE lower(domain) = lower($1)", &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(domain));
	err = db_step(st);
	if (!err)
		field_error_add(&e->errs, "host", "taken", "it is a tenant's domain");
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int edit_check_domain(struct edit *e, struct object *o, const struct object *before)
{
	const struct tenant *t = (struct tenant *)o;
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT id FROM trunks WHERE tenant_id = 0 AND kind = 'accept_register' "
			 "AND lower(host) = lower($1)",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(t->domain));
	err = db_step(st);
	if (!err)
		field_error_add(&e->errs, "domain", "taken", "a gateway registers in it");
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static bool registers(const struct trunk *t)
{
	return t->kind == TRUNK_KIND_REGISTER || t->kind == TRUNK_KIND_ACCEPT_REGISTER;
}

/* Nobody proves that they are the provider's: so they are few. */
static void own_networks(struct edit *e, const struct trunk *t)
{
	enum { LEAST_BITS_4 = 24, LEAST_BITS_6 = 64 };

	for (size_t i = 0; i < t->networks.n; i++) {
		const struct trunk_network *n = (const struct trunk_network *)t->networks.v[i];
		struct addr_net net;

		if (!addr_net_parse(&net, str_of(n->network)) &&
		    net.bits < (net.addr.family == 4 ? LEAST_BITS_4 : LEAST_BITS_6))
			field_error_add(&e->errs, "networks", "too_large",
					"%s: a tenant's own trunk names networks of 256 addresses "
					"at most, or an IPv6 /64",
					n->network);
	}
}

/* TRK-12, ADR 0042: of two that claim an address neither would have it.  Whose the other is nobody is told. */
static int networks_are_free(struct edit *e, const struct trunk *t)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT n.network FROM trunk_networks n JOIN trunks t ON t.tenant_id = "
			 "n.tenant_id AND t.id = n.parent_id WHERE n.tenant_id = 0 AND t.kind <> "
			 "'teams' AND COALESCE(t.owner_id, 0) <> $1 ORDER BY t.id, n.network",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, t->owner_id);
	while (!(err = db_step(st))) {
		struct addr_net theirs, mine;

		if (addr_net_parse(&theirs, db_text(st, 0)))
			continue;
		for (size_t i = 0; i < t->networks.n; i++) {
			const char *text =
				((const struct trunk_network *)t->networks.v[i])->network;

			if (!addr_net_parse(&mine, str_of(text)) &&
			    (addr_net_has(&theirs, &mine.addr) ||
			     addr_net_has(&mine, &theirs.addr)))
				field_error_add(&e->errs, "networks", "taken",
						"%s: %.*s is of a trunk of somebody else; two "
						"tenants at one provider are served by a trunk of "
						"the administrators with a pool for each",
						text, STR_ARG(db_text(st, 0)));
		}
	}
	return err == ENOENT ? 0 : err;
}

/* TRK-4: which kinds are whose. */
static void whose(struct edit *e, const struct trunk *t, const struct trunk *was)
{
	if (was && was->owner_id != t->owner_id)
		field_error_add(&e->errs, "owner_id", "read_only",
				"a trunk stays whose it is: make another one");
	if (t->owner_id && t->kind == TRUNK_KIND_IP)
		field_error_add(&e->errs, "kind", "bad_choice",
				"a trunk known by its address is set up by administrators");
	if (!t->owner_id && t->kind == TRUNK_KIND_TEAMS)
		field_error_add(&e->errs, "kind", "bad_choice",
				"direct routing is a tenant's own: owner_id");
	if (t->owner_id && t->certificate_id)
		field_error_add(&e->errs, "certificate_id", "bad_choice",
				"the tenant's own certificate is shown");
	if (t->owner_id && t->kind != TRUNK_KIND_TEAMS)
		own_networks(e, t);
	if (t->kind == TRUNK_KIND_TEAMS && t->transport != TRUNK_TRANSPORT_TLS)
		field_error_add(&e->errs, "transport", "bad_choice", "Teams is reached over tls");
}

/* TRK-2: what is off, or asks name servers, needs no transport of ours. */
static int is_carried(struct edit *e, const struct trunk *t)
{
	const struct field *f = resource_field(t->o.res, STR("transport"));

	return t->enabled && t->transport != TRUNK_TRANSPORT_AUTO
		       ? edit_needs_transport(e, f->name, enum_name(f->values, t->transport))
		       : 0;
}

int edit_check_trunk(struct edit *e, struct object *o, const struct object *before)
{
	const struct trunk *t = (struct trunk *)o, *was = (const struct trunk *)before;
	int err = 0;

	if (!edit_is_host_port(str_of(t->outbound_proxy)))
		field_error_add(&e->errs, "outbound_proxy", "bad_hostname",
				"is not a host name or IP address, perhaps with :port");
	edit_check_roots(e, "tls_ca", t->tls_ca);
	whose(e, t, was);
	if (registers(t) && !*t->username)
		field_error_add(&e->errs, "username", "required",
				"a trunk that registers needs one");
	if (registers(t) && !*t->password)
		field_error_add(&e->errs, "password", "required",
				"a trunk that registers needs one");
	if (t->kind == TRUNK_KIND_ACCEPT_REGISTER)
		err = domain_is_free(e, t->host);
	if (!err)
		err = is_carried(e, t);
	if (!err)
		err = edit_check_pbx_trunk(e, t, was);
	if (!err && !e->errs.n && t->owner_id && t->kind != TRUNK_KIND_TEAMS &&
	    !(was && field_equal(o, before, resource_field(o->res, STR("networks")))))
		err = networks_are_free(e, t);
	if (!err && !e->errs.n)
		err = other_trunks(e, t);
	if (!err && !e->errs.n && was && strcmp(was->host, t->host) != 0)
		err = moved(e, t);
	return err;
}

/* TRK-6: a pool goes when no rule of the tenant needs it; those that do are named. */
int edit_rules_unused(struct edit *e, const struct object *o)
{
	static const struct {
		const char *sql;
		const struct resource *res;
	} users[] = {
		{"SELECT id FROM inbound_rules WHERE tenant_id = $1 AND trunk_id = $2 ORDER BY id",
		 &resource_inbound_rule},
		{"SELECT id FROM inbound_rules WHERE tenant_id = $1 AND ((destination_kind = "
		 "'trunk' AND destination_id = $2) OR (outside_destination_kind = 'trunk' AND "
		 "outside_destination_id = $2)) ORDER BY id",
		 &resource_inbound_rule},
		{"SELECT DISTINCT parent_id FROM outbound_rule_routes WHERE tenant_id = $1 AND "
		 "trunk_id = $2 ORDER BY parent_id",
		 &resource_outbound_rule},
		{"SELECT id FROM emergency_numbers WHERE tenant_id = $1 AND trunk_id = $2 ORDER BY "
		 "id",
		 &resource_emergency_number},
	};
	const struct did_pool *p = (const struct did_pool *)o;
	size_t before = e->errs.n;
	int err = edit_transport_unused(e, o);

	for (size_t i = 0; o->res == &resource_did_pool && !err && i < ARRAY_LEN(users); i++) {
		uint64_t *ids = NULL;
		size_t n = 0;

		err = edit_ids_of(e, users[i].sql, o, p->trunk_id, STR_NONE, &ids, &n);
		for (size_t k = 0; !err && k < n; k++) {
			char label[96];

			edit_label_of(e, users[i].res, o->tenant_id, ids[k], label, sizeof(label));
			field_error_add(&e->errs, "id", "in_use", "%s needs it", label);
		}
		free(ids);
	}
	return err ? err : e->errs.n > before ? EEXIST : 0;
}
