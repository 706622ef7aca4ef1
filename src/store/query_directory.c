/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * EXT-17, WEB-3: the LDAP phone book of one tenant: who may look into it, and pages of what a filter finds.
 *
 * A page reads rows of one tenant in the order of their ids until it is full, so what it costs is bounded by the tenant's own size.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include "schema/dn.h"
#include "store/directory.h"
#include "store/query.h"

/* ---- who ---- */

static int tenant_at(struct rows *r, struct str base, uint64_t *idp)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT id FROM directory WHERE kind = 'tenant.ldap_base' AND name = $1",
			 &st);

	if (err)
		return err;
	db_bind_text(st, 1, base);
	err = db_step(st);
	if (!err)
		*idp = db_id(st, 0);
	db_done(st);
	return err;
}

/* What a sign-in was proven by: with another name, password or base it is worth nothing. */
static void proof_of(char hex[65], const struct tenant *t)
{
	const struct str parts[] = {str_of(t->ldap_base), str_of(t->ldap_username),
				    str_of(t->ldap_password)};
	uint8_t hash[32];
	crypto_generichash_state st;

	crypto_generichash_init(&st, (const uint8_t *)&t->o.id, sizeof(t->o.id), sizeof(hash));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		crypto_generichash_update(&st, (const uint8_t *)&parts[i].n, sizeof(parts[i].n));
		crypto_generichash_update(&st, (const uint8_t *)(parts[i].n ? parts[i].p : ""),
					  parts[i].n);
	}
	crypto_generichash_final(&st, hash, sizeof(hash));
	BUG(hex_encode(hex, 65, hash, sizeof(hash)));
}

static bool is_open(const struct tenant *t)
{
	return t->enabled && t->ldap;
}

static bool is_who_it_says(const struct tenant *t, struct str name, struct str password)
{
	struct buf expected = {0};
	bool yes;

	dn_part(&expected, "cn", str_of(t->ldap_username));
	yes = !expected.err && str_eq(buf_view(&expected), name) && *t->ldap_password;
	buf_free(&expected);
	/* Both are looked at, whatever the name was. */
	return str_same_secret(str_of(t->ldap_password), password) && yes;
}

int query_ldap_sign_in(struct rows *r, uint64_t tenant_id, const struct args *a,
		       struct store_reply *reply, struct field_errors *errs)
{
	const struct str name = args_text(a, "name");
	struct object *o = NULL;
	const struct tenant *t;
	char proof[65] = "";
	uint64_t id = 0;
	int err = tenant_at(r, args_text(a, "base"), &id);

	if (!err)
		err = rows_load(r, &resource_tenant, 0, id, true, &o);
	if (err)
		return err == ENOENT ? EACCES : err;
	t = (const struct tenant *)o;
	if (!is_open(t) ||
	    (name.n ? !is_who_it_says(t, name, args_text(a, "password")) : !t->ldap_anonymous))
		err = EACCES;
	if (!err && name.n)
		proof_of(proof, t);
	object_free(o);
	return err ? err
		   : store_reply_json(reply, json_pack("{s:o,s:s}", "tenant_id", query_id(id),
						       "proof", proof));
}

static int may_look(struct rows *r, uint64_t tenant_id, struct str proof)
{
	struct object *o = NULL;
	const struct tenant *t;
	char expected[65];
	int err = rows_load(r, &resource_tenant, 0, tenant_id, true, &o);

	if (err)
		return err == ENOENT ? EACCES : err;
	t = (const struct tenant *)o;
	proof_of(expected, t);
	if (!is_open(t) || (proof.n ? !str_eq(proof, str_of(expected)) : !t->ldap_anonymous))
		err = EACCES;
	object_free(o);
	return err;
}

/* ---- what ---- */

struct look {
	struct rows *rows;
	uint64_t tenant_id;
	const json_t *filter;
	uint64_t after, id; /* id: this one only */
	size_t limit;
	json_t *items;
};

/* $1 the tenant, $2 behind which id, $3 how many */
static const char *const froms[DIRECTORY_NKINDS] = {
	[DIRECTORY_TENANT] = " FROM tenants x WHERE x.tenant_id = 0 AND x.id = $1 AND x.id > $2",
	[DIRECTORY_EXTENSION] =
		" FROM extensions x JOIN tenants t ON t.tenant_id = 0 AND t.id = x.tenant_id WHERE "
		"x.tenant_id = $1 AND x.id > $2 AND x.enabled = 1 AND x.ldap <> 'none'",
	[DIRECTORY_CONTACT] =
		" FROM contacts x WHERE x.tenant_id = $1 AND x.id > $2 AND x.phone_book_id NOT IN "
		"(SELECT g.parent_id FROM phone_book_groups g WHERE g.tenant_id = $1)",
};

