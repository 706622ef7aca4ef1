/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an extension's user keeps: an address book, favourites (WEB-3) and holidays (EXT-25).  Who may write them may not fill the
 * database, and names nobody whom it does not see.
 */
#include <inttypes.h>
#include "store/edit.h"

enum { MOST_CONTACTS = 2000, MOST_FAVOURITES = 500, MOST_HOLIDAYS = 200 };

/* A number; 0 when the statement has no row.  b is bound when the statement has a third parameter. */
static int number_of(struct edit *e, const char *sql, uint64_t tenant_id, uint64_t a,
		     const uint64_t *b, uint64_t *np)
{
	struct db_stmt *st;
	int err = db_sql(e->rows->db, sql, &st);

	*np = 0;
	if (err)
		return err;
	db_bind_id(st, 1, tenant_id);
	db_bind_id(st, 2, a);
	if (b)
		db_bind_id(st, 3, *b);
	err = db_step(st);
	if (!err)
		*np = db_id(st, 0);
	db_done(st);
	return err == ENOENT ? 0 : err;
}

static int is_room(struct edit *e, const char *sql, const struct object *o, uint64_t extension_id,
		   uint64_t most)
{
	uint64_t n;
	int err = number_of(e, sql, o->tenant_id, extension_id, NULL, &n);

	if (!err && n >= most)
		field_error_add(&e->errs, "extension_id", "limit",
				"an extension may have %" PRIu64 " of them and has them", most);
	return err;
}

static void stays_whose_it_is(struct edit *e, uint64_t is, uint64_t was)
{
	if (is != was)
		field_error_add(&e->errs, "extension_id", "read_only",
				"it stays whose it is: make another one");
}

int edit_check_personal_contact(struct edit *e, struct object *o, const struct object *before)
{
	const struct personal_contact *c = (const struct personal_contact *)o;

	if (before) {
		stays_whose_it_is(e, c->extension_id,
				  ((const struct personal_contact *)before)->extension_id);
		return 0;
	}
	return is_room(e,
		       "SELECT COUNT(*) FROM personal_contacts WHERE tenant_id = $1 AND "
		       "extension_id = $2",
		       o, c->extension_id, MOST_CONTACTS);
}

int edit_check_holiday(struct edit *e, struct object *o, const struct object *before)
{
	const struct holiday *h = (const struct holiday *)o;

	if (before)
		stays_whose_it_is(e, h->extension_id,
				  ((const struct holiday *)before)->extension_id);
	if (before || !h->extension_id)
		return 0;
	return is_room(e,
		       "SELECT COUNT(*) FROM holidays WHERE tenant_id = $1 AND extension_id = $2",
		       o, h->extension_id, MOST_HOLIDAYS);
}

/* ---- favourites ---- */

/* Which of the three it is of; NULL: none, or more than one, which is told. */
static const struct field *of_which(struct edit *e, const struct object *o, uint64_t *idp)
{
	static const char *const names[] = {"contact_id", "personal_contact_id",
					    "favourite_extension_id"};
	const struct field *which = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct field *f = resource_field(o->res, str_of(names[i]));

		if (!field_id(o, f))
			continue;
		*idp = field_id(o, f);
		which = f;
		n++;
	}
	if (n == 1)
		return which;
	field_error_add(&e->errs, n ? which->name : names[0], n ? "one_of" : "required",
			"exactly one of contact_id, personal_contact_id and "
			"favourite_extension_id is given");
	return NULL;
}

