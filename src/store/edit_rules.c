/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What rules of routing must fulfil beyond their fields: a rule speaks of numbers and trunks that are the tenant's, and no two
 * rules of one number take the same caller.  Asked inside the transaction that writes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/addr.h"
#include "schema/did.h"
#include "schema/syntax.h"
#include "store/edit.h"

static int set_text(struct object *o, const char *field, struct str text)
{
	const struct field *f = resource_field(o->res, str_of(field));

	BUG(!f);
	return object_set_text(o, f, text);
}

/* Digits without what may lead them, as they are compared everywhere. */
static int make_plain(struct edit *e, struct object *o, const char *field, const char *text)
{
	char plain[64];

	if (!did_is_number(str_of(text)) || !did_plain(str_of(text)).n) {
		field_error_add(&e->errs, field, "bad_number", "is no number of digits");
		return 0;
	}
	if (str_copy(plain, sizeof(plain), did_plain(str_of(text))))
		return 0; /* longer than the field: told already */
	return set_text(o, field, str_of(plain));
}

/* ---- inbound rules ---- */

static int masks_of_did(struct edit *e, const struct inbound_rule *r, const struct did_range *mask)
{
	uint64_t *ids = NULL;
	size_t n = 0;
	int err = edit_ids_of(
		e,
		"SELECT id FROM inbound_rules WHERE tenant_id = $1 AND trunk_id = $2 AND "
		"did = $3 ORDER BY id",
		&r->o, r->trunk_id, str_of(r->did), &ids, &n);

	for (size_t i = 0; !err && i < n && !e->errs.n; i++) {
		struct object *o = NULL;
		struct inbound_rule *other;
		struct did_range theirs = {0};
		struct did_why why;

		if (ids[i] == r->o.id)
			continue;
		err = rows_load(e->rows, &resource_inbound_rule, r->o.tenant_id, ids[i], false, &o);
		other = (struct inbound_rule *)o;
		if (!err && *other->caller_mask &&
		    did_mask_parse(&theirs, str_of(other->caller_mask), &why))
			err = EIO;
		if (!err && did_ranges_overlap(mask, &theirs))
			field_error_add(&e->errs, "caller_mask", "overlap",
					"rule %s takes %s of the callers of %s", other->name,
					*other->caller_mask ? other->caller_mask : "all", r->did);
		object_free(o);
	}
	free(ids);
	return err;
}

static int inbound_rule(struct edit *e, struct object *o, const struct object *before)
{
	const struct inbound_rule *r = (struct inbound_rule *)o;
	struct did_list *l = NULL;
	struct did_pool *pool = NULL;
	struct did_range mask = {0};
	struct did_why why;
	int err = 0;

	if (strcmp(r->did, "*") != 0)
		err = make_plain(e, o, "did", r->did);
	if (*r->caller_mask && did_mask_parse(&mask, str_of(r->caller_mask), &why))
		edit_fault(e, "caller_mask", &why);
	if (!err)
		err = edit_check_destination(e, o, "destination", &r->destination,
					     r->destination_number);
	if (!err)
		err = edit_check_destination(e, o, "outside_destination", &r->outside_destination,
					     r->outside_destination_number);
	if (err || e->errs.n)
		return err;
	err = edit_pool_on(e, o->tenant_id, r->trunk_id, &pool);
	if (err == ENOENT) {
		field_error_add(&e->errs, "trunk_id", "no_pool",
				"this trunk is not given to this tenant: it has no pool there");
		return 0;
	}
	l = malloc(sizeof(*l));
	if (!err && !l)
		err = ENOMEM;
	if (!err && did_pool_parse(l, str_of(pool->numbers), &why))
		err = EIO;
	if (!err && strcmp(r->did, "*") != 0 && !did_list_has(l, str_of(r->did)))
		field_error_add(&e->errs, "did", "not_in_pool", "is not in the pool on this trunk");
	if (!err && !e->errs.n)
		err = masks_of_did(e, r, &mask);
	object_free((struct object *)pool);
	free(l);
	return err;
}

/* ---- outbound rules, and numbers ---- */

