/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sync_books.h"
#include <stdlib.h>
#include "store/sync.h"

/* ---- now ---- */

static struct book *last_of(struct books *b, uint64_t id)
{
	if (b->n && b->v[b->n - 1].id == id)
		return &b->v[b->n - 1];
	if (b->n == b->cap) {
		const size_t cap = b->cap ? 2 * b->cap : 16;
		struct book *v = realloc(b->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		b->v = v;
		b->cap = cap;
	}
	b->v[b->n] = (struct book){.id = id, .groups = json_object()};
	return b->v[b->n].groups ? &b->v[b->n++] : NULL;
}

/* Those that are gone stand in the log alone. */
static int read_books(struct books *b, struct rows *r, uint64_t tenant_id, uint64_t since)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT b.id, COALESCE(g.group_id, 0), 1 FROM phone_books b LEFT JOIN "
			 "phone_book_groups g ON g.tenant_id = b.tenant_id AND g.parent_id = b.id "
			 "WHERE b.tenant_id = $1 UNION ALL SELECT c.id, 0, 0 FROM change c WHERE "
			 "c.tenant_id = $1 AND c.resource = 'phone_book' AND c.after = '' AND "
			 "c.revision > $2 ORDER BY 1, 3, 2",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, since);
	while (!(err = db_step(st))) {
		struct book *book = last_of(b, db_id(st, 0));

		if (!book) {
			err = ENOMEM;
			break;
		}
		book->is_there = db_int(st, 2) != 0;
		if (db_id(st, 1) && (err = sync_add_id(book->groups, db_id(st, 1))) != 0)
			break;
	}
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int read_mine(struct books *b, struct rows *r, uint64_t tenant_id, uint64_t extension_id)
{
	struct db_stmt *st;
	int err = db_sql(r->db,
			 "SELECT group_id FROM extension_member_of WHERE tenant_id = $1 AND "
			 "parent_id = $2",
			 &st);

	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, extension_id);
	while (!(err = db_step(st)))
		if ((err = sync_add_id(b->mine, db_id(st, 0))) != 0)
			break;
	db_done(st);
	return err == ENOENT ? 0 : err;
}

/* ---- who sees it ---- */

static bool sees(const struct books *b, const struct book *book)
{
	const char *id;
	json_t *yes;

	if (!book->is_there || !json_object_size(book->groups))
		return book->is_there;
	json_object_foreach(book->groups, id, yes) if (json_object_get(b->mine, id)) return true;
	return false;
}

static void note(const struct books *b, struct book *book)
{
	const bool yes = sees(b, book);

	book->was_ever |= yes;
	book->was_always &= yes;
}

static void note_all(const struct books *b)
{
	for (size_t i = 0; i < b->n; i++)
		note(b, &b->v[i]);
}

/* ---- before ---- */

static int by_id(const void *a, const void *b)
{
	const uint64_t *id = a;
	const struct book *book = b;

	return *id < book->id ? -1 : *id > book->id;
}

static struct book *find(const struct books *b, uint64_t id)
{
	return b->n ? bsearch(&id, b->v, b->n, sizeof(*b->v), by_id) : NULL;
}

static int undo(struct str resource, uint64_t id, struct str before, void *arg)
{
	struct books *b = arg;
	const bool is_book = str_eq(resource, STR("phone_book"));
	struct book *book = is_book ? find(b, id) : NULL;
	json_t *groups = sync_groups_of(before, is_book ? "groups" : "member_of");

	if (!groups)
		return ENOMEM;
	if (book) {
		json_decref(book->groups);
		book->groups = groups;
		book->is_there = before.n != 0;
		note(b, book);
	} else if (!is_book && !json_equal(groups, b->mine)) {
		json_decref(b->mine);
		b->mine = groups;
		note_all(b);
	} else {
		json_decref(groups);
	}
	return 0;
}

/* ---- outside ---- */

int books_open(struct books *b, struct rows *r, uint64_t tenant_id, uint64_t extension_id,
	       uint64_t since, uint64_t now)
{
	int err;

	*b = (struct books){.mine = json_object()};
	err = b->mine ? read_mine(b, r, tenant_id, extension_id) : ENOMEM;
	if (!err)
		err = read_books(b, r, tenant_id, since);
	for (size_t i = 0; !err && i < b->n; i++)
		b->v[i].is_seen = b->v[i].was_ever = b->v[i].was_always = sees(b, &b->v[i]);
	return err ? err
		   : sync_go_back(r, tenant_id, extension_id, STR("phone_book"), since, now, undo,
				  b);
}

void books_close(struct books *b)
{
	for (size_t i = 0; i < b->n; i++)
		json_decref(b->v[i].groups);
	free(b->v);
	json_decref(b->mine);
	*b = (struct books){.n = 0};
}

const struct book *books_find(const struct books *b, uint64_t id)
{
	return find(b, id);
}

bool books_any_new(const struct books *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].is_seen && !b->v[i].was_always)
			return true;
	return false;
}