/* What the extension does not see is told like what is not there. */
static int is_seen(struct edit *e, const struct favourite *o, bool *yes)
{
	static const char contact[] =
		"SELECT c.id FROM contacts c WHERE c.tenant_id = $1 AND c.id = $2 AND (NOT EXISTS "
		"(SELECT 1 FROM phone_book_groups g WHERE g.tenant_id = $1 AND g.parent_id = "
		"c.phone_book_id) OR EXISTS (SELECT 1 FROM phone_book_groups g JOIN "
		"extension_member_of mine ON mine.tenant_id = g.tenant_id AND mine.group_id = "
		"g.group_id WHERE g.tenant_id = $1 AND g.parent_id = c.phone_book_id AND "
		"mine.parent_id = $3))";
	static const char personal[] =
		"SELECT id FROM personal_contacts WHERE tenant_id = $1 AND id = $2 AND "
		"extension_id = $3";
	uint64_t id = 1;
	int err = 0;

	if (o->contact_id)
		err = number_of(e, contact, o->o.tenant_id, o->contact_id, &o->extension_id, &id);
	else if (o->personal_contact_id)
		err = number_of(e, personal, o->o.tenant_id, o->personal_contact_id,
				&o->extension_id, &id);
	*yes = id != 0;
	return err;
}

static int is_there_twice(struct edit *e, const struct favourite *o, const struct field *f,
			  uint64_t id)
{
	struct buf sql = {0};
	uint64_t other = 0;
	int err;

	buf_printf(&sql,
		   "SELECT id FROM favourites WHERE tenant_id = $1 AND extension_id = $2 AND "
		   "\"%s\" = $3 ORDER BY id LIMIT 1",
		   f->name);
	err = sql.err ? sql.err : number_of(e, sql.p, o->o.tenant_id, o->extension_id, &id, &other);
	buf_free(&sql);
	if (!err && other && other != o->o.id)
		field_error_add(&e->errs, f->name, "taken", "is favourite %" PRIu64 " already",
				other);
	return err;
}

int edit_check_favourite(struct edit *e, struct object *o, const struct object *before)
{
	const struct favourite *favourite = (const struct favourite *)o;
	uint64_t id = 0;
	const struct field *f = of_which(e, o, &id);
	bool is_visible = true;
	int err = 0;

	if (before)
		stays_whose_it_is(e, favourite->extension_id,
				  ((const struct favourite *)before)->extension_id);
	else
		err = is_room(e,
			      "SELECT COUNT(*) FROM favourites WHERE tenant_id = $1 AND "
			      "extension_id = $2",
			      o, favourite->extension_id, MOST_FAVOURITES);
	if (!err && f)
		err = is_seen(e, favourite, &is_visible);
	if (!err && !is_visible)
		field_error_add(&e->errs, f->name, "not_found", "there is no %s %" PRIu64,
				f->ref->name, id);
	return err || !f ? err : is_there_twice(e, favourite, f, id);
}

/* ---- they go ---- */

int edit_contact_deleting(struct edit *e, const struct object *o)
{
	return edit_those_gone(e, &resource_favourite, o,
			       o->res == &resource_phone_book_entry
				       ? "SELECT id FROM favourites WHERE tenant_id = $1 AND "
					 "contact_id = $2 ORDER BY id LIMIT 1"
				       : "SELECT id FROM favourites WHERE tenant_id = $1 AND "
					 "personal_contact_id = $2 ORDER BY id LIMIT 1");
}

int edit_owned_gone(struct edit *e, const struct object *extension)
{
	static const struct {
		const struct resource *res;
		const char *sql;
	} those[] = {
		{&resource_favourite,
		 "SELECT id FROM favourites WHERE tenant_id = $1 AND "
		 "(extension_id = $2 OR favourite_extension_id = $2) ORDER BY id LIMIT 1"},
		{&resource_personal_contact,
		 "SELECT id FROM personal_contacts WHERE tenant_id = $1 AND extension_id = $2 "
		 "ORDER BY id LIMIT 1"},
		{&resource_holiday, "SELECT id FROM holidays WHERE tenant_id = $1 AND "
				    "extension_id = $2 ORDER BY id LIMIT 1"},
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(those); i++)
		err = edit_those_gone(e, those[i].res, extension, those[i].sql);
	return err;
}