static int outbound_rule(struct edit *e, struct object *o, const struct object *before)
{
	const struct outbound_rule *r = (struct outbound_rule *)o;
	struct did_list *l = malloc(sizeof(*l));
	struct did_why why;
	int err = l ? 0 : ENOMEM;

	if (err)
		return err;
	if (did_prefixes_check(str_of(r->prefixes), &why))
		edit_fault(e, "prefixes", &why);
	if (did_extensions_parse(l, str_of(r->extensions), &why))
		edit_fault(e, "extensions", &why);
	free(l);
	if (!r->routes.n)
		field_error_add(&e->errs, "routes", "required", "a rule needs a route");
	for (size_t i = 0; !err && i < r->routes.n; i++) {
		const struct outbound_route *route = (struct outbound_route *)r->routes.v[i];
		char field[64];

		(void)snprintf(field, sizeof(field), "routes[%zu].prepend", i);
		if (*route->prepend && strcmp(route->prepend, "+") != 0 &&
		    !did_is_number(str_of(route->prepend)))
			field_error_add(&e->errs, field, "bad_number", "is no number of digits");
		(void)snprintf(field, sizeof(field), "routes[%zu].trunk_id", i);
		edit_needs_pool(e, o->tenant_id, route->trunk_id, field, &err);
	}
	return err;
}

static int emergency_number(struct edit *e, struct object *o, const struct object *before)
{
	const struct emergency_number *n = (struct emergency_number *)o;
	int err = 0;

	if (!did_is_number(str_of(n->number)))
		field_error_add(&e->errs, "number", "bad_number", "is no number of digits");
	if (*n->caller_id && !did_is_number(str_of(n->caller_id)))
		field_error_add(&e->errs, "caller_id", "bad_number", "is no number of digits");
	edit_needs_pool(e, o->tenant_id, n->trunk_id, "trunk_id", &err);
	return err;
}

static int allowed_country_code(struct edit *e, struct object *o, const struct object *before)
{
	return make_plain(e, o, "code", ((struct allowed_country_code *)o)->code);
}

static int disallowed_code(struct edit *e, struct object *o, const struct object *before)
{
	return make_plain(e, o, "code", ((struct disallowed_code *)o)->code);
}

static int blacklisted_number(struct edit *e, struct object *o, const struct object *before)
{
	return make_plain(e, o, "number", ((struct blacklisted_number *)o)->number);
}

