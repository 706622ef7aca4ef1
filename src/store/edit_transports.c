/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TRN-2, TRN-7: what transports and certificates must fulfil, and why a transport cannot go: it is the last, or the last of a
 * protocol that a trunk, an account or a device uses.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/addr.h"
#include "base/pem.h"
#include "store/edit.h"

static int set_text(struct object *o, const char *field, struct str text)
{
	const struct field *f = resource_field(o->res, str_of(field));

	BUG(!f);
	if (text.n > (size_t)f->max) { /* cut at a word: it is a list of them */
		text.n = (size_t)f->max;
		while (text.n && text.p[text.n] != ' ')
			text.n--;
	}
	return object_set_text(o, f, text);
}

/* ---- certificates ---- */

/* A tenant's is for its domain: what it names besides is nobody's concern. */
static int names_domain(struct edit *e, const struct object *o, struct str names)
{
	struct object *t = NULL;
	bool is_named = false;
	const char *domain;
	int err;

	if (!o->tenant_id)
		return 0;
	err = rows_load(e->rows, &resource_tenant, 0, o->tenant_id, false, &t);
	if (err)
		return err;
	domain = ((const struct tenant *)t)->domain;
	while (names.n && !is_named) {
		struct str one = str_cut(&names, ' '), parent = str_of(domain);

		(void)str_cut(&parent, '.');
		is_named = str_ieq(one, str_of(domain)) ||
			   (one.n > 2 && one.p[0] == '*' && one.p[1] == '.' && parent.n &&
			    str_ieq((struct str){one.p + 2, one.n - 2}, parent));
	}
	if (!is_named)
		field_error_add(&e->errs, "chain", "other_name",
				"is not for the tenant's domain %.100s", domain);
	object_free(t);
	return 0;
}

static int look_inside(struct edit *e, struct object *o, const struct pem_pair *p, bool is_new)
{
	int64_t expires_us = pem_expires_us(p->cert);
	struct buf names = {0};
	int err;

	pem_names(p->cert, &names);
	err = names.err ? names.err : set_text(o, "names", buf_view(&names));
	((struct certificate *)o)->expires_at = expires_us;
	if (is_new && expires_us < e->now_us)
		field_error_add(&e->errs, "chain", "expired", "is not valid any more");
	if (!err)
		err = names_domain(e, o, buf_view(&names));
	buf_free(&names);
	return err;
}

int edit_check_certificate(struct edit *e, struct object *o, const struct object *before)
{
	const struct certificate *c = (const struct certificate *)o;
	const struct certificate *was = (const struct certificate *)before;
	struct pem_fault fault;
	struct pem_pair p;
	int err = pem_pair_read(&p, str_of(c->chain), str_of(c->key), c->passphrase, &fault);

	if (err == EINVAL) {
		field_error_add(&e->errs,
				!fault.is_key ? "chain"
				: strcmp(fault.code, "bad_passphrase") == 0 && *c->passphrase
					? "passphrase"
					: "key",
				fault.code, "%s", fault.text);
		return 0;
	}
	if (!err)
		err = look_inside(e, o, &p, !was || strcmp(was->chain, c->chain) != 0);
	pem_pair_close(&p);
	return err;
}

/* ---- transports ---- */

static const char *protocol_of(const struct transport *t)
{
	static const char *const names[] = {[TRANSPORT_PROTOCOL_UDP] = "udp",
					    [TRANSPORT_PROTOCOL_TCP] = "tcp",
					    [TRANSPORT_PROTOCOL_TLS] = "tls",
					    [TRANSPORT_PROTOCOL_WS] = "ws",
					    [TRANSPORT_PROTOCOL_WSS] = "wss"};

	return names[t->protocol];
}

void edit_check_roots(struct edit *e, const char *field, const char *pem)
{
	X509_STORE *store = NULL;
	struct pem_fault fault;

	if (*pem && pem_roots_read(&store, NULL, str_of(pem), &fault) == EINVAL)
		field_error_add(&e->errs, field, fault.code, "%s", fault.text);
	X509_STORE_free(store);
}

