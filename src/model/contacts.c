/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/contacts.h"
#include <stdio.h>
#include <string.h>
#include "model/groups.h"
#include "model/index.h"

enum { ENOUGH = 7 };

enum likeness { NOT_ALIKE, ENDS_ALIKE, SAME };

static enum likeness likeness(struct str number, const char *text)
{
	char digits[40];
	struct str own = index_digits(digits, str_of(text)), longer = number, shorter = own;

	if (own.n > number.n) {
		longer = own;
		shorter = number;
	}
	if (!shorter.n || memcmp(longer.p + longer.n - shorter.n, shorter.p, shorter.n) != 0)
		return NOT_ALIKE;
	if (longer.n == shorter.n)
		return SAME;
	return shorter.n >= ENOUGH ? ENDS_ALIKE : NOT_ALIKE;
}

static bool is_personal(const struct object *o)
{
	return o->res == &resource_personal_contact;
}

static bool sees(const struct model *m, const struct extension *x, const struct object *contact)
{
	const struct phone_book_entry *c = (const struct phone_book_entry *)contact;

	const struct phone_book *book;

	if (is_personal(contact))
		return ((const struct personal_contact *)contact)->extension_id == x->o.id;
	book = (const struct phone_book *)model_object(m, &resource_phone_book, c->o.tenant_id,
						       c->phone_book_id);
	for (size_t i = 0; book && i < book->groups.n; i++) {
		const struct phone_book_group *g =
			(const struct phone_book_group *)book->groups.v[i];

		if (model_is_in_group(x, g->group_id))
			return true;
	}
	return book && !book->groups.n;
}

static bool write_name(const struct object *o, char *dst, size_t dst_bytes)
{
	const struct phone_book_entry *c = (const struct phone_book_entry *)o;
	const struct personal_contact *own = (const struct personal_contact *)o;
	const bool is_own = is_personal(o);
	const char *first = is_own ? own->first_name : c->first_name;
	const char *last = is_own ? own->last_name : c->last_name;
	const char *company = is_own ? own->company : c->company;
	char name[160];

	(void)snprintf(name, sizeof(name), "%s%s%s", first, *first && *last ? " " : "", last);
	if (!*name && !*company)
		return false;
	str_fit(dst, dst_bytes, str_of(*name ? name : company));
	return true;
}

/* What the extension itself calls somebody goes before what a phone book does; then the older. */
static bool goes_before(const struct object *a, const struct object *b)
{
	return is_personal(a) != is_personal(b) ? is_personal(a) : a->id < b->id;
}

bool model_contact_name(const struct model *m, const struct extension *seer, struct str number,
			char *dst, size_t dst_bytes)
{
	const struct index *ix = model_index(m);
	const struct object *best = NULL;
	enum likeness best_is = NOT_ALIKE;
	const struct key *pos = NULL;
	const struct object *o;
	char digits[40];
	struct str wanted = index_digits(digits, number);

	while (wanted.n && (o = index_named(ix, seer->o.tenant_id, number, &pos))) {
		enum likeness is = likeness(wanted, field_text(o, pos->field));

		if (is < best_is || is == NOT_ALIKE ||
		    (is == best_is && best && !goes_before(o, best)) || !sees(m, seer, o))
			continue;
		best = o;
		best_is = is;
	}
	return best && write_name(best, dst, dst_bytes);
}
