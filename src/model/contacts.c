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

static bool sees(const struct model *m, const struct extension *x, const struct phone_book_entry *c)
{
	const struct object *o =
		model_object(m, &resource_phone_book, c->o.tenant_id, c->phone_book_id);
	const struct phone_book *book = (const struct phone_book *)o;

	for (size_t i = 0; book && i < book->groups.n; i++) {
		const struct phone_book_group *g =
			(const struct phone_book_group *)book->groups.v[i];

		if (model_is_in_group(x, g->group_id))
			return true;
	}
	return book && !book->groups.n;
}

static bool write_name(const struct phone_book_entry *c, char *dst, size_t dst_bytes)
{
	char name[160];

	(void)snprintf(name, sizeof(name), "%s%s%s", c->first_name,
		       *c->first_name && *c->last_name ? " " : "", c->last_name);
	if (!*name && !*c->company)
		return false;
	str_fit(dst, dst_bytes, str_of(*name ? name : c->company));
	return true;
}

bool model_contact_name(const struct model *m, const struct extension *seer, struct str number,
			char *dst, size_t dst_bytes)
{
	const struct index *ix = model_index(m);
	const struct phone_book_entry *best = NULL;
	enum likeness best_is = NOT_ALIKE;
	const struct key *pos = NULL;
	const struct object *o;
	char digits[40];
	struct str wanted = index_digits(digits, number);

	while (wanted.n && (o = index_named(ix, seer->o.tenant_id, number, &pos))) {
		const struct phone_book_entry *c = (const struct phone_book_entry *)o;
		enum likeness is = likeness(wanted, field_text(o, pos->field));

		if (is < best_is || is == NOT_ALIKE ||
		    (is == best_is && best && c->o.id >= best->o.id) || !sees(m, seer, c))
			continue;
		best = c;
		best_is = is;
	}
	return best && write_name(best, dst, dst_bytes);
}
