/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who asks, for whom, and who changed what. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/clock.h"
#include "store/query.h"

static json_t *id_text(uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, id);
	return json_string(text);
}

static json_t *time_text(int64_t us)
{
	char text[32];

	if (!us)
		return json_null();
	clock_rfc3339(text, sizeof(text), us);
	return json_string(text);
}

static json_t *text_json(struct str s)
{
	return json_stringn(s.p, s.n);
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

static int session_json(struct rows *r, struct str token_hash, json_t **out)
{
	struct db_stmt *st;
	int err;

	*out = NULL;
	if (!token_hash.n)
		return 0;
	err = db_sql(r->db,
		     "SELECT s.tenant_id, s.user_id, u.username, s.expires_at FROM session s "
		     "JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id "
		     "WHERE s.token_hash = $1 AND s.expires_at > $2 AND u.enabled = 1 "
		     "AND (s.tenant_id = 0 OR EXISTS (SELECT 1 FROM tenants t "
		     "WHERE t.tenant_id = 0 AND t.id = s.tenant_id AND t.enabled = 1))",
		     &st);
	if (err)
		return err;
	db_bind_text(st, 1, token_hash);
	db_bind_int(st, 2, clock_wall_us(clock_real()));
	err = db_step(st);
	if (err)
		return err == ENOENT ? 0 : err;
	*out = json_pack("{s:o,s:o,s:o,s:o}", "tenant_id", id_text(db_id(st, 0)), "user_id",
			 id_text(db_id(st, 1)), "username", text_json(db_text(st, 2)), "expires_at",
			 time_text(db_int(st, 3)));
	db_done(st);
	return *out ? 0 : ENOMEM;
}

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
		     "SELECT t.id, t.domain, t.enabled FROM directory d "
		     "JOIN tenants t ON t.tenant_id = 0 AND t.id = d.id "
		     "WHERE d.kind = 'tenant.domain' AND d.name = $1",
		     &st);
	if (err)
		return err;
	db_bind_text(st, 1, str_of(lower));
	err = db_step(st);
	if (err)
		return err == ENOENT ? 0 : err;
	*out = json_pack("{s:o,s:o,s:b}", "id", id_text(db_id(st, 0)), "domain",
			 text_json(db_text(st, 1)), "enabled", (int)db_int(st, 2));
	db_done(st);
	return *out ? 0 : ENOMEM;
}

int query_identity(struct rows *r, uint64_t tenant_id, const struct args *a,
		   struct store_reply *reply, struct field_errors *errs)
{
	json_t *session = NULL, *tenant = NULL;
	int err;

	err = session_json(r, args_text(a, "token_hash"), &session);
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

/* ---- audit ---- */

static const char *action_of(struct str before, struct str after)
{
	return !before.n ? "create" : !after.n ? "delete" : "update";
}

static json_t *audit_json(const struct db_stmt *st)
{
	struct str changes = db_text(st, 5);
	json_t *diff = json_loadb(changes.p, changes.n, 0, NULL);

	return json_pack(
		"{s:o,s:o,s:o,s:o,s:s,s:I,s:o,s:o,s:o}", "id", id_text(db_id(st, 0)), "at",
		time_text(db_int(st, 8)), "resource", text_json(db_text(st, 1)), "resource_id",
		id_text(db_id(st, 2)), "action", action_of(db_text(st, 3), db_text(st, 4)),
		"revision", (json_int_t)db_int(st, 0), "actor", text_json(db_text(st, 6)),
		"actor_from", text_json(db_text(st, 7)), "changes", diff ? diff : json_object());
}

static int audit_rows(struct db_stmt *st, size_t limit, struct store_reply *reply)
{
	json_t *items = json_array();
	uint64_t last = 0;
	char next[24] = "";
	int err;

	while (!(err = db_step(st))) {
		if (json_array_size(items) == limit) {
			snprintf(next, sizeof(next), "%" PRIu64, last);
			db_done(st);
			break;
		}
		last = db_id(st, 0);
		if (json_array_append_new(items, audit_json(st))) {
			db_done(st);
			json_decref(items);
			return ENOMEM;
		}
	}
	if (err && err != ENOENT) {
		json_decref(items);
		return err;
	}
	return query_page(reply, items, str_of(next));
}

int query_audit_logs(struct rows *r, uint64_t tenant_id, const struct args *a,
		     struct store_reply *reply, struct field_errors *errs)
{
	struct str resource = args_text(a, "resource");
	size_t limit = query_page_limit(a);
	struct db_stmt *st;
	int err;

	/* Revisions count up, so they are the order and the cursor. */
	err = db_sql(r->db,
		     "SELECT revision, resource, id, before, after, changes, actor, source, at "
		     "FROM change WHERE tenant_id = $1 AND revision < $2 AND at >= $3 AND at < $4 "
		     "AND ($5 = '' OR resource = $5) AND (CAST($6 AS BIGINT) = 0 OR id = $6) "
		     "ORDER BY revision DESC LIMIT $7",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, args_int(a, "cursor", INT64_MAX));
	db_bind_int(st, 3, args_int(a, "from", 0));
	db_bind_int(st, 4, args_int(a, "to", INT64_MAX));
	db_bind_text(st, 5, resource);
	db_bind_id(st, 6, args_id(a, "id"));
	db_bind_int(st, 7, (int64_t)limit + 1);
	return audit_rows(st, limit, reply);
}
