/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Objects need no table of their own: each has the revision of its last change, and the log has those that are gone.
 *
 * `since` of a resource is a revision, or within a series of pages "from.revision.id.begun": the revision from which on, the last
 * row that was told, and the revision that there was when the series began.  What is gone is told with the last page, and
 * the next series goes on from where this one began: what changes meanwhile is told again rather than not at all.
 *
 * An extension sees the contacts of some phone books, and which these are changes too: those of a book that it sees anew are told
 * whenever they were written, those of one that it sees no longer are gone.
 */
#include "store/sync.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "store/query.h"
#include "store/sync_books.h"

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

static bool is_place(struct str s, uint64_t *np)
{
	return !str_u64(s, np) && *np <= INT64_MAX;
}

int sync_read_token(struct str s, struct sync_token *t, struct field_errors *errs)
{
	struct str from = str_cut(&s, '.'), revision = str_cut(&s, '.'), id = str_cut(&s, '.');

	*t = (struct sync_token){.from = 0};
	if (!from.n)
		return 0;
	if (!is_place(from, &t->from))
		return bad_since(errs);
	if (revision.p)
		return is_place(revision, &t->revision) && is_place(id, &t->id) &&
				       is_place(s, &t->begun)
			       ? 0
			       : bad_since(errs);
	t->revision = t->from;
	t->id = INT64_MAX;
	return 0;
}

/* What an object referred to, as the log has it; 0: to nothing. */
static uint64_t reference_of(struct str before, const char *field)
{
	json_t *o = json_loadb(before.p ? before.p : "", before.n, 0, NULL);
	const char *text = json_string_value(json_object_get(o, field));
	uint64_t id = 0;

	if (text && str_u64(str_of(text), &id))
		id = 0;
	json_decref(o);
	return id;
}

/* own: only what was that extension's, and is no longer; 0: all. */
static int gone_since(struct rows *r, const struct sql_table *t, uint64_t tenant_id, uint64_t own,
		      const struct sync_token *token, uint64_t now, json_t *gone)
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
		if (db_id(st, 0) == last || (own && reference_of(db_text(st, 1), owner) != own))
			continue;
		last = db_id(st, 0);
		json_array_append_new(gone, json_sprintf("%" PRIu64, last));
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* Out of a book that was seen: deleted, or put into one that is not. */
static int gone_from_books(struct rows *r, uint64_t tenant_id, const struct books *books,
			   const struct sync_token *token, uint64_t now, json_t *gone)
{
	uint64_t last = 0;
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT c.id, c.before, COALESCE(o.phone_book_id, 0) FROM change c LEFT "
			 "JOIN contacts o ON o.tenant_id = c.tenant_id AND o.id = c.id WHERE "
			 "c.tenant_id = $1 AND c.revision > $2 AND c.revision <= $3 AND "
			 "c.resource = $4 AND c.before <> '' ORDER BY c.id",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, token->from);
	db_bind_id(st, 3, now);
	db_bind_text(st, 4, str_of(resource_phone_book_entry.name));
	while (!(err = db_step(st))) {
		const struct book *is = books_find(books, db_id(st, 2));
		const struct book *was =
			books_find(books, reference_of(db_text(st, 1), "phone_book_id"));

		/* What is in a book that was seen is told with that. */
		if (db_id(st, 0) == last || (is && (is->is_seen || is->was_ever)) || !was ||
		    !was->was_ever)
			continue;
		last = db_id(st, 0);
		json_array_append_new(gone, json_sprintf("%" PRIu64, last));
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int gone_with_book(struct rows *r, uint64_t tenant_id, uint64_t book_id, json_t *gone)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT id FROM contacts WHERE tenant_id = $1 AND phone_book_id = $2 "
			 "ORDER BY id",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, book_id);
	while (!(err = db_step(st)))
		json_array_append_new(gone, json_sprintf("%" PRIu64, db_id(st, 0)));
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int gone_contacts(struct rows *r, uint64_t tenant_id, const struct books *books,
			 const struct sync_token *token, uint64_t now, json_t *gone)
{
	int err = gone_from_books(r, tenant_id, books, token, now, gone);

	for (size_t i = 0; !err && i < books->n; i++)
		if (books->v[i].was_ever && !books->v[i].is_seen)
			err = gone_with_book(r, tenant_id, books->v[i].id, gone);
	return err;
}

/* Without those that the extension has already, when the series goes through all of them. */
static void drop_known(json_t *items, const struct books *books, uint64_t from)
{
	for (size_t i = json_array_size(items); i-- > 0;) {
		const json_t *o = json_array_get(items, i);
		const char *text = json_string_value(json_object_get(o, "phone_book_id"));
		const struct book *book;
		uint64_t id;

		if ((uint64_t)json_integer_value(json_object_get(o, "revision")) > from || !text ||
		    str_u64(str_of(text), &id))
			continue;
		book = books_find(books, id);
		if (book && book->was_always)
			json_array_remove(items, i);
	}
}