static void check_fields(struct edit *e, struct transport *t)
{
	bool has_tls =
		t->protocol == TRANSPORT_PROTOCOL_TLS || t->protocol == TRANSPORT_PROTOCOL_WSS;
	struct addr a;

	if (*t->address && addr_parse(&a, str_of(t->address), 0))
		field_error_add(&e->errs, "address", "bad_address", "is no IP address");
	if (t->certificate_id && !has_tls)
		field_error_add(&e->errs, "certificate_id", "not_tls", "%s shows no certificate",
				protocol_of(t));
	if (*t->client_ca && !has_tls)
		field_error_add(&e->errs, "client_ca", "not_tls", "%s asks for no certificate",
				protocol_of(t));
	if (has_tls)
		edit_check_roots(e, "client_ca", t->client_ca);
}

static int normal_address(struct object *o)
{
	struct transport *t = (struct transport *)o;
	char text[ADDR_STR_BYTES];
	struct addr a;

	if (!*t->address || addr_parse(&a, str_of(t->address), 0))
		return 0;
	return set_text(o, "address", str_of(addr_ip_str(text, &a)));
}

static bool is_datagram(struct str protocol)
{
	return str_eq(protocol, STR("udp"));
}

/* Port 0 is one for each protocol. */
static int check_place(struct edit *e, const struct transport *t)
{
	struct str mine = str_of(protocol_of(t));
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT id, protocol FROM transports WHERE tenant_id = 0 AND address = $1 "
			 "AND port = $2 AND id <> $3 ORDER BY id",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(t->address));
	db_bind_int(st, 2, t->port);
	db_bind_id(st, 3, t->o.id);
	while (!(err = db_step(st)))
		if (str_eq(db_text(st, 1), mine) ||
		    (t->port && is_datagram(db_text(st, 1)) == is_datagram(mine)))
			field_error_add(&e->errs, "port", "taken",
					"transport %" PRIu64 " (%.*s) is there", db_id(st, 0),
					STR_ARG(db_text(st, 1)));
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* ---- what needs a transport ---- */

enum { MAX_USERS = 10 };

struct users {
	struct buf text;
	size_t n;
};

static int add_users(struct edit *e, struct users *u, const char *what, struct db_stmt *st)
{
	int err;

	while (!(err = db_step(st))) {
		if (u->n++ < MAX_USERS)
			buf_printf(&u->text, "%s%s %.*s", u->text.n ? ", " : "", what,
				   STR_ARG(db_text(st, 0)));
	}
	db_done(st);
	return err == ENOENT ? u->text.err : err;
}

static int trunks_over(struct edit *e, const char *protocol, struct users *u)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT name FROM trunks WHERE tenant_id = 0 AND transport = $1 AND "
			 "enabled = 1 ORDER BY id LIMIT 100",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(protocol));
	return add_users(e, u, "trunk", st);
}

static int devices_over(struct edit *e, const char *protocol, struct users *u)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT a.username FROM registrations r, accounts a "
			 "WHERE a.tenant_id = r.tenant_id AND a.id = r.account_id "
			 "AND r.transport = $1 AND r.expires_at > $2 "
			 "ORDER BY a.tenant_id, a.id LIMIT 100",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(protocol));
	db_bind_int(st, 2, e->now_us);
	return add_users(e, u, "a device of account", st);
}

/* Accounts that could sign in over nothing any more. */
static int accounts_without(struct edit *e, const char *protocol, const bool *is_left,
			    struct users *u)
{
	static const char *const names[] = {"udp", "tcp", "tls", "ws", "wss"};
	struct buf sql = {0};
	struct db_stmt *st;
	int err;

	buf_printf(&sql, "SELECT username FROM accounts WHERE allow_%s = 1", protocol);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (is_left[i])
			buf_printf(&sql, " AND allow_%s = 0", names[i]);
	buf_cstr(&sql, " ORDER BY tenant_id, id LIMIT 100");
	err = sql.err ? sql.err : db_sql(e->rows->db, sql.p, &st);
	buf_free(&sql);
	return err ? err : add_users(e, u, "account", st);
}