static void select_of(struct buf *sql, enum directory_kind kind, const struct directory_where *w)
{
	buf_cstr(sql, "SELECT x.id");
	for (size_t i = 0; i < directory_nattributes; i++) {
		const char *column = directory_attributes[i].sql[kind];

		buf_printf(sql, ", %s", column ? column : "''");
	}
	buf_cstr(sql, froms[kind]);
	buf_cstr(sql, " AND ");
	buf_str(sql, buf_view(&w->sql));
	buf_cstr(sql, " ORDER BY x.id LIMIT $3");
}

static json_t *entry(enum directory_kind kind, const struct db_stmt *st)
{
	json_t *o = json_pack("{s:i,s:o}", "kind", (int)kind, "id", query_id(db_id(st, 0)));

	for (unsigned i = 0; o && i < directory_nattributes; i++) {
		const struct str v = db_text(st, i + 1);

		if (v.n)
			json_object_set_new(o, directory_attributes[i].name, query_text(v));
	}
	return o;
}

static int read_entries(struct look *l, enum directory_kind kind, struct db_stmt *st, size_t most)
{
	int err;

	while (!(err = db_step(st))) {
		if (l->id && db_id(st, 0) != l->id)
			break;
		if (json_array_append_new(l->items, entry(kind, st))) {
			err = ENOMEM;
			break;
		}
		if (json_array_size(l->items) == most)
			break;
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int look_into(struct look *l, enum directory_kind kind, const json_t *filter)
{
	struct directory_where w = {.first = 4, .kind = kind};
	const size_t most =
		l->id ? 1 : l->limit + 1; /* the one more tells that there is a next page */
	struct buf sql = {0};
	struct db_stmt *st;
	int err = directory_where(&w, filter);

	if (!err) {
		select_of(&sql, kind, &w);
		err = sql.err ? sql.err : db_sql(l->rows->db, sql.p, &st);
	}
	if (!err) {
		db_bind_id(st, 1, l->tenant_id);
		db_bind_id(st, 2, l->id ? l->id - 1 : l->after);
		db_bind_int(st, 3, (int64_t)(most - json_array_size(l->items)));
		for (size_t i = 0; i < w.n; i++)
			db_bind_text(st, (unsigned)(w.first + i), buf_view(&w.values[i]));
		err = read_entries(l, kind, st, most);
	}
	buf_free(&sql);
	directory_where_free(&w);
	return err;
}

static bool is_full(const struct look *l)
{
	return json_array_size(l->items) > l->limit;
}

/* Where the next page begins: "kind.id" of the last entry of this one; the one more is taken off. */
static json_t *next_of(struct look *l)
{
	const json_t *last;

	if (!is_full(l))
		return json_null();
	json_array_remove(l->items, l->limit);
	last = json_array_get(l->items, l->limit - 1);
	return json_sprintf("%d.%s", (int)json_integer_value(json_object_get(last, "kind")),
			    json_string_value(json_object_get(last, "id")));
}

static int read_place(const struct args *a, struct look *l, int *kindp)
{
	struct str after = args_text(a, "after"), kind = str_cut(&after, '.');
	uint32_t n;

	l->after = 0;
	if (!kind.n)
		return 0;
	if (str_u32(kind, &n) || n >= DIRECTORY_NKINDS || str_u64(after, &l->after) ||
	    l->after > INT64_MAX)
		return EINVAL;
	*kindp = (int)n;
	return 0;
}

int query_ldap_search(struct rows *r, uint64_t tenant_id, const struct args *a,
		      struct store_reply *reply, struct field_errors *errs)
{
	struct look l = {.rows = r,
			 .tenant_id = tenant_id,
			 .filter = json_object_get(a->json, "filter"),
			 .id = args_id(a, "id"),
			 .limit = query_page_limit(a),
			 .items = json_array()};
	int kind = (int)args_int(a, "from", DIRECTORY_TENANT);
	const int to = (int)args_int(a, "to", DIRECTORY_CONTACT);
	bool is_there = true;
	int err = l.items ? may_look(r, tenant_id, args_text(a, "proof")) : ENOMEM;

	if (!err)
		err = read_place(a, &l, &kind);
	for (; !err && kind <= to && !is_full(&l); kind++) {
		err = look_into(&l, (enum directory_kind)kind, l.filter);
		l.after = 0;
	}
	if (!err && l.id && !json_array_size(l.items)) {
		err = look_into(&l, (enum directory_kind)to, NULL);
		is_there = json_array_size(l.items) > 0;
		json_array_clear(l.items);
	}
	if (!err) {
		json_t *next = l.id ? json_null() : next_of(&l);

		err = store_reply_json(reply, json_pack("{s:O,s:o,s:b}", "items", l.items, "next",
							next, "is_there", is_there));
	}
	json_decref(l.items);
	return err;
}
