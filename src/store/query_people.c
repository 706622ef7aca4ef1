/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks, for whom, and who changed what. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "store/query.h"

/* SYS-3: of all tenants, and of every node that uses the database. */
int query_online(struct rows *r, uint64_t tenant_id, const struct args *a,
		 struct store_reply *reply, struct field_errors *errs)
{
	struct db_stmt *st;
	int64_t n = 0;
	int err = db_sql(r->db,
			 "SELECT COUNT(*) FROM (SELECT DISTINCT a.tenant_id, a.extension_id "
			 "FROM registrations r JOIN accounts a ON a.tenant_id = r.tenant_id AND "
			 "a.id = r.account_id WHERE r.expires_at > $1 AND a.extension_id > 0) o",
			 &st);

	if (err)
		return err;
	db_bind_int(st, 1, clock_wall_us(clock_real()));
	err = db_step(st);
	if (!err)
		n = db_int(st, 0);
	db_done(st);
	return err ? err
		   : store_reply_json(reply,
				      json_pack("{s:I}", "extensions_online", (json_int_t)n));
}

int query_ready(struct rows *r, uint64_t tenant_id, const struct args *a, struct store_reply *reply,
		struct field_errors *errs)
{
	struct db_stmt *st;
	int err = db_sql(r->db, "SELECT version FROM schema_version", &st);

	if (!err)
		err = db_step(st);
	if (!err)
		db_done(st);
	return err ? EAGAIN : store_reply_json(reply, json_object());
}

/* ---- identity ---- */

/* GRP-2: the owner of an extension comes in when it is enabled and one of its groups lets it. */
int query_may_sign_in(struct db *db, uint64_t tenant_id, uint64_t extension_id, bool *yes)
{
	struct db_stmt *st;
	int err;

	err = db_sql(
		db,
		"SELECT 1 FROM extensions e WHERE e.tenant_id = $1 AND e.id = $2 AND e.enabled = 1 "
		"AND (NOT EXISTS (SELECT 1 FROM extension_member_of m WHERE m.tenant_id = $1 AND "
		"m.parent_id = $2) OR EXISTS (SELECT 1 FROM extension_member_of m "
		"JOIN extension_groups g ON g.tenant_id = m.tenant_id AND g.id = m.group_id "
		"WHERE m.tenant_id = $1 AND m.parent_id = $2 AND g.may_use_console = 1))",
		&st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, extension_id);
	err = db_step(st);
	db_done(st);
	if (err == ENOENT) {
		*yes = false;
		err = 0;
	}
	return err;
}

struct identity {
	uint64_t tenant_id, user_id, extension_id, role_id, dealer_id;
	int64_t expires_us, rate;
	char name[256];
};

static int permissions_json(struct rows *r, const struct identity *who, json_t **out)
{
	struct object *o = NULL;
	json_t *role;
	int err;

	*out = NULL;
	if (!who->role_id)
		return 0;
	err = rows_load(r, &resource_user_role, who->tenant_id, who->role_id, false, &o);
	if (err)
		return err;
	role = object_to_json(o);
	object_free(o);
	*out = json_incref(json_object_get(role, "permissions"));
	json_decref(role);
	return *out ? 0 : ENOMEM;
}

static int identity_json(struct rows *r, const struct identity *who, json_t **out)
{
	json_t *permissions = NULL;
	bool yes = true;
	int err = 0;

	*out = NULL;
	if (who->extension_id)
		err = query_may_sign_in(r->db, who->tenant_id, who->extension_id, &yes);
	if (!err && yes)
		err = permissions_json(r, who, &permissions);
	if (err || !yes)
		return err;
	*out = json_pack("{s:o,s:o,s:s,s:o,s:o,s:o,s:o,s:I,s:o?}", "tenant_id",
			 query_id(who->tenant_id), "user_id", query_id(who->user_id), "username",
			 who->name, "expires_at", query_time(who->expires_us), "extension_id",
			 query_id(who->extension_id), "role_id", query_id(who->role_id),
			 "dealer_id", query_id(who->dealer_id), "rate", (json_int_t)who->rate,
			 "permissions", permissions);
	return *out ? 0 : ENOMEM;
}

static int read_identity(struct db_stmt *st, struct identity *who)
{
	int err = db_step(st);

	if (!err) {
		who->tenant_id = db_id(st, 0);
		who->user_id = db_id(st, 1);
		who->expires_us = db_int(st, 3);
		who->extension_id = db_id(st, 4);
		who->role_id = db_id(st, 5);
		who->rate = db_int(st, 6);
		who->dealer_id = db_id(st, 7);
		err = str_copy(who->name, sizeof(who->name), db_text(st, 2));
	}
	db_done(st);
	return err;
}

/* sql: tenant, user, name, expiry, extension, role, requests in a minute, dealer of whom $1 names at the time $2. */
static int who_is(struct rows *r, const char *sql, struct str hash, json_t **out)
{
	struct identity who = {0};
	struct db_stmt *st;
	int err;

	*out = NULL;
	if (!hash.n)
		return 0;
	err = db_sql(r->db, sql, &st);
	if (err)
		return err;
	db_bind_text(st, 1, hash);
	db_bind_int(st, 2, clock_wall_us(clock_real()));
	err = read_identity(st, &who);
	if (err)
		return err == ENOENT ? 0 : err;
	return identity_json(r, &who, out);
}