static int call_rate(struct edit *e, struct object *o, const struct object *before)
{
	const struct call_rate *r = (struct call_rate *)o;
	struct db_stmt *st;
	int err = make_plain(e, o, "prefix", r->prefix);

	if (!err)
		err = db_sql(e->rows->db,
			     "SELECT id FROM call_rates WHERE tenant_id = $1 AND prefix = $2 AND "
			     "direction = $3 AND id <> $4",
			     &st);
	if (err)
		return err;
	db_bind_id(st, 1, o->tenant_id);
	db_bind_text(st, 2, str_of(r->prefix));
	db_bind_text(st, 3,
		     r->direction == CALL_DIRECTION_INBOUND ? STR("inbound") : STR("outbound"));
	db_bind_id(st, 4, o->id);
	err = db_step(st);
	if (!err)
		field_error_add(&e->errs, "prefix", "taken",
				"there is a rate for %s in this direction", r->prefix);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static void pin_of_digits(struct edit *e, const char *field, const char *pin, size_t at_least)
{
	if (*pin && (strlen(pin) < at_least || strlen(pin) > 20 ||
		     strspn(pin, "0123456789") != strlen(pin)))
		field_error_add(&e->errs, field, "bad_pin", "must have %zu to 20 digits", at_least);
}

static int disa(struct edit *e, struct object *o, const struct object *before)
{
	pin_of_digits(e, "pin", ((struct disa *)o)->pin, 6);
	return 0;
}

/* EXT-19 */
static void speed_dials(struct edit *e, const struct extension *x)
{
	char field[64];

	for (size_t i = 0; i < x->speed_dials.n; i++) {
		const struct extension_speed_dial *s =
			(const struct extension_speed_dial *)x->speed_dials.v[i];
		const size_t n = strlen(s->key);

		(void)snprintf(field, sizeof(field), "speed_dials[%zu].key", i);
		if (strspn(s->key, "0123456789") != n || (n == 1 && s->key[0] < '2'))
			field_error_add(&e->errs, field, "bad_key", "must be 2 to 9, or 00 to 99");
		(void)snprintf(field, sizeof(field), "speed_dials[%zu].number", i);
		if (!syntax_speed_dial(str_of(s->number)))
			field_error_add(&e->errs, field, "bad_number",
					"must have digits, letters, +, * and #, and be no speed "
					"dial itself");
	}
}

/* EXT-25 */
static void caller_ids(struct edit *e, const struct extension *x, const struct extension *was)
{
	char field[64];
	bool is_one = x->caller_ids.n == 0 || !*x->outbound_caller_id;

	for (size_t i = 0; i < x->caller_ids.n; i++) {
		const char *number =
			((const struct extension_caller_id *)x->caller_ids.v[i])->number;

		(void)snprintf(field, sizeof(field), "caller_ids[%zu].number", i);
		if (!did_is_number(str_of(number)))
			field_error_add(&e->errs, field, "bad_number", "is no number of digits");
		is_one |=
			str_eq(did_plain(str_of(number)), did_plain(str_of(x->outbound_caller_id)));
	}
	if (e->req->is_own && !is_one && was &&
	    strcmp(was->outbound_caller_id, x->outbound_caller_id) != 0)
		field_error_add(&e->errs, "outbound_caller_id", "not_in_list",
				"must be one of caller_ids");
}

static int extension(struct edit *e, struct object *o, const struct object *before)
{
	const struct extension *x = (struct extension *)o;
	int err = edit_check_groups(e, o, before);

	if (!err)
		err = edit_check_missed_call_mail(e, x, before);
	if (err && err != EINVAL)
		return err;
	err = edit_check_forwards(e, o, &x->forwards, &x->exceptions);
	speed_dials(e, x);
	caller_ids(e, x, (const struct extension *)before);
	if (!x->follows_office_hours ||
	    (before && ((const struct extension *)before)->office_hours_id != x->office_hours_id))
		((struct extension *)o)->office_seen = OFFICE_SEEN_UNKNOWN;
	pin_of_digits(e, "service_pin", x->service_pin, 4);
	if (*x->outbound_caller_id && !did_is_number(str_of(x->outbound_caller_id)))
		field_error_add(&e->errs, "outbound_caller_id", "bad_number",
				"is no number of digits");
	if (*x->emergency_caller_id && !did_is_number(str_of(x->emergency_caller_id)))
		field_error_add(&e->errs, "emergency_caller_id", "bad_number",
				"is no number of digits");
	return err ? err : edit_check_devices(e, o);
}

static int extension_template(struct edit *e, struct object *o, const struct object *before)
{
	const struct extension_template *t = (struct extension_template *)o;

	return edit_check_forwards(e, o, &t->forwards, &t->exceptions);
}

int edit_check_rules(struct edit *e, struct object *o, const struct object *before)
{
	static const struct {
		const struct resource *res;
		int (*check)(struct edit *e, struct object *o, const struct object *before);
	} rules[] = {
		{&resource_tenant, edit_check_domain},
		{&resource_tenant, edit_check_codes},
		{&resource_tenant, edit_check_directory},
		{&resource_ldap_server, edit_check_ldap_server},
		{&resource_tenant, edit_check_pbx_tenant},
		{&resource_tenant, edit_check_dealer_of},
		{&resource_dealer, edit_check_dealer},
		{&resource_trunk, edit_check_trunk},
		{&resource_trunk, edit_check_header_rules},
		{&resource_did_pool, edit_check_did_pool},
		{&resource_inbound_rule, inbound_rule},
		{&resource_outbound_rule, outbound_rule},
		{&resource_emergency_number, emergency_number},
		{&resource_allowed_country_code, allowed_country_code},
		{&resource_disallowed_code, disallowed_code},
		{&resource_blacklisted_number, blacklisted_number},
		{&resource_call_rate, call_rate},
		{&resource_extension, extension},
		{&resource_extension, edit_check_published},
		{&resource_personal_contact, edit_check_personal_contact},
		{&resource_favourite, edit_check_favourite},
		{&resource_holiday, edit_check_holiday},
		{&resource_extension_template, extension_template},
		{&resource_disa, disa},
		{&resource_time_check, edit_check_time_check},
		{&resource_ring_group, edit_check_ring_group},
		{&resource_admin, edit_check_user},
		{&resource_api_key, edit_check_api_key},
		{&resource_webhook, edit_check_webhook},
		{&resource_branding, edit_check_branding},
		{&resource_mail_server, edit_check_mail_server},
		{&resource_mail_template, edit_check_mail_template},
		{&resource_user_role, edit_check_role},
		{&resource_extension_group, edit_check_extension_group},
		{&resource_account, edit_check_account},
		{&resource_account, edit_check_sip_password},
		{&resource_network_setting, edit_check_network_setting},
		{&resource_certificate, edit_check_certificate},
		{&resource_transport, edit_check_transport},
		{&resource_account, edit_check_outbound_proxy},
		{&resource_account_template, edit_check_outbound_proxy},
		{&resource_account, edit_check_alerting},
		{&resource_account_template, edit_check_alerting},
		{&resource_account, edit_check_codecs},
		{&resource_account_template, edit_check_codecs},
	};
	size_t nerrs = e->errs.n;
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(rules); i++)
		if (rules[i].res == o->res)
			err = rules[i].check(e, o, before);
	return err ? err : e->errs.n > nerrs ? EINVAL : 0;
}
