/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EXT-17, WEB-3: the LDAP phone book: where it is served, under which name, with which numbers.
 */
#include "base/addr.h"
#include "schema/dn.h"
#include "store/edit.h"

enum { LEAST_PASSWORD = 8 };

int edit_check_ldap_server(struct edit *e, struct object *o, const struct object *before)
{
	const struct ldap_server *s = (const struct ldap_server *)o;
	struct addr a;

	if (*s->address && addr_parse(&a, str_of(s->address), 0))
		field_error_add(&e->errs, "address", "bad_address", "is not an IP address");
	if (s->port && s->port == s->tls_port)
		field_error_add(&e->errs, "tls_port", "taken", "is the other port");
	if (s->enabled && !s->port && !s->tls_port)
		field_error_add(&e->errs, "port", "required",
				"one of port and tls_port must be served, or enabled is off");
	return 0;
}

/* ---- of a tenant ---- */

static int set_base(struct edit *e, struct object *o, const char *given)
{
	struct buf base = {0};
	int err = 0;

	if (*given)
		err = dn_canonical(&base, str_of(given));
	else
		dn_of_domain(&base, str_of(((const struct tenant *)o)->domain));
	if (err == EINVAL || base.n > DN_MAX)
		field_error_add(&e->errs, "ldap_base", "bad_dn",
				"must be a name like dc=acme,dc=example or o=acme");
	else if (!err)
		err = base.err ? base.err
			       : object_set_text(o, resource_field(o->res, STR("ldap_base")),
						 buf_view(&base));
	buf_free(&base);
	return err == EINVAL ? 0 : err;
}

/* The name that belongs to a domain is for who has the domain. */
static int is_anothers_domain(struct edit *e, const struct tenant *t, bool *yes)
{
	struct buf domain = {0};
	struct db_stmt *st;
	int err;

	*yes = false;
	dn_domain(&domain, str_of(t->ldap_base));
	if (!domain.n || domain.err) {
		err = domain.err;
		buf_free(&domain);
		return err;
	}
	err = db_sql(e->rows->db,
		     "SELECT 1 FROM directory WHERE kind = 'tenant.domain' AND name = $1 AND id <> "
		     "$2",
		     &st);
	if (!err) {
		db_bind_text(st, 1, buf_view(&domain));
		db_bind_id(st, 2, t->o.id);
		err = db_step(st);
		*yes = !err;
		db_done(st);
	}
	buf_free(&domain);
	return err == ENOENT ? 0 : err;
}

int edit_check_directory(struct edit *e, struct object *o, const struct object *before)
{
	const struct tenant *t = (const struct tenant *)o;
	const size_t nerrs = e->errs.n;
	bool is_anothers = false;
	int err = 0;

	if (*t->ldap_base || t->ldap)
		err = set_base(e, o, t->ldap_base);
	if (!err && e->errs.n == nerrs)
		err = is_anothers_domain(e, t, &is_anothers);
	if (is_anothers)
		field_error_add(&e->errs, "ldap_base", "taken",
				"belongs to the domain of another tenant");
	if (t->ldap && !*t->ldap_username)
		field_error_add(&e->errs, "ldap_username", "required", "must be given: ldap is on");
	if (t->ldap && !t->ldap_anonymous && !*t->ldap_password)
		field_error_add(&e->errs, "ldap_password", "required",
				"must be given: ldap is on, and ldap_anonymous is not");
	else if (*t->ldap_password && strlen(t->ldap_password) < LEAST_PASSWORD)
		field_error_add(&e->errs, "ldap_password", "too_short", "at least %d characters",
				LEAST_PASSWORD);
	return err;
}

/* ---- of an extension ---- */

int edit_check_published(struct edit *e, struct object *o, const struct object *before)
{
	const struct extension *x = (const struct extension *)o;

	if (x->ldap == LDAP_PUBLISHING_NUMBER && !*x->ldap_number)
		field_error_add(&e->errs, "ldap_number", "required",
				"must be given: ldap is number");
	if (x->ldap == LDAP_PUBLISHING_RULE_OF && !*x->ldap_extension)
		field_error_add(&e->errs, "ldap_extension", "required",
				"must be given: ldap is rule_of");
	if (*x->ldap_extension && !str_is_digits(str_of(x->ldap_extension)))
		field_error_add(&e->errs, "ldap_extension", "not_a_number", "must be digits");
	return 0;
}