static const char by_session[] =
	"SELECT s.tenant_id, s.user_id, u.username, s.expires_at, u.extension_id, u.role_id, "
	"COALESCE((SELECT t.max_requests_per_minute FROM tenants t WHERE t.tenant_id = 0 AND t.id "
	"= "
	"s.tenant_id), 0), u.dealer_id "
	"FROM session s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id "
	"WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.enabled = 1 "
	"AND (COALESCE(u.dealer_id, 0) = 0 OR EXISTS (SELECT 1 FROM dealers d "
	"WHERE d.tenant_id = 0 AND d.id = u.dealer_id AND d.enabled = 1)) "
	"AND (s.tenant_id = 0 OR EXISTS (SELECT 1 FROM tenants t "
	"WHERE t.tenant_id = 0 AND t.id = s.tenant_id AND t.enabled = 1))";

static const char by_key[] =
	"SELECT k.tenant_id, 0, k.name, COALESCE(k.expires_at, 0), 0, k.role_id, "
	"CASE WHEN k.max_requests_per_minute > 0 THEN k.max_requests_per_minute ELSE "
	"COALESCE((SELECT t.max_requests_per_minute FROM tenants t WHERE t.tenant_id = 0 AND t.id "
	"= "
	"k.tenant_id), 0) END, 0 "
	"FROM directory d JOIN api_keys k ON k.tenant_id = d.tenant_id AND k.id = d.id "
	"WHERE d.kind = 'api_key.fingerprint' AND d.name = $1 "
	"AND (COALESCE(k.expires_at, 0) = 0 OR k.expires_at > $2) AND k.enabled = 1 "
	"AND (k.tenant_id = 0 OR EXISTS (SELECT 1 FROM tenants t "
	"WHERE t.tenant_id = 0 AND t.id = k.tenant_id AND t.enabled = 1))";

static int tenant_json(struct rows *r, struct str domain, json_t **out)
{
	char lower[256];
	struct db_stmt *st;
	int err;

	*out = NULL;
	if (!domain.n || str_copy(lower, sizeof(lower), domain))
		return 0;
	for (char *p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + 'a' - 'A');
	err = db_sql(r->db,
		     "SELECT t.id, t.domain, t.enabled, t.dealer_id FROM directory d "
		     "JOIN tenants t ON t.tenant_id = 0 AND t.id = d.id "
		     "WHERE d.kind = 'tenant.domain' AND d.name = $1",
		     &st);
	if (err)
		return err;
	db_bind_text(st, 1, str_of(lower));
	err = db_step(st);
	if (err)
		return err == ENOENT ? 0 : err;
	*out = json_pack("{s:o,s:o,s:b,s:o}", "id", query_id(db_id(st, 0)), "domain",
			 query_text(db_text(st, 1)), "enabled", (int)db_int(st, 2), "dealer_id",
			 query_id(db_id(st, 3)));
	db_done(st);
	return *out ? 0 : ENOMEM;
}

int query_identity(struct rows *r, uint64_t tenant_id, const struct args *a,
		   struct store_reply *reply, struct field_errors *errs)
{
	json_t *session = NULL, *tenant = NULL;
	int err;

	err = who_is(r, by_session, args_text(a, "token_hash"), &session);
	if (!err && !session)
		err = who_is(r, by_key, args_text(a, "key_hash"), &session);
	if (!err)
		err = tenant_json(r, args_text(a, "domain"), &tenant);
	if (err) {
		json_decref(session);
		json_decref(tenant);
		return err;
	}
	return store_reply_json(reply,
				json_pack("{s:o?,s:o?}", "session", session, "tenant", tenant));
}

int query_profile(struct rows *r, uint64_t tenant_id, const struct args *a,
		  struct store_reply *reply, struct field_errors *errs)
{
	struct object *o = NULL;
	const struct tenant *t;
	int err = rows_load(r, &resource_tenant, 0, tenant_id, false, &o);

	if (err)
		return err;
	t = (const struct tenant *)o;
	err = store_reply_json(
		reply, json_pack("{s:s,s:s}", "company", t->company, "website", t->website));
	object_free(o);
	return err;
}

/* ---- members of the groups of an extension ---- */

json_t *query_member(const struct db_stmt *st)
{
	static const char *const names[] = {"number", "first_name",   "last_name",  "email",
					    "mobile", "organization", "department", "status"};
	json_t *j = json_pack("{s:o}", "id", query_id(db_id(st, 0)));

	for (unsigned i = 0; j && i < ARRAY_LEN(names); i++)
		json_object_set_new(j, names[i], query_text(db_text(st, i + 1)));
	return j;
}

int query_members(struct rows *r, uint64_t tenant_id, const struct args *a,
		  struct store_reply *reply, struct field_errors *errs)
{
	const size_t limit = query_page_limit(a);
	struct db_stmt *st;
	int err;

	err = db_sql(r->db,
		     "SELECT x.id, x.number, x.first_name, x.last_name, x.email, x.mobile, "
		     "x.organization, x.department, x.status FROM extensions x "
		     "WHERE x.tenant_id = $1 AND x.id > $3 AND (CAST($2 AS BIGINT) = 0 OR "
		     "((x.in_phone_book = 1 OR x.id = $2) AND EXISTS (SELECT 1 "
		     "FROM extension_member_of mine JOIN extension_groups g "
		     "ON g.tenant_id = mine.tenant_id AND g.id = mine.group_id "
		     "AND g.may_see_members = 1 JOIN extension_member_of theirs "
		     "ON theirs.tenant_id = mine.tenant_id AND theirs.group_id = mine.group_id "
		     "WHERE mine.tenant_id = $1 AND mine.parent_id = $2 AND theirs.parent_id = "
		     "x.id))) ORDER BY x.id LIMIT $4",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, args_id(a, "extension_id"));
	db_bind_int(st, 3, args_int(a, "cursor", 0));
	db_bind_int(st, 4, (int64_t)limit + 1);
	return query_rows(st, limit, query_member, 0, reply);
}
