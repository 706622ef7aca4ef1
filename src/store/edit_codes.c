/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SYS-10: of two codes of a tenant neither begins with the other; some are its own choice, some the same everywhere. */
#include "store/edit.h"

/* Those that a tenant chooses. */
static const char *const own[] = {"pickup_code", "pickup_held_code", "pickup_group_code"};

static const char *const fixed[] = {
#define X(code, service, id, doc) code,
#include "schema/feature_codes.def"
#undef X
};

static bool collide(struct str a, struct str b)
{
	return a.n && b.n && (str_starts(a, b) || str_starts(b, a));
}

static struct str code_of(const struct object *o, size_t i)
{
	return str_of(field_text(o, resource_field(o->res, str_of(own[i]))));
}

int edit_check_codes(struct edit *e, struct object *o, const struct object *before)
{
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		struct str code = code_of(o, i);

		for (size_t k = 0; k < i; k++)
			if (collide(code, code_of(o, k)))
				field_error_add(&e->errs, own[i], "taken", "%.*s is %s",
						STR_ARG(code_of(o, k)), own[k]);
		for (size_t k = 0; k < ARRAY_LEN(fixed); k++)
			if (collide(code, str_of(fixed[k])))
				field_error_add(&e->errs, own[i], "taken", "%s is a feature code",
						fixed[k]);
	}
	return 0;
}