/* Which protocols the other transports serve; *np: how many transports those are. */
static int others(struct edit *e, uint64_t id, bool *is_left, size_t *np)
{
	struct transport t = {.protocol = 0};
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT protocol FROM transports WHERE tenant_id = 0 AND enabled = 1 AND "
			 "id <> $1",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, id);
	*np = 0;
	while (!(err = db_step(st))) {
		for (t.protocol = 0; t.protocol <= TRANSPORT_PROTOCOL_WSS; t.protocol++)
			if (str_eq(db_text(st, 0), str_of(protocol_of(&t))))
				is_left[t.protocol] = true;
		++*np;
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int accounts_behind_proxy(struct edit *e, const char *protocol, struct users *u)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT username FROM accounts WHERE outbound_proxy <> '' AND "
			 "outbound_proxy_transport = $1 ORDER BY tenant_id, id LIMIT 100",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(protocol));
	return add_users(e, u, "the proxy of account", st);
}

static int may_go(struct edit *e, const struct transport *t, const char *field)
{
	bool is_left[TRANSPORT_PROTOCOL_WSS + 1] = {false};
	const char *protocol = protocol_of(t);
	struct users u = {.n = 0};
	size_t n = 0;
	int err = others(e, t->o.id, is_left, &n);

	if (!err && !n)
		field_error_add(&e->errs, field, "last",
				"without it nobody could reach the server");
	if (err || !n || is_left[t->protocol])
		return err;
	err = trunks_over(e, protocol, &u);
	if (!err)
		err = accounts_without(e, protocol, is_left, &u);
	if (!err)
		err = accounts_behind_proxy(e, protocol, &u);
	if (!err)
		err = devices_over(e, protocol, &u);
	if (!err && u.n)
		field_error_add(&e->errs, field, "in_use", "the last over %s, used by %.120s%s",
				protocol, u.text.p, u.n > MAX_USERS ? " and more" : "");
	buf_free(&u.text);
	return err;
}

int edit_check_transport(struct edit *e, struct object *o, const struct object *before)
{
	const struct transport *was = (const struct transport *)before;
	struct transport *t = (struct transport *)o;
	int err;

	check_fields(e, t);
	err = normal_address(o);
	if (was && was->protocol != t->protocol)
		field_error_add(&e->errs, "protocol", "read_only",
				"a transport keeps its protocol: make another one");
	if (!err && !e->errs.n)
		err = check_place(e, t);
	if (!err && was && was->enabled && !t->enabled)
		err = may_go(e, was, "enabled");
	return err;
}

int edit_transport_unused(struct edit *e, const struct object *o)
{
	const struct transport *t = (const struct transport *)o;

	return o->res == &resource_transport && t->enabled ? may_go(e, t, "id") : 0;
}

/* ACC-8, TRK-2: over a protocol that there is. */
int edit_needs_transport(struct edit *e, const char *field, const char *protocol)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db,
			 "SELECT id FROM transports WHERE tenant_id = 0 AND enabled = 1 AND "
			 "protocol = $1",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, str_of(protocol));
	err = db_step(st);
	db_done(st);
	if (err == ENOENT)
		field_error_add(&e->errs, field, "no_transport", "%s is not served", protocol);
	return err == ENOENT ? 0 : err;
}

/* Of accounts and of their templates. */
int edit_check_outbound_proxy(struct edit *e, struct object *o, const struct object *before)
{
	const char *proxy = field_text(o, resource_field(o->res, STR("outbound_proxy")));
	const struct field *f = resource_field(o->res, STR("outbound_proxy_transport"));
	struct addr a;

	(void)before;
	if (!*proxy)
		return 0;
	if (addr_parse_hostport(&a, str_of(proxy), 5060) || !a.port || addr_is_any(&a))
		field_error_add(&e->errs, "outbound_proxy", "bad_address",
				"is no IP address, perhaps with :port");
	return edit_needs_transport(e, f->name, enum_name(f->values, (int)field_int(o, f)));
}