static int changed_objects(struct rows *r, const struct sql_table *t, uint64_t tenant_id,
			   uint64_t own, const struct sync_token *token, json_t **page,
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

int sync_go_back(struct rows *r, uint64_t tenant_id, uint64_t extension_id, struct str resource,
		 uint64_t since, uint64_t now, sync_undo_h *fn, void *arg)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT c.resource, c.id, c.before FROM change c WHERE c.tenant_id = $1 "
			 "AND c.revision > $2 AND c.revision <= $3 AND (c.resource = $5 OR "
			 "(c.resource = 'extension' AND c.id = $4)) ORDER BY c.revision DESC",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, since);
	db_bind_id(st, 3, now);
	db_bind_id(st, 4, extension_id);
	db_bind_text(st, 5, resource);
	while (!(err = db_step(st)))
		if ((err = fn(db_text(st, 0), db_id(st, 1), db_text(st, 2), arg)) != 0)
			break;
	db_done(st);
	return err == ENOENT ? 0 : err;
}

int sync_add_id(json_t *set, uint64_t id)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, id);
	return json_object_set_new(set, text, json_true()) ? ENOMEM : 0;
}

json_t *sync_groups_of(struct str before, const char *list)
{
	json_t *o = json_loadb(before.p ? before.p : "", before.n, 0, NULL), *set = json_object();
	const json_t *line;
	bool is_whole = set;
	size_t i;

	json_array_foreach(json_object_get(o, list), i, line)
	{
		const char *id = json_string_value(json_object_get(line, "group_id"));

		if (id && is_whole)
			is_whole = !json_object_set_new(set, id, json_true());
	}
	json_decref(o);
	if (is_whole)
		return set;
	json_decref(set);
	return NULL;
}

int sync_reply(struct store_reply *reply, json_t *items, json_t *gone,
	       const struct sync_token *token, const struct sync_page *p)
{
	char next[96];

	if (p->has_more)
		(void)snprintf(next, sizeof(next), "%" PRIu64 ".%" PRIu64 ".%" PRIu64 ".%" PRIu64,
			       token->from, p->revision, p->id, token->begun);
	else
		(void)snprintf(next, sizeof(next), "%" PRIu64, token->begun);
	return reply_changes(reply, json_incref(items), json_incref(gone), next, p->has_more);
}

static void note_last(struct sync_page *p, const json_t *page)
{
	const json_t *items = json_object_get(page, "items");
	const json_t *last = json_array_get(items, json_array_size(items) - 1);

	p->has_more = json_is_string(json_object_get(page, "next"));
	if (!p->has_more || str_u64(str_of(json_string_value(json_object_get(last, "id"))), &p->id))
		return;
	p->revision = (uint64_t)json_integer_value(json_object_get(last, "revision"));
}

int query_changes(struct rows *r, uint64_t tenant_id, const struct args *a,
		  struct store_reply *reply, struct field_errors *errs)
{
	const struct resource *res = resource_by_plural(args_text(a, "resource"));
	const struct sql_table *t = res ? sql_table(r->schema, res) : NULL;
	const uint64_t own = args_id(a, "own_extension");
	const bool by_book = own && res == &resource_phone_book_entry;
	json_t *page = NULL, *gone = json_array();
	struct sync_page p = {.has_more = false};
	struct books books = {.n = 0};
	struct sync_token token;
	uint64_t now = 0;
	int err = t ? sync_read_token(args_text(a, "since"), &token, errs) : EINVAL;

	if (!err)
		err = db_revision(r->db, tenant_id, &now);
	if (!err && by_book && token.from)
		err = books_open(&books, r, tenant_id, own, token.from, now);
	if (!err && !token.begun && books_any_new(&books))
		token.revision = 0; /* of those, all */
	if (!err && !token.begun)
		token.begun = now;
	if (!err)
		err = changed_objects(r, t, tenant_id, own, &token, &page, errs);
	if (!err)
		note_last(&p, page);
	if (!err && by_book && token.from)
		drop_known(json_object_get(page, "items"), &books, token.from);
	if (!err && token.from && !p.has_more)
		err = by_book ? gone_contacts(r, tenant_id, &books, &token, now, gone)
			      : gone_since(r, t, tenant_id, own, &token, now, gone);
	if (!err)
		err = sync_reply(reply, json_object_get(page, "items"), gone, &token, &p);
	books_close(&books);
	json_decref(page);
	json_decref(gone);
	return err;
}
