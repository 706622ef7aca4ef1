/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects need no table of their own: each has the revision of its last change, and the log has those that are gone.
 *
 * `since` of a resource is a revision, or within a series of pages "from.revision.id": from which revision it began, and the last row
 * that was told.  What is gone is told with the last page, up to the revision that was read before it: what changes
 * meanwhile is told again rather than not at all.
 */
#include "store/sync.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "store/query.h"

enum { SYNC_PAGE = 500 };

/* ---- call records ---- */

/* The last that a tenant's records have; 0: there is none yet. */
static int last_number(struct rows *r, uint64_t tenant_id, uint64_t *np)
{
	int err;

	*np = 0;
	err = db_number(r->db, "SELECT seq FROM cdr_change WHERE tenant_id = $1 AND id = 0",
			tenant_id, np);
	return err == ENOENT ? 0 : err;
}

enum { BLOCK = 64 }; /* numbers taken at once: the row with id 0 is not written for each record */

static int take_numbers(struct rows *r, uint64_t tenant_id, struct sync_numbers *n)
{
	struct db_stmt *st;
	uint64_t last;
	int err = db_sql(r->db,
			 "INSERT INTO cdr_change (tenant_id, id, seq, gone) VALUES ($1, 0, $2, 0) "
			 "ON CONFLICT (tenant_id, id) DO UPDATE SET seq = cdr_change.seq + $2",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_int(st, 2, BLOCK);
	err = db_run(st);
	if (!err)
		err = last_number(r, tenant_id, &last);
	if (!err)
		*n = (struct sync_numbers){.next = last - BLOCK + 1, .left = BLOCK};
	return err;
}

static int note(struct rows *r, uint64_t tenant_id, uint64_t id, bool is_gone,
		struct sync_numbers *n)
{
	struct db_stmt *st;
	int err = n->left ? 0 : take_numbers(r, tenant_id, n);

	if (!err)
		err = db_sql(r->db,
			     "INSERT INTO cdr_change (tenant_id, id, seq, gone) "
			     "VALUES ($1, $2, $3, $4) ON CONFLICT (tenant_id, id) "
			     "DO UPDATE SET seq = excluded.seq, gone = excluded.gone",
			     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, id);
	db_bind_id(st, 3, n->next++);
	db_bind_int(st, 4, is_gone);
	n->left--;
	return db_run(st);
}

int sync_call_written(struct rows *r, uint64_t tenant_id, uint64_t id, struct sync_numbers *n)
{
	return note(r, tenant_id, id, false, n);
}

int sync_call_gone(struct rows *r, uint64_t tenant_id, uint64_t id, struct sync_numbers *n)
{
	return note(r, tenant_id, id, true, n);
}

static int reply_changes(struct store_reply *reply, json_t *items, json_t *gone, const char *next,
			 bool has_more)
{
	return store_reply_json(reply, json_pack("{s:o,s:o,s:s,s:b}", "items", items, "deleted",
						 gone, "next", next, "has_more", has_more));
}

static int bad_since(struct field_errors *errs)
{
	field_error_add(errs, "since", "bad_cursor", "is not what an earlier answer gave as next");
	return EINVAL;
}

struct changed {
	uint64_t id[SYNC_PAGE];
	bool is_gone[SYNC_PAGE];
	size_t n;
	uint64_t last; /* number of the last */
	bool has_more;
};

static int changed_calls(struct rows *r, uint64_t tenant_id, uint64_t since, struct changed *c)
{
	struct db_stmt *st;
	int err;

	err = db_sql(r->db,
		     "SELECT id, seq, gone FROM cdr_change WHERE tenant_id = $1 AND seq > $2 "
		     "AND id <> 0 ORDER BY seq LIMIT $3",
		     &st);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, since);
	db_bind_int(st, 3, SYNC_PAGE + 1);
	while (!(err = db_step(st))) {
		c->has_more = c->n == SYNC_PAGE;
		if (c->has_more)
			break;
		c->id[c->n] = db_id(st, 0);
		c->last = db_id(st, 1);
		c->is_gone[c->n++] = db_int(st, 2);
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int add_call(struct rows *r, uint64_t tenant_id, uint64_t id, json_t *items)
{
	json_t *call = NULL;
	int err = query_one_call(r, tenant_id, id, &call);

	if (!err && json_array_append_new(items, call))
		err = ENOMEM;
	return err == ENOENT ? 0 : err; /* gone meanwhile: told the next time */
}

int query_cdr_changes(struct rows *r, uint64_t tenant_id, const struct args *a,
		      struct store_reply *reply, struct field_errors *errs)
{
	struct changed c = {.n = 0};
	struct str since = args_text(a, "since");
	json_t *items = json_array(), *gone = json_array();
	char next[24];
	int err = 0;

	if (!since.n)
		err = last_number(r, tenant_id, &c.last);
	else if (str_u64(since, &c.last) || c.last > INT64_MAX)
		err = bad_since(errs);
	else
		err = changed_calls(r, tenant_id, c.last, &c);
	for (size_t i = 0; !err && i < c.n; i++) {
		if (c.is_gone[i])
			json_array_append_new(gone, json_sprintf("%" PRIu64, c.id[i]));
		else
			err = add_call(r, tenant_id, c.id[i], items);
	}
	if (err) {
		json_decref(items);
		json_decref(gone);
		return err;
	}
	(void)snprintf(next, sizeof(next), "%" PRIu64, c.last);
	return reply_changes(reply, items, gone, next, c.has_more);
}

/* ---- objects ---- */

struct token {
	uint64_t from, revision, id;
	bool is_series;
};

static int read_token(struct str s, struct token *t, struct field_errors *errs)
{
	struct str from = str_cut(&s, '.'), revision = str_cut(&s, '.');

	*t = (struct token){.from = 0};
	if (!from.n)
		return 0;
	t->is_series = revision.p != NULL;
	if (str_u64(from, &t->from) || t->from > INT64_MAX)
		return bad_since(errs);
	if (t->is_series && (str_u64(revision, &t->revision) || t->revision > INT64_MAX ||
			     str_u64(s, &t->id) || t->id > INT64_MAX))
		return bad_since(errs);
	if (!t->is_series) {
		t->revision = t->from;
		t->id = INT64_MAX;
	}
	return 0;
}

static bool was_of(struct str before, const char *owner, uint64_t own)
{
	json_t *o = json_loadb(before.p ? before.p : "", before.n, 0, NULL);
	const char *text = json_string_value(json_object_get(o, owner));
	uint64_t id = 0;
	bool yes = text && !str_u64(str_of(text), &id) && id == own;

	json_decref(o);
	return yes;
}

/* own: only what was that extension's, and is no longer; 0: all. */
static int gone_since(struct rows *r, const struct sql_table *t, uint64_t tenant_id, uint64_t own,
		      const struct token *token, uint64_t now, json_t *gone)
{
	const char *owner = own ? resource_owner(t->res)->name : NULL;
	uint64_t last = 0;
	struct buf sql = {0};
	struct db_stmt *st;
	int err;

	buf_printf(&sql,
		   "SELECT c.id, c.before FROM change c WHERE c.tenant_id = $1 AND c.revision > $2 "
		   "AND c.revision <= $3 AND c.resource = $4 AND c.%s '' AND NOT EXISTS "
		   "(SELECT 1 FROM %s o WHERE o.tenant_id = $1 AND o.id = c.id",
		   own ? "before <>" : "after =", t->name);
	if (own)
		buf_printf(&sql, " AND o.%s = $5", owner);
	buf_cstr(&sql, ") ORDER BY c.id");
	err = sql.err ? sql.err : db_sql(r->db, sql.p, &st);
	buf_free(&sql);
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, token->from);
	db_bind_id(st, 3, now);
	db_bind_text(st, 4, str_of(t->res->name));
	if (own)
		db_bind_id(st, 5, own);
	while (!(err = db_step(st))) {
		if (db_id(st, 0) == last || (own && !was_of(db_text(st, 1), owner, own)))
			continue;
		last = db_id(st, 0);
		json_array_append_new(gone, json_sprintf("%" PRIu64, last));
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int changed_objects(struct rows *r, const struct sql_table *t, uint64_t tenant_id,
			   uint64_t own, const struct token *token, json_t **page,
			   struct field_errors *errs)
{
	struct store_reply reply = {.err = 0};
	struct buf cursor = {0};
	struct sql_list l = {.tenant_id = tenant_id,
			     .sort = STR("revision"),
			     .extension_id = own,
			     .limit = SYNC_PAGE};
	int err;

	if (token->revision) {
		buf_printf(&cursor, "revision.%" PRIu64 ".%" PRIu64, token->id, token->revision);
		l.cursor = buf_view(&cursor);
	}
	err = cursor.err ? cursor.err : query_list(r, t, &l, &reply, errs);
	buf_free(&cursor);
	if (!err)
		*page = json_loadb(reply.json, reply.njson, 0, NULL);
	free(reply.json);
	return err ? err : *page ? 0 : ENOMEM;
}

int query_changes(struct rows *r, uint64_t tenant_id, const struct args *a,
		  struct store_reply *reply, struct field_errors *errs)
{
	const struct resource *res = resource_by_plural(args_text(a, "resource"));
	const struct sql_table *t = res ? sql_table(r->schema, res) : NULL;
	const uint64_t own = args_id(a, "own_extension");
	json_t *page = NULL, *gone = json_array(), *items;
	struct token token;
	uint64_t now = 0;
	char next[80];
	int err = t ? read_token(args_text(a, "since"), &token, errs) : EINVAL;

	if (!err)
		err = db_revision(r->db, tenant_id, &now);
	if (!err)
		err = changed_objects(r, t, tenant_id, own, &token, &page, errs);
	items = json_object_get(page, "items");
	if (!err && json_is_string(json_object_get(page, "next"))) {
		const json_t *last = json_array_get(items, json_array_size(items) - 1);

		(void)snprintf(next, sizeof(next), "%" PRIu64 ".%" PRIi64 ".%s", token.from,
			       (int64_t)json_integer_value(json_object_get(last, "revision")),
			       json_string_value(json_object_get(last, "id")));
		err = reply_changes(reply, json_incref(items), json_incref(gone), next, true);
	} else if (!err) {
		if (token.from)
			err = gone_since(r, t, tenant_id, own, &token, now, gone);
		(void)snprintf(next, sizeof(next), "%" PRIu64, now);
		if (!err)
			err = reply_changes(reply, json_incref(items), json_incref(gone), next,
					    false);
	}
	json_decref(page);
	json_decref(gone);
	return err;
}
