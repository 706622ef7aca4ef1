/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SYS-10: of two codes of a tenant neither begins with the other; some are its own choice, some the same everywhere. */
#include "schema/feature_codes.h"
#include "store/edit.h"

static const char *const fixed[] = {
#define X(code, service, id, doc) code,
#include "schema/feature_codes.def"
#undef X
};

static bool collide(struct str a, struct str b)
{
	return a.n && b.n && (str_starts(a, b) || str_starts(b, a));
}

static void differ(struct edit *e, const struct object *o, const struct field *f,
		   const struct field *other)
{
	struct str code = str_of(field_text(o, f)), its = str_of(field_text(o, other));

	if (collide(code, its))
		field_error_add(&e->errs, f->name, "taken", "%.*s is %s", STR_ARG(its),
				other->name);
}

int edit_check_codes(struct edit *e, struct object *o, const struct object *before)
{
	const struct field *all = o->res->fields;

	for (size_t i = 0; i < o->res->nfields; i++) {
		if (!(all[i].flags & FEATURE_CODE))
			continue;
		for (size_t k = 0; k < i; k++)
			if (all[k].flags & FEATURE_CODE)
				differ(e, o, &all[i], &all[k]);
		for (size_t k = 0; k < ARRAY_LEN(fixed); k++)
			if (collide(str_of(field_text(o, &all[i])), str_of(fixed[k])))
				field_error_add(&e->errs, all[i].name, "taken",
						"%s is a feature code", fixed[k]);
	}
	return 0;
}
